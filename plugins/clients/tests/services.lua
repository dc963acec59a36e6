-- C7: entitlements, visits that come again, courses with places. Today is Monday, 5 January 2026.

local function hours(t, fields)
  fields = fields or {}
  fields.quantity, fields.unit = fields.quantity or 10, "hours"
  fields.starts_on, fields.period_months = "2025-01-31", 3
  return t.entitlement(fields)
end

local function use(t, entitlement, quantity, on)
  return t.call("POST", "/entitlements/" .. entitlement.id .. "/use", { json = { quantity = quantity, used_on = on } })
end

test("C7 what is used of an entitlement is counted in its period, and no more than there is", function(t)
  local client = t.organisation()
  local entitlement = hours(t, { organisation = client })
  local first = use(t, entitlement, 7)
  assert(first.status == 201 and first.json.left == 3 and first.json.starts_on == "2025-10-31", first.text)
  local over = use(t, entitlement, 4)
  assert(over.status == 422 and over.json.code == "rule" and over.json.detail:find("entitled", 1, true), over.text)
  local row = t.call("GET", "/entitlements", { query = { organisation = client.id } }).json.data[1]
  assert(row.used == 7 and row.left == 3 and row.ends_on == "2026-01-30", px.json.encode(row))
  -- The next period begins on the last day of January, and with all ten hours.
  local later = t.call("GET", "/entitlements", { query = { organisation = client.id, on = "2026-01-31" } }).json.data[1]
  assert(later.used == 0 and later.left == 10 and later.starts_on == "2026-01-31")
end)

test("C7 a use that was a mistake is deleted, and is left again", function(t)
  local entitlement = hours(t)
  use(t, entitlement, 7)
  t.delete("service_use", t.expect_record("service_use", { quantity = 7 }))
  t.expect_record("entitlement_period", { entitlement = entitlement.id, used = 0, left = 10 })
  t.refuses("refused", t.update, "entitlement_period", t.find("entitlement_period")[1], { used = 5 })
end)

test("C7 a use is refused where it is wrong", function(t)
  local entitlement = hours(t)
  assert(use(t, entitlement, 0).json.errors[1].pointer == "/quantity")
  assert(use(t, entitlement, 1, "2024-01-01").json.errors[1].pointer == "/used_on")
  t.refuses("refused", t.service_use)
  t.refuses("rule", t.entitlement, { starts_on = "2026-02-01", ends_on = "2026-01-01" })
end)

test("C7 a plan has always one visit ahead, and each visit a task", function(t)
  local plan = t.service_plan { name = "Lift", every_months = 1, first_on = "2026-01-06", organisation = t.organisation(), effort_hours = 2 }
  local visit = t.expect_record("service_visit", { plan = plan.id, due_on = "2026-01-06", state = "due" })
  t.expect_record("task", { origin = "service_visit:" .. visit.id, due = "2026-01-06", state = "open" })
  t.advance("2d")
  t.expect_record("service_visit", { plan = plan.id, due_on = "2026-02-06" })
  local due = t.call("GET", "/services/due", { query = { days = "40" } }).json
  assert(due.overdue == 1 and due.data[1].overdue_days == 1 and due.data[2].due_on == "2026-02-06", px.json.encode(due))
  t.update("service_visit", visit, { state = "done", outcome = "Oiled", done_on = "2026-01-07" })
  t.expect_record("task", { origin = "service_visit:" .. visit.id, state = "done" })
end)

test("C7 days of a plan are counted from the first one, so that short months move nothing", function(t)
  t.service_plan { every_months = 1, first_on = "2025-10-31" }
  t.expect_record("service_visit", { due_on = "2026-01-31" })
  t.service_plan { every_months = 4, first_on = "2025-10-31" }
  t.expect_record("service_visit", { due_on = "2026-02-28" })
end)

test("C7 a plan that is over makes no more visits", function(t)
  local plan = t.service_plan { every_months = 1, first_on = "2026-01-06", ends_on = "2026-01-20" }
  t.advance("2d")
  local visits = t.find("service_visit", { filter = { plan = plan.id } })
  assert(#visits == 1)
  t.refuses("rule", t.update, "service_visit", visits[1], { state = "skipped" })
  t.refuses("rule", t.service_plan, { every_months = 1, first_on = "2026-01-10", ends_on = "2026-01-01" })
end)

test("C7 a course has as many places as it has, and who waits moves up", function(t)
  local session = t.training_session { title = "Forklift", starts_at = "2026-02-01T22:30:00Z", capacity = 2 }
  t.expect_record("task", { origin = "training_session:" .. session.id, due = "2026-02-02" })
  local seats = {}
  for n = 1, 3 do
    seats[n] = t.training_attendance { session = session, person = t.person { name = "Person " .. n } }
  end
  t.expect_record("training_attendance", { id = seats[2].id, status = "registered" })
  t.expect_record("training_attendance", { id = seats[3].id, status = "waiting" })
  t.update("training_attendance", seats[1], { status = "cancelled" })
  t.expect_record("training_attendance", { id = seats[3].id, status = "registered" })
  t.refuses("unique", t.training_attendance, { session = session, person = seats[2].person })
  t.update("training_session", session, { state = "held" })
  t.update("training_attendance", seats[2], { status = "attended" })
  t.expect_record("task", { origin = "training_session:" .. session.id, state = "done" })
  t.refuses("range", t.training_session, { capacity = 0 })
end)
