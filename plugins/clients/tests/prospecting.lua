-- Prospects contacted: whom, how often, and when to stop.

local TEXT <const> = "{salutation} we would like to meet."

local function nikos(t, fields)
  fields.name, fields.email = fields.name or "Nikos", fields.email or "nikos@example.org"
  fields.lawful_basis = fields.lawful_basis or "legitimate_interests"
  return t.person(fields)
end

--- Two mails a day apart, then a call.
local function sequence(t)
  t.template { key = "first", language = "en", subject = "Hello", body = TEXT }
  local made = t.outreach_sequence()
  t.outreach_step { sequence = made, position = 1, template = "first", wait_days = 0 }
  t.outreach_step { sequence = made, position = 2, template = "first", wait_days = 1 }
  t.outreach_step { sequence = made, position = 3, channel = "call", wait_days = 1 }
  return made
end

test("T5 a list takes who fits and may be written to, and says why not the others", function(t)
  local firm = t.organisation { industry = "energy", country = "GR", roles = { "prospect" } }
  local good, closed, unknown = nikos(t, {}), nikos(t, { name = "Closed", do_not_contact = true }), t.person { name = "Unknown" }
  for _, person in ipairs { good, closed, unknown } do
    t.affiliation { person = person, organisation = firm, job_title = "Chief financial officer" }
  end
  t.affiliation { person = t.person(), organisation = t.organisation(), job_title = "Chief financial officer" }
  local list = t.prospect_list { industry = "energy", country = "GR", role = "prospect", job_title = "financial" }
  local tried = t.call("POST", "/prospect_lists/" .. list.id .. "/select", { json = { dry_run = true } }).json
  assert(#tried.add == 1 and #tried.excluded == 2, px.json.encode(tried))
  t.expect_no_record("prospect")
  local done = t.call("POST", "/prospect_lists/" .. list.id .. "/select", { json = {} }).json
  assert(done.changeset and done.add[1].person == good.id)
  t.expect_record("prospect", { list = list, person = good, organisation = firm, state = "new" })
  assert(t.call("POST", "/prospect_lists/" .. list.id .. "/select").json.already == 1)
end)

test("T5 a sequence goes step by step and ends without a reply", function(t)
  local outreach = t.outreach { sequence = sequence(t), person = nikos(t, {}) }
  t.expect_record("outreach", { id = outreach.id, steps_done = 1, last_step_on = "2026-01-05", state = "running" })
  t.advance("23h")
  t.expect_record("outreach", { id = outreach.id, steps_done = 1 })
  t.advance("2h")
  t.expect_record("outreach", { id = outreach.id, steps_done = 2 })
  t.advance("1d")
  t.expect_record("task", { title = "Call Nikos", kind = "outreach", outreach = outreach })
  t.expect_record("outreach", { id = outreach.id, steps_done = 3, state = "finished" })
end)

test("T5 it stops at the first answer", function(t)
  local person = nikos(t, {})
  local list = t.prospect_list()
  local prospect = t.prospect { list = list, person = person }
  local outreach = t.outreach { sequence = sequence(t), person = person, prospect = prospect }
  t.expect_record("prospect", { id = prospect.id, state = "contacted" })
  t.interaction { kind = "email", direction = "outbound", people = { person }, at = "2026-01-05T09:00:00Z" }
  t.expect_record("outreach", { id = outreach.id, state = "running" })
  t.interaction { kind = "email", direction = "inbound", subject = "Re: Hello", people = { person }, at = "2026-01-05T10:00:00Z" }
  t.advance("2d")
  t.expect_record("outreach", { id = outreach.id, state = "replied", reason = "Re: Hello", steps_done = 1 })
  t.expect_record("prospect", { id = prospect.id, state = "replied" })
  t.expect_no_record("task")
end)

test("T5 who withdraws consent, or is closed with his firm, is written to no more", function(t)
  local made = sequence(t)
  local person, clerk = nikos(t, {}), nikos(t, { name = "Clerk", email = "clerk@example.org" })
  local firm = t.organisation { name = "Acme" }
  t.affiliation { person = clerk, organisation = firm }
  local first, second = t.outreach { sequence = made, person = person }, t.outreach { sequence = made, person = clerk }
  t.update("person", person, { consent_withdrawn_on = "2026-01-06" })
  t.update("organisation", firm, { do_not_contact = true })
  t.expect_record("outreach", { id = first.id, state = "opted_out", reason = "consent was withdrawn on 2026-01-06" })
  t.advance("25h")
  t.expect_record("outreach", { id = second.id, state = "opted_out", reason = "Acme is marked as not to be contacted", steps_done = 1 })
end)

test("T5 nothing begins with who may not be written to, and the reason is said", function(t)
  local made = sequence(t)
  local function refused(person)
    return t.refuses("refused", t.outreach, { sequence = made, person = person }).detail
  end
  assert(refused(t.person()) == "no lawful basis of contact is recorded")
  assert(refused(nikos(t, { do_not_contact = true })) == "the person is marked as not to be contacted")
  assert(refused(nikos(t, { lawful_basis = "legal_obligation" })):find("legal_obligation", 1, true))
  local silent = t.person { lawful_basis = "legitimate_interests" }
  local asked = t.call("GET", "/people/" .. silent.id .. "/contactable", { query = { language = "el" } }).json
  assert(asked.allowed == false and asked.reason == "δεν υπάρχει ηλεκτρονική διεύθυνση", px.json.encode(asked))
  assert(t.call("GET", "/people/" .. silent.id .. "/contactable", { query = { by = "call" } }).json.allowed)
  t.refuses("rule", t.outreach_step, { sequence = made, position = 9, channel = "email" })
end)

test("T5 a letter that lacks something is not sent: the owner is asked", function(t)
  t.template { key = "gap", body = "Dear {given_name}, as {job_title} you know" }
  local made = t.outreach_sequence()
  t.outreach_step { sequence = made, position = 1, template = "gap" }
  local outreach = t.outreach { sequence = made, person = nikos(t, {}) }
  t.expect_record("outreach", { id = outreach.id, state = "stopped", reason = "the letter lacks: given_name, job_title", steps_done = 0 })
  t.expect_record("task", { outreach = outreach, kind = "outreach" })
end)

test("T5 a mail that fails stops its sequence", function(t)
  local person = nikos(t, {})
  local outreach = t.outreach { sequence = sequence(t), person = person }
  t.emit("mail.failed", { plugin = "clients", template = "outreach", related = person.id, code = "recipient_refused" })
  t.expect_record("outreach", { id = outreach.id, state = "stopped", reason = "mail: recipient_refused" })
end)
