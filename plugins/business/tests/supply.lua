-- Suppliers: facts, scorecards that keep what is unknown unknown, warnings.

local function deliver(t, supplier, promised, delivered, fields)
  fields = fields or {}
  fields.supplier, fields.promised_on, fields.delivered_on = supplier.id, promised, delivered
  return t.delivery(fields)
end

local function criteria(t)
  t.scorecard_criterion { name = "On time", weight = 60, measure = "on_time_share", worst = 50, best = 100 }
  t.scorecard_criterion { name = "Accepted", weight = 40, measure = "accepted_share", worst = 90, best = 100 }
  t.scorecard_standing { name = "Good", from_score = 60 }
  t.scorecard_standing { name = "Poor", from_score = 0, action = "stop" }
end

local function card(t, supplier, from, to)
  return t.get("scorecard", t.scorecard { party = supplier.id, period_from = from, period_to = to })
end

test("B4 a scorecard weighs what is known and leaves the rest unknown", function(t)
  criteria(t)
  local supplier = t.organisation { name = "Aegean Steel", roles = { "supplier" } }
  local nothing = card(t, supplier, "2025-01-01", "2025-06-30")
  assert(nothing.score == nil and nothing.standing == nil and tostring(nothing.known_weight) == "0.0")
  deliver(t, supplier, "2025-10-01", "2025-10-01")
  deliver(t, supplier, "2025-10-05", "2025-10-04")
  deliver(t, supplier, "2025-10-09", "2025-10-12")
  deliver(t, supplier, "2025-10-20", nil) -- never came: late
  local first = card(t, supplier, "2025-07-01", "2025-12-31")
  assert(tostring(first.score) == "0.0" and tostring(first.known_weight) == "60.0", tostring(first.score))
  assert(first.parts[1].points == px.null or first.parts[1].points == nil) -- "Accepted": nobody measured it
  assert(first.trend == nil)
  t.expect_record("task", { origin = "scorecard:" .. first.id, state = "open" })
  deliver(t, supplier, "2026-01-02", "2026-01-02", { quantity_ordered = 100, quantity_delivered = 100, quantity_rejected = 5 })
  local second = card(t, supplier, "2026-01-01", "2026-06-30")
  assert(tostring(second.score) == "80.0" and second.trend == "better" and tostring(second.previous) == "0.0", tostring(second.score))
  local shown = t.command("scorecard", { "Aegean", "Steel" })
  assert(shown.tables[1].rows[2].points == "100.0" and shown.tables[1].rows[1].value == "95.00", shown.tables[1].rows[1].value)
end)

test("B4 who stands too low gets no new commitments; a refresh takes new facts", function(t)
  criteria(t)
  local supplier = t.organisation { roles = { "supplier" } }
  local late = deliver(t, supplier, "2026-01-02", "2026-01-04")
  local poor = card(t, supplier, "2026-01-01", "2026-01-31")
  local budget = t.budget { starts_on = "2026-01-01", ends_on = "2026-12-31", amount = px.money(100, "EUR") }
  local order = { budget = budget.id, supplier = supplier.id, amount = px.money(1, "EUR"), committed_on = "2026-01-05" }
  assert(t.refuses("refused", t.commitment, order).field == "/supplier")
  t.update("delivery", late, { delivered_on = "2026-01-02" })
  local answer = t.call("POST", "/scorecards/" .. poor.id .. "/refresh")
  assert(answer.status == 200, px.json.encode(answer.json))
  t.commitment(order)
  t.refuses("refused", t.update, "scorecard", poor, { score = 100 })
  t.refuses("unique", t.scorecard, { party = supplier.id, period_from = "2026-01-01", period_to = "2026-02-01" })
end)

test("B4 a material with one source says so, one with none is unknown", function(t)
  local steel, zinc = t.material { name = "Steel" }, t.material { name = "Zinc" }
  local source = t.supply_source { material = steel.id, supplier = t.organisation().id, lead_time_days = 30 }
  local rows = t.call("GET", "/materials").json.data
  assert(rows[1].single == true and (rows[2].single == nil or rows[2].single == px.null) and rows[2].name == "Zinc")
  t.supply_source { material = steel.id, supplier = t.organisation().id }
  assert(t.call("GET", "/materials").json.data[1].single == false)
  t.refuses("unique", t.supply_source, { material = steel.id, supplier = source.supplier })
  t.refuses("rule", t.delivery, { promised_on = "2026-01-01", quantity_delivered = 1, quantity_rejected = 2 })
  assert(zinc)
end)

test("R2 B4 what is outsourced: concentration, substitute, exit plan, review in time", function(t)
  local provider = t.organisation { name = "Cloud", roles = { "service_provider" } }
  t.refuses("rule", t.outsourced_function, { provider = provider.id, criticality = "critical" })
  t.refuses("rule", t.outsourced_function, { provider = provider.id, substitute = provider.id })
  local payroll = t.outsourced_function { name = "Payroll", provider = provider.id, criticality = "critical", exit_plan = "Steps", review_on = "2026-02-10" }
  t.exit_step { outsourced_function = payroll.id, position = 1, title = "Export" }
  t.refuses("unique", t.exit_step, { outsourced_function = payroll.id, position = 1 })
  t.outsourced_function { name = "Mail", provider = provider.id, criticality = "critical", exit_plan = "Steps", exit_tested_on = "2025-12-01" }
  local row = t.call("GET", "/outsourcing").json.data[1]
  assert(row.critical == 2 and row.concentrated and row.without_substitute == 2 and row.exit_untested == 1)
  t.advance_to("2026-01-12T06:00:00Z")
  t.expect_record("task", { origin = "outsourced:" .. payroll.id .. ":2026-02-10", due = "2026-02-10", state = "open" })
  t.update("outsourced_function", payroll, { review_on = "2027-02-10" })
  t.expect_record("task", { origin = "outsourced:" .. payroll.id .. ":2026-02-10", state = "done" })
end)
