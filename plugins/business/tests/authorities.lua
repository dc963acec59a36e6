-- Authorities: filings that come again and escalate, permits, promises in public, reputation.

local function authority(t)
  return t.organisation { name = "Municipality", roles = { "authority" } }
end

test("B6 a duty comes again on the working calendar, with evidence", function(t)
  local duty = t.authority_duty { title = "Waste report", authority = authority(t).id, first_due_on = "2026-01-31", every_months = 1 }
  local first = t.expect_record("filing", { duty = duty, occurrence = 1, due_on = "2026-02-02", state = "open" }) -- a Saturday
  t.expect_record("task", { origin = "filing:" .. first.id, due = "2026-02-02", state = "open" })
  t.refuses("rule", t.update, "filing", first, { state = "filed" })
  t.update("filing", first, { state = "filed", filed_on = "2026-02-02", evidence = "prot. 77" })
  t.expect_record("task", { origin = "filing:" .. first.id, state = "done" })
  t.expect_record("filing", { duty = duty, occurrence = 2, due_on = "2026-03-02", state = "open" })
  t.update("authority_duty", duty, { roll = "none" })
  t.expect_record("filing", { duty = duty, occurrence = 2, due_on = "2026-02-28" })
  t.update("authority_duty", duty, { active = false })
  t.expect_record("filing", { duty = duty, occurrence = 2, state = "waived" })
  assert(#t.find("filing") == 2)
  t.refuses("refused", t.filing, { duty = duty.id, occurrence = 3, due_on = "2026-03-31" })
end)

test("B6 a filing escalates to the head before and after its day, once each", function(t)
  local head
  t.as("manager", function(user) head = user.id end)
  local unit = t.organisation { head = head }
  local duty = t.authority_duty { title = "VAT", authority = authority(t).id, unit = unit.id, first_due_on = "2026-01-07", escalate_days = 1 }
  local filing = t.expect_record("filing", { duty = duty })
  t.advance_to("2026-01-06T06:00:00Z")
  local task = t.expect_record("task", { origin = "filing:" .. filing.id .. ":escalation", owner = head })
  t.advance_to("2026-01-08T06:00:00Z")
  t.expect_record("filing", { id = filing.id, escalation = 2 })
  local later = t.get("task", task)
  assert(later.title ~= task.title)
  local rows = t.command("obligations", { "days=10" }).tables[1].rows
  assert(#rows == 1 and rows[1].days == -1 and rows[1].authority == "Municipality")
  t.update("filing", filing, { state = "filed", filed_on = "2026-01-08", evidence = "late" })
  assert(t.get("filing", filing).late and t.get("task", task).state == "done")
  t.expect_event("business.filing_escalated", { filing = filing.id, level = 2 })
end)

test("B6 recurring days do not drift and roll both ways", function()
  local recurring <const> = require "recurring"
  local week = { is_business_day = function(day) return day.weekday <= 5 end }
  local duty = { first_due_on = px.date.parse("2025-12-31"), every_months = 2, roll = "none" }
  assert(tostring(recurring.due(duty, 2, week)) == "2026-02-28" and tostring(recurring.due(duty, 3, week)) == "2026-04-30")
  duty.roll, duty.last_due_on = "previous", px.date.parse("2026-03-01")
  assert(tostring(recurring.due(duty, 2, week)) == "2026-02-27" and recurring.due(duty, 3, week) == nil)
end)

test("B6 a permit is renewed in time or expires and says so", function(t)
  local permit = t.permit { title = "Noise", authority = authority(t).id, valid_from = "2025-01-01", expires_on = "2026-01-05", renew_days = 30 }
  t.expect_record("task", { origin = "permit:" .. permit.id, due = "2025-12-06", state = "open" })
  t.refuses("rule", t.permit, { authority = permit.authority, valid_from = "2026-02-01", expires_on = "2026-01-01" })
  t.advance_to("2026-01-06T06:00:00Z")
  t.expect_record("permit", { id = permit.id, state = "expired" })
  t.expect_event("business.permit_expired", { permit = permit.id })
  t.update("permit", permit, { state = "valid", expires_on = "2028-01-05" })
  t.expect_record("task", { origin = "permit:" .. permit.id, due = "2027-12-06" })
end)

test("B6 consultations and public commitments are answered with evidence", function(t)
  local town = authority(t)
  local consultation = t.consultation { title = "Port", authority = town.id, deadline = "2026-02-01" }
  t.refuses("rule", t.update, "consultation", consultation, { state = "submitted" })
  t.update("consultation", consultation, { state = "submitted", submitted_on = "2026-01-20", position = "In favour" })
  t.expect_record("task", { origin = "consultation:" .. consultation.id, state = "done" })
  local promise = t.public_commitment { title = "100 trees", party = town.id, made_on = "2026-01-01", due_on = "2026-03-01" }
  t.refuses("rule", t.update, "public_commitment", promise, { state = "kept" })
  t.update("public_commitment", promise, { state = "broken", evidence = "60 planted" })
  t.expect_record("task", { origin = "public_commitment:" .. promise.id, state = "done" })
end)

test("B6 reputation is what persons judge; who may speak is dated", function(t)
  local town = authority(t)
  local entry = t.reputation_entry { title = "Article", source = "Paper", happened_on = "2026-01-04", polarity = -1, follow_up_on = "2026-01-09" }
  t.reputation_entry { title = "Rumour", source = "Web", happened_on = "2026-01-04" }
  assert(entry.polarity_by)
  t.refuses("range", t.reputation_entry, { polarity = 3 })
  t.refuses("refused", t.update, "reputation_entry", entry, { polarity_by = "x" })
  local report = t.call("GET", "/reports/reputation?from=2026-01-01&to=2026-02-28").json
  assert(report.unknown == 1 and tonumber(tostring(report.series[1].points[1].y)) == -1)
  assert(report.series[1].points[2].y == nil or report.series[1].points[2].y == px.null)
  local user
  t.as("manager", function(one) user = one.id end)
  t.spokesperson { party = town.id, person = user, topics = "Port", ends_on = "2026-12-31" }
  t.spokesperson { party = town.id, person = user, topics = "Before", ends_on = "2025-12-31" }
  local said = t.call("GET", "/spokespeople?party=Municipality").json.data
  assert(#said == 1 and said[1].topics == "Port")
  t.community_event { title = "Clean beach", held_on = "2026-05-01", attended = 40, cost = px.money(30000, "EUR") }
end)
