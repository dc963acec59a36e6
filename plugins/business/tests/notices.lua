-- Notices reach each person once, remind until acknowledged, and not who is away.

local function people(t)
  local ids = {}
  for _, role in ipairs { "manager", "manager:other" } do
    t.as(role, function(user) ids[#ids + 1] = user.id end)
  end
  return ids
end

local function publish(t, fields)
  fields.title, fields.valid_from = "Travel rules", fields.valid_from or "2026-01-05"
  local notice = t.notice(fields)
  return t.update("notice", notice, { state = "published" })
end

local function reminders(t)
  local count = 0
  for _, receipt in ipairs(t.find("notice_receipt")) do
    count = count + receipt.reminders
  end
  return count
end

test("B1 a notice reaches each of its audience once, through team, unit and name", function(t)
  local one, two = table.unpack(people(t))
  local unit = t.organisation { roles = { "business_unit" }, head = two }
  local notice = publish(t, { people = { one, two }, units = { unit.id } })
  t.restart()
  assert(#t.find("notice_receipt") == 2)
  t.expect_record("task", { owner = one, origin = "notice:" .. notice.id .. ":" .. one, state = "open" })
  t.advance("1d")
  assert(#t.find("notice_receipt") == 2)
end)

test("B1 who has not acknowledged is reminded, once each time, until he has", function(t)
  local one, two = table.unpack(people(t))
  local notice = publish(t, { people = { one, two }, remind_every = 2 })
  t.advance_to("2026-01-07T04:00:00Z")
  assert(reminders(t) == 0)
  t.advance_to("2026-01-07T06:00:00Z")
  assert(reminders(t) == 2)
  t.restart()
  t.advance_to("2026-01-08T06:00:00Z")
  assert(reminders(t) == 2)
  t.as("manager", function()
    assert(t.call("POST", "/notices/" .. notice.id .. "/acknowledge").status == 200)
  end)
  t.expect_record("task", { owner = one, state = "done" })
  t.advance_to("2026-01-09T06:00:00Z")
  assert(reminders(t) == 3)
  t.expect_event("business.notice_reminded", { notice = notice.id, user = two, number = 2 })
  local pending = t.call("GET", "/notices/" .. notice.id .. "/pending").json
  assert(pending.pending == 1 and pending.acknowledged == 1 and pending.data[1].person == two)
end)

test("B1 nobody acknowledges for another, and a notice is for somebody", function(t)
  local one = people(t)[1]
  local notice = publish(t, { people = { one } })
  local receipt = t.expect_record("notice_receipt", { person = one })
  t.as("manager:other", function()
    assert(t.refuses("refused", t.update, "notice_receipt", receipt, { acknowledged = true }).field == "/acknowledged")
    assert(t.call("POST", "/notices/" .. notice.id .. "/acknowledge").status == 404)
  end)
  t.as("manager", function()
    local read = t.update("notice_receipt", receipt, { acknowledged = true })
    assert(read.acknowledged and read.acknowledged_at)
    t.refuses("refused", t.update, "notice_receipt", receipt, { acknowledged = false })
  end)
  local empty = t.notice { valid_from = "2026-01-05" }
  assert(t.refuses("refused", t.update, "notice", empty, { state = "published" }).field == "/people")
  t.refuses("rule", t.notice, { valid_from = "2026-01-05", valid_until = "2026-01-04" })
end)

test("B1 a notice begins on its day and asks nobody after its last", function(t)
  local one = people(t)[1]
  publish(t, { people = { one }, valid_from = "2026-01-06", valid_until = "2026-01-07", remind_every = 1 })
  t.expect_no_record("notice_receipt")
  t.advance_to("2026-01-06T06:00:00Z")
  assert(#t.find("notice_receipt") == 1)
  t.advance_to("2026-01-09")
  t.expect_record("notice", { state = "ended" })
  t.expect_record("task", { owner = one, state = "dropped" })
  assert(reminders(t) == 1, reminders(t))
end)

test("B1 who is away is not reminded before he is back", function()
  local receipts <const> = require "receipts"
  local today, now = px.date.parse("2026-01-05"), px.date.parse("2026-01-05T08:00:00Z")
  local function decide(user, active)
    local reminds, next_on = receipts.decide({ remind_every = 3 }, user, active ~= false, today, now)
    return tostring(reminds) .. " " .. tostring(next_on)
  end
  local function at(text) return px.date.parse(text) end
  assert(decide({ away_until = at("2026-01-09T21:59:00Z") }) == "false 2026-01-10")
  assert(decide({ away_until = at("2026-01-05T08:00:00Z") }) == "true 2026-01-08") -- back since this moment
  assert(decide({ away_from = at("2026-01-06T00:00:00Z"), away_until = at("2026-01-09T00:00:00Z") }) == "true 2026-01-08")
  assert(decide({}) == "true 2026-01-08")
  assert(decide({}, false):find("false", 1, true))
end)

test("B1 the command shows who has and who has not", function(t)
  people(t)
  publish(t, { roles = { t.find("role", { filter = { name = "manager" } })[1].id } })
  local shown = t.command("notices")
  local row = shown.tables[1].rows[1]
  assert(row.title == "Travel rules" and row.pending == 2 and row.acknowledged == 0)
end)
