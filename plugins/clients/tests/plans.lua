-- Account plans: objectives with actions and measures, reviews that come again.

local function plan(t, fields)
  fields = fields or {}
  fields.name, fields.starts_on, fields.ends_on = "Energy 2026", "2026-01-01", "2026-12-31"
  fields.review_on = fields.review_on or "2026-01-20"
  return t.account_plan(fields)
end

test("T2 a plan in force has a review task, which follows the date and ends with the review", function(t)
  local one = plan(t)
  t.expect_no_record("task")
  t.update("account_plan", one, { state = "active" })
  t.expect_record("task", { account_plan = one, due = "2026-01-20", state = "open", title = "Review the plan: Energy 2026" })
  t.update("account_plan", one, { review_on = "2026-01-06" })
  local task = t.expect_record("task", { account_plan = one, due = "2026-01-06" })
  t.advance_to("2026-01-06")
  t.plan_review { account_plan = one, held_on = "2026-01-06", outcome = "On course", next_on = "2026-04-10" }
  t.expect_record("account_plan", { id = one.id, review_on = "2026-04-10" })
  t.expect_record("task", { id = task.id, due = "2026-04-10", state = "open" })
  t.plan_review { account_plan = one, held_on = "2026-01-06", outcome = "It is over", next_on = px.null }
  t.expect_record("task", { id = task.id, state = "done" })
  assert(#t.find("task") == 1)
end)

test("T2 measures follow readings; what was not measured is unknown", function(t)
  local one = plan(t)
  local objective = t.plan_objective { account_plan = one, name = "Second product" }
  local measure = t.plan_measure { objective = objective, name = "Share", unit = "%", baseline = "10", target = "30",
    actual = px.null, measured_on = px.null }
  t.plan_measure { objective = objective, unit = "calls", actual = px.null, measured_on = px.null, target = "5" }
  local function look()
    return t.call("GET", "/account-plans/" .. one.id).json
  end
  assert(look().measures_unknown == 2 and look().objectives[1].measures[1].progress == nil)
  local newest = t.measure_reading { measure = measure, value = "20", read_on = "2026-01-04" }
  t.measure_reading { measure = measure, value = "12", read_on = "2025-12-04" }
  assert(look().objectives[1].measures[1].progress == 50 and look().measures_unknown == 1)
  t.delete("measure_reading", newest)
  assert(look().objectives[1].measures[1].progress == 10)
end)

test("T2 actions are tasks, overdue ones are counted", function(t)
  local one = plan(t)
  local objective = t.plan_objective { account_plan = one, name = "Second product" }
  t.task { title = "Show it", objective = objective, account_plan = one, due = "2026-01-05", origin = px.null }
  t.task { title = "Ask", account_plan = one, due = "2026-02-06", origin = px.null, objective = px.null }
  t.advance("1d")
  local look = t.call("GET", "/account-plans/" .. one.id).json
  assert(look.objectives[1].actions[1].overdue and look.overdue_actions == 1)
  assert(look.other_actions[1].title == "Ask")
end)

test("T2 what is wrong is refused, and where", function(t)
  t.refuses("rule", t.account_plan, { starts_on = "2026-02-01", ends_on = "2026-01-01" })
  local one = t.account_plan { starts_on = "2026-01-01", ends_on = "2026-12-31", review_on = px.null }
  assert(t.refuses("refused", t.update, "account_plan", one, { state = "active" }).field == "/review_on")
  assert(t.refuses("refused", t.plan_review, { account_plan = one, held_on = "2026-03-01" }).field == "/held_on")
  local objective = t.plan_objective { account_plan = one }
  assert(t.refuses("refused", t.plan_measure, { objective = objective, actual = "3", measured_on = "2026-01-01" }).field == "/actual")
  assert(t.call("GET", "/account-plans/0000000000000").status == 404)
end)
