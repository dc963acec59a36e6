-- One interaction on many records, the timeline, the last contact.

local function held(t, fields)
  fields.at = fields.at or "2026-01-04T10:00:00Z"
  fields.kind = fields.kind or "call"
  return t.interaction(fields)
end

local function last(t, organisation)
  return t.call("GET", "/last-contact?organisation=" .. organisation.id).json.last_contact
end

test("S2 one interaction belongs to many records", function(t)
  local one, other, person = t.organisation(), t.organisation(), t.person()
  local made = held(t, { subject = "Prices", organisations = { one, other }, people = { person }, duration_minutes = 30 })
  assert(made.status == "held")
  made = t.update("interaction", made, { direction = "inbound", sender = person })
  assert(made.direction == "inbound" and made.sender == person.id)
  for _, organisation in ipairs { one, other } do
    local items = t.call("GET", "/timeline/organisation/" .. organisation.id).json.data
    assert(#items == 2 and items[2].kind == "interaction" and items[2].record.subject == "Prices")
  end
  local refusal = t.refuses("range", held, t, { duration_minutes = -5 })
  assert(refusal.field == "/duration_minutes")
end)

test("S2 what is to come is planned, and cannot be held yet", function(t)
  local meeting = held(t, { kind = "meeting", at = "2026-02-01T10:00:00Z" })
  assert(meeting.status == "planned")
  local refusal = t.refuses("refused", t.update, "interaction", meeting, { status = "held" })
  assert(refusal.field == "/at", refusal.field)
end)

test("S2 who was spoken with speaks for where he works now", function(t)
  local now, past, person = t.organisation(), t.organisation(), t.person()
  t.affiliation { person = person, organisation = now }
  t.affiliation { person = person, organisation = past, started_on = "2020-01-01", ended_on = "2024-01-01" }
  local made = held(t, { people = { person } })
  assert(#made.organisations == 1 and made.organisations[1] == now.id)
end)

test("S2 last contact: when, by whom, how; unknown is null", function(t)
  local organisation = t.organisation()
  assert(last(t, organisation) == nil)
  held(t, { organisations = { organisation }, kind = "note", at = "2026-01-04T12:00:00Z" })
  held(t, { organisations = { organisation }, kind = "meeting", direction = "internal", at = "2026-01-04T12:00:00Z" })
  assert(last(t, organisation) == nil)
  t.expect_no_record("last_contact")
  local user = t.as("manager", function(user)
    held(t, { organisations = { organisation }, kind = "call", subject = "Prices", at = "2026-01-03T10:00:00Z" })
    return user
  end)
  held(t, { organisations = { organisation }, kind = "visit", at = "2026-01-01T10:00:00Z" })
  held(t, { organisations = { organisation }, kind = "visit", at = "2026-03-01T10:00:00Z" })
  local contact = last(t, organisation)
  assert(contact.kind == "call" and contact.subject == "Prices" and contact.days == 1, px.json.encode(contact))
  assert(contact.by == user.name, contact.by)
  t.expect_record("last_contact", { organisation = organisation.id, kind = "call", at = "2026-01-03T10:00:00Z" })
end)

test("S2 the last contact follows what is changed, deleted and merged", function(t)
  local organisation, other = t.organisation(), t.organisation()
  local call = held(t, { organisations = { organisation }, kind = "call", at = "2026-01-03T10:00:00Z" })
  held(t, { organisations = { organisation }, kind = "letter", at = "2026-01-02T10:00:00Z" })
  t.update("interaction", call, { organisations = { other } })
  t.expect_record("last_contact", { organisation = organisation.id, kind = "letter" })
  t.expect_record("last_contact", { organisation = other.id, kind = "call" })
  t.delete("interaction", call)
  t.expect_no_record("last_contact", { organisation = other.id })
  t.delete("organisation", organisation)
  t.expect_no_record("last_contact")
end)

test("S2 the timeline merges interactions, tasks, promises and changes, page by page", function(t)
  local organisation = t.organisation { name = "Samos Wine" }
  held(t, { organisations = { organisation } })
  t.advance("1h")
  t.promise { organisation = organisation, text = "A sample", due = "2026-02-01" }
  t.advance("1h")
  t.update("organisation", organisation, { industry = "wine" })
  local path = "/timeline/organisation/" .. organisation.id
  local whole = t.call("GET", path).json
  local kinds = {}
  for i, item in ipairs(whole.data) do
    kinds[i] = item.kind
    assert(i == 1 or whole.data[i - 1].at >= item.at)
  end
  assert(table.concat(kinds, " ") == "change task promise change interaction", table.concat(kinds, " "))
  local seen, after = {}, ""
  repeat
    local page = t.call("GET", path .. "?limit=2" .. after).json
    assert(#page.data <= 2)
    for _, item in ipairs(page.data) do
      seen[#seen + 1] = item.kind
    end
    after = page.next and "&after=" .. page.next
  until not after
  assert(table.concat(seen, " ") == table.concat(kinds, " "), table.concat(seen, " "))
  assert(t.call("GET", path .. "?limit=0").status == 400)
  assert(t.call("GET", path .. "?after=x").status == 422)
  assert(t.call("GET", "/timeline/organisation/0abc1def2gh3j").status == 404)
end)
