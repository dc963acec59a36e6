-- Targets: agreed by two, measured by what was won, weighed against hours.
local effort <const> = require "effort"

local function target(t, fields)
  fields = fields or {}
  fields.name, fields.amount = fields.name or "North 2026", fields.amount or px.money(1000000, "EUR")
  fields.starts_on, fields.ends_on = fields.starts_on or "2026-01-01", fields.ends_on or "2026-01-31"
  for _, field in ipairs { "planning_round", "seller", "unit", "product" } do
    fields[field] = fields[field] or px.null
  end
  return t.target(fields)
end

local function won(t, value, fields)
  fields = fields or {}
  fields.name, fields.value = "Deal", px.money(value, "EUR")
  local deal = t.create("opportunity", fields)
  t.update("opportunity", deal, { stage = "engaging" })
  return t.update("opportunity", deal, { stage = "won" })
end

test("C5 a target has a period, or is refused", function(t)
  local refusal = t.refuses("required", t.create, "target", { name = "Someday", amount = px.money(100, "EUR"), ends_on = "2026-12-31" })
  assert(refusal.field == "/starts_on", refusal.field)
  t.refuses("rule", target, t, { starts_on = "2026-02-01", ends_on = "2026-01-01" })
  t.refuses("range", target, t, { amount = px.money(0, "EUR") })
end)

test("C5 actuals are what was won in the period, by unit and product", function(t)
  local unit, product = t.organisation { name = "North" }, t.product { name = "Roof" }
  local one = target(t, { unit = unit, product = product })
  won(t, 300000, { unit = unit.id, product = product.id })
  won(t, 500000, { unit = unit.id })
  local answer = t.call("GET", "/targets/" .. one.id).json
  assert(answer.actual == 300000 and answer.won == 1 and answer.reached == 30 and answer.missing == 700000, px.json.encode(answer))
  assert(answer.rates.too_thin and answer.effort == nil and answer.shortfall == nil)
  assert(answer.says == "the history is too thin: 1 deals won, 5 are needed", answer.says)
end)

test("C5 from target to effort, from hours to shortfall", function()
  local rates = effort.rates({ won = 5, lost = 5, value = 500000, valued = 5, meetings = 20, timed = 10, minutes = 600, task_hours = 10 }, 5)
  assert(rates.win_rate == 0.5 and rates.average_value == 100000 and rates.meetings_per_won == 4 and rates.hours_per_won == 6)
  local needed = effort.effort(250000, rates)
  assert(needed.deals == 3 and needed.opportunities == 6 and needed.meetings == 12 and needed.hours == 18)
  assert(effort.shortfall(needed, 10) == 8 and effort.shortfall(needed, 20) == 0 and effort.shortfall(needed, nil) == nil)
  local untimed = effort.rates({ won = 5, lost = 0, value = 5, valued = 5, meetings = 3, timed = 0, minutes = 0 }, 5)
  assert(untimed.hours_per_won == nil and effort.effort(5, untimed).hours == nil)
  assert(effort.effort(5, effort.rates({ won = 4, lost = 0, value = 5, valued = 4, meetings = 0, timed = 0, minutes = 0 }, 5)) == nil)
  assert(effort.effort(0, rates).hours == 0)
end)

test("C5 capacity leaves out holidays, weekends and absences; the shortfall is in hours", function(t)
  t.as("manager:seller", function(seller)
    local one = target(t, { seller = seller.id, amount = px.money(100000, "EUR"), starts_on = "2026-01-01", ends_on = "2026-01-16" })
    assert(t.call("GET", "/targets/" .. one.id).json.capacity == nil)
    t.selling_time { seller = seller.id, hours_per_day = "2", unit = px.null }
    -- 5 to 16 January: ten weekdays, of which the 6th is a holiday.
    assert(t.call("GET", "/targets/" .. one.id).json.capacity == 18)
    t.absence { absentee = seller.id, starts_on = "2026-01-10", ends_on = "2026-01-13" }
    t.absence { absentee = seller.id, starts_on = "2026-01-13", ends_on = "2026-01-13" }
    assert(t.call("GET", "/targets/" .. one.id).json.capacity == 14)
    t.refuses("rule", t.absence, { absentee = seller.id, starts_on = "2026-01-13", ends_on = "2026-01-12" })
    local ids = {}
    for i = 1, 5 do
      ids[i] = won(t, 1000, { owner = seller.id }).id
    end
    t.interaction { kind = "meeting", at = "2026-01-04T09:00:00Z", duration_minutes = 120, opportunities = ids, people = {}, organisations = {},
      status = "held" }
    local answer = t.call("GET", "/targets/" .. one.id).json
    assert(answer.effort.deals == 95 and answer.effort.hours == 38, px.json.encode(answer))
    assert(answer.shortfall == 24 and answer.says == "24.0 hours are lacking", answer.says)
  end)
end)

test("T14 a round: proposed, commented, agreed by another, closed; then nothing moves silently", function(t)
  t.as("manager:head", function(head)
    local round = t.planning_round { name = "2026", starts_on = "2026-01-01", ends_on = "2026-12-31", heads = { head.id }, due = "2026-01-20" }
    local task = t.expect_record("task", { owner = head.id, title = "Agree on the targets: 2026", due = "2026-01-20", state = "open" })
    local one = target(t, { planning_round = round, starts_on = "2026-01-01", ends_on = "2026-12-31" })
    t.target_comment { target = one, body = "Too much with one seller", suggested = px.money(800000, "EUR") }
    t.update("target", one, { amount = px.money(900000, "EUR") })
    assert(t.refuses("refused", t.update, "planning_round", round, { state = "closed" }).field == "/state")
    local _, waiting = pcall(t.update, "target", one, { state = "agreed" })
    local approval = t.expect_record("approval", { record = one.id, state = "pending" })
    t.approve(approval, "manager:other")
    t.expect_record("target", { id = one.id, state = "agreed" })
    assert(t.refuses("refused", t.update, "target", one, { amount = px.money(1, "EUR") }).field == "/amount")
    t.update("planning_round", round, { state = "closed" })
    t.expect_record("task", { id = task.id, state = "done" })
    local answer = t.call("GET", "/planning-rounds/" .. round.id).json
    assert(answer.sums.agreed == 900000 and #answer.targets[1].comments == 1 and #answer.targets[1].changes >= 3, waiting)
    local report = t.call("GET", "/reports/targets?from=2026-03-01&to=2026-03-31").json
    assert(report.series[1].points[1].y == 900000 and report.series[2].points[1].y == 0)
    assert(t.command("targets").tables[1].rows[1].target == "9000.00 EUR")
  end)
end)
