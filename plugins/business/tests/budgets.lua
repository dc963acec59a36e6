-- Budgets against commitments and actuals, with alerts once for each crossing.

local function eur(amount)
  return px.money(amount, "EUR")
end

local function year(t, fields)
  fields = fields or {}
  fields.name = fields.name or "Plant 2026"
  fields.starts_on, fields.ends_on = fields.starts_on or "2026-01-01", fields.ends_on or "2026-12-31"
  fields.amount = fields.amount or eur(100000)
  return t.budget(fields)
end

local function order(t, budget, amount, fields)
  fields = fields or {}
  fields.budget, fields.amount, fields.committed_on = budget.id, amount, fields.committed_on or "2026-01-05"
  return t.commitment(fields)
end

local function cost(t, budget, amount, fields)
  fields = fields or {}
  fields.budget, fields.amount, fields.booked_on = budget.id, amount, fields.booked_on or "2026-01-05"
  return t.cost_entry(fields)
end

local function figures(t, budget)
  local now = t.get("budget", budget)
  return tostring(now.committed), tostring(now.actual), tostring(now.remaining)
end

local function expect(t, budget, committed, actual, remaining)
  local c, a, r = figures(t, budget)
  assert(c == tostring(committed) and a == tostring(actual) and r == tostring(remaining), c .. " / " .. a .. " / " .. r)
end

test("B2 a commitment that becomes actual is not counted twice", function(t)
  local budget = year(t)
  local purchase = order(t, budget, eur(40000))
  expect(t, budget, eur(40000), eur(0), eur(60000))
  cost(t, budget, eur(30000), { commitment = purchase.id })
  expect(t, budget, eur(10000), eur(30000), eur(60000))
  cost(t, budget, eur(15000), { commitment = purchase.id }) -- more than was ordered: the excess is spent too
  expect(t, budget, eur(0), eur(45000), eur(55000))
  cost(t, budget, eur(5000), { kind = "credit_note" })
  expect(t, budget, eur(0), eur(40000), eur(60000))
end)

test("B2 a commitment that is fulfilled or cancelled binds nothing more", function(t)
  local budget = year(t)
  local purchase = order(t, budget, eur(40000))
  cost(t, budget, eur(10000), { commitment = purchase.id })
  t.update("commitment", purchase, { state = "fulfilled" })
  expect(t, budget, eur(0), eur(10000), eur(90000))
  local other = order(t, budget, eur(20000))
  t.update("commitment", other, { state = "cancelled" })
  expect(t, budget, eur(0), eur(10000), eur(90000))
  t.update("commitment", other, { state = "open", amount = eur(25000) })
  expect(t, budget, eur(25000), eur(10000), eur(65000))
  t.delete("commitment", other)
  expect(t, budget, eur(0), eur(10000), eur(90000))
end)

test("B2 an entry that moves to another budget is counted there", function(t)
  local one = year(t)
  local two = year(t, { name = "Office 2026" })
  local entry = cost(t, one, eur(10000))
  t.update("cost_entry", entry, { budget = two.id })
  local purchase = order(t, one, eur(0))
  cost(t, one, eur(0), { commitment = purchase.id })
  assert(t.refuses("refused", t.update, "commitment", purchase, { budget = two.id }).field == "/budget")
  expect(t, one, eur(0), eur(0), eur(100000))
  expect(t, two, eur(0), eur(10000), eur(90000))
end)

test("B2 each threshold alerts once for each crossing", function(t)
  local budget = year(t)
  cost(t, budget, eur(79999))
  t.expect_no_record("budget_alert")
  local credit = cost(t, budget, eur(10000))
  t.expect_record("budget_alert", { budget = budget, threshold = 80, crossing = 1 })
  t.expect_record("task", { origin = "budget:" .. budget.id .. ":80:1", state = "open" })
  cost(t, budget, eur(5000))
  assert(#t.find("budget_alert") == 1)
  t.delete("cost_entry", credit)
  cost(t, budget, eur(10000), { kind = "credit_note" })
  t.expect_record("budget_alert", { threshold = 80, crossing = 1, cleared_on = "2026-01-05" })
  t.expect_record("task", { origin = "budget:" .. budget.id .. ":80:1", state = "dropped" })
  order(t, budget, eur(30000)) -- 105 %: both
  t.expect_record("budget_alert", { threshold = 80, crossing = 2 })
  t.expect_record("budget_alert", { threshold = 100, crossing = 1 })
  assert(#t.find("budget_alert") == 3)
end)

test("B2 a dated rate converts; without one the entry is unknown until the rate comes", function(t)
  local budget = year(t)
  t.exchange_rate { base = "EUR", currency = "USD", rate = "1.25", on = "2026-01-02", source = "ECB" }
  t.exchange_rate { base = "EUR", currency = "USD", rate = "2", on = "2026-01-10", source = "ECB" }
  local entry = cost(t, budget, px.money(12500, "USD"))
  assert(tostring(entry.rate_on) == "2026-01-02" and entry.rate:find("1 EUR = 1.25", 1, true), entry.rate)
  expect(t, budget, eur(0), eur(10000), eur(90000))
  cost(t, budget, px.money(1000, "GBP"))
  local now = t.get("budget", budget)
  assert(now.unknown_entries == 1 and now.actual == eur(10000))
  t.exchange_rate { base = "GBP", currency = "EUR", rate = "1.2", on = "2026-01-05", source = "BoE" }
  now = t.get("budget", budget)
  assert(now.unknown_entries == 0 and tostring(now.actual) == tostring(eur(11200)), tostring(now.actual))
end)

test("B2 periods do not overlap, and a closed budget takes nothing more", function(t)
  local unit = t.organisation { roles = { "business_unit" } }
  local budget = year(t, { unit = unit.id })
  local refusal = t.refuses("refused", year, t, { unit = unit.id, starts_on = "2026-12-31", ends_on = "2027-12-31" })
  assert(refusal.field == "/starts_on" and refusal.detail:find("Plant 2026", 1, true), refusal.detail)
  local next_year = year(t, { unit = unit.id, starts_on = "2027-01-01", ends_on = "2027-12-31" })
  t.refuses("refused", t.update, "budget", next_year, { starts_on = "2026-12-01" })
  t.refuses("rule", year, t, { starts_on = "2026-12-31", ends_on = "2026-01-01" })
  t.update("budget", budget, { state = "closed" })
  assert(t.refuses("refused", order, t, budget, eur(100)).field == "/budget")
  assert(t.refuses("refused", cost, t, next_year, eur(100)).field == "/booked_on")
  assert(t.refuses("refused", t.update, "budget", next_year, { committed = eur(1) }).field == "/committed")
  assert(t.refuses("refused", t.update, "budget", next_year, { amount = px.money(1, "USD") }).field == "/amount")
end)

test("B2 what is left of a closed period is carried over, once", function(t)
  local unit = t.organisation { roles = { "business_unit" } }
  local budget = year(t, { unit = unit.id, carry_over = true })
  local after = year(t, { unit = unit.id, starts_on = "2027-01-01", ends_on = "2027-12-31" })
  cost(t, budget, eur(30000))
  assert(t.get("budget", after).carried_in == nil)
  t.update("budget", budget, { state = "closed" })
  t.restart()
  local now = t.get("budget", after)
  assert(now.carried_in == eur(70000) and now.remaining == eur(170000), tostring(now.remaining))
  t.update("budget", budget, { state = "open" })
  assert(t.get("budget", after).carried_in == nil)
end)

local function line(report, name, currency)
  for _, one in ipairs(report.series) do
    if one.name == name and one.currency == currency then
      return one
    end
  end
end

test("B2 the report keeps currencies apart and adds up to the plan", function(t)
  local unit = t.organisation { name = "Plant" }
  local budget = year(t, { unit = unit.id })
  year(t, { unit = unit.id, supplier = t.organisation().id, amount = px.money(1200, "USD"), name = "In dollars" })
  order(t, budget, eur(500), { committed_on = "2026-02-10" })
  cost(t, budget, eur(700), { booked_on = "2026-02-11" })
  cost(t, budget, px.money(5, "CHF"), { booked_on = "2026-02-12" })
  local report = t.call("GET", "/reports/budgets?from=2026-01-01&to=2026-12-31&unit=Plant").json
  local plan, total = line(report, "plan", "EUR"), 0
  for _, point in ipairs(plan.points) do
    total = total + point.y
  end
  assert(#plan.points == 12 and total == 100000, total)
  assert(line(report, "committed", "EUR").points[2].y == 500 and line(report, "actual", "EUR").points[2].y == 700)
  assert(line(report, "plan", "USD") and report.unknown == 1)
  assert(t.call("GET", "/reports/budgets?by=quarter").json.series[1].points[4].x == "2026-Q4")
  assert(t.call("GET", "/reports/budgets?by=fortnight").status == 422)
  local answer = t.call("GET", "/budgets?unit=Plant").json
  assert(#answer.data == 2 and t.call("GET", "/budgets?unit=Nowhere").status == 422)
end)

test("B2 the command shows a unit's budgets", function(t)
  local unit = t.organisation { name = "Plant" }
  local budget = year(t, { unit = unit.id })
  cost(t, budget, eur(25000))
  local shown = t.command("budget", { "Plant" })
  local row = shown.tables[1].rows[1]
  assert(row.name == "Plant 2026" and row.actual == "250.00 EUR" and row.remaining == "750.00 EUR", row.remaining)
  t.refuses("refused", t.command, "budget", { "Nowhere" })
end)
