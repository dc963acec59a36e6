-- Standards: who attests to which version, and exceptions with an end.

local function person(t, role)
  local id
  t.as(role or "manager", function(user) id = user.id end)
  return id
end

local function issue(t, standard, number, fields)
  fields = fields or {}
  fields.standard, fields.number, fields.body = standard.id, number, fields.body or "Text"
  fields.effective_from = fields.effective_from or "2026-01-05"
  local version = t.standard_version(fields)
  return t.update("standard_version", version, { state = "issued" })
end

test("B3 a version asks its audience to attest, a new one asks again", function(t)
  local one = person(t)
  local standard = t.standard { title = "Gifts", people = { one }, attest_days = 5 }
  local first = issue(t, standard, "1")
  t.expect_record("standard_version", { id = first.id, state = "in_force" })
  t.expect_record("attestation", { person = one, due = "2026-01-10", acknowledged = false, title = "Gifts 1" })
  t.as("manager", function()
    assert(t.call("POST", "/standards/" .. standard.id .. "/attest").status == 200)
  end)
  t.expect_record("task", { owner = one, state = "done" })
  issue(t, standard, "2", { effective_from = "2026-01-08" })
  assert(#t.find("attestation") == 1)
  t.advance_to("2026-01-08T06:00:00Z")
  t.expect_record("standard_version", { id = first.id, state = "superseded", effective_until = "2026-01-08" })
  t.expect_record("attestation", { person = one, due = "2026-01-13", acknowledged = false, title = "Gifts 2" })
  t.expect_record("attestation_campaign", { title = "Gifts 1", state = "closed" })
end)

test("B3 what is overdue is listed and reminded, once each time", function(t)
  local one = person(t)
  local standard = t.standard { title = "Gifts", people = { one }, attest_days = 2, remind_every = 2 }
  issue(t, standard, "1")
  t.advance_to("2026-01-09T06:00:00Z")
  local overdue = t.call("GET", "/attestations/overdue").json.data
  assert(#overdue == 1 and overdue[1].person == one and overdue[1].days_overdue == 2 and overdue[1].reminders == 2)
  t.expect_event("business.attestation_reminded", { user = one, number = 2 })
  t.expect_no_event("business.attestation_reminded", { number = 3 })
end)

test("B3 an exception is approved by another person, ends by itself and says so", function(t)
  local standard, exception = t.standard { title = "Gifts" }, nil
  t.as("manager", function()
    exception = t.standard_exception { title = "Wine at New Year", standard = standard.id, starts_on = "2026-01-05", expires_on = "2026-01-07" }
    t.update("standard_exception", exception, { state = "approved" })
  end)
  local approval = t.expect_record("approval", { record = exception.id })
  t.refuses("same_person", t.approve, approval, "manager")
  t.approve(approval, "manager:other")
  t.expect_record("standard_exception", { id = exception.id, state = "approved" })
  t.advance_to("2026-01-07T12:00:00Z")
  t.expect_record("standard_exception", { id = exception.id, state = "approved" })
  t.advance_to("2026-01-08T06:00:00Z")
  t.expect_record("standard_exception", { id = exception.id, state = "ended" })
  t.expect_event("business.exception_ended", { exception = exception.id })
  t.expect_record("task", { origin = "exception:" .. exception.id, state = "open" })
end)

test("B3 what was issued stays as it was, and is for somebody", function(t)
  local standard = t.standard { title = "Gifts", people = { person(t) } }
  local version = issue(t, standard, "1")
  assert(t.refuses("refused", t.update, "standard_version", version, { body = "Other" }).field == "/body")
  local empty = t.standard_version { standard = standard.id, number = "2", effective_from = "2026-02-01" }
  assert(t.refuses("refused", t.update, "standard_version", empty, { state = "issued" }).field == "/body")
  t.refuses("unique", t.standard_version, { standard = standard.id, number = "1", effective_from = "2026-02-01" })
  assert(t.refuses("refused", issue, t, t.standard(), "1").field == "/standard")
  t.refuses("rule", t.standard_exception, { starts_on = "2026-02-01", expires_on = "2026-01-01" })
end)
