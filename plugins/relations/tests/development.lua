-- The managers' own growth.

local function user_of(t)
  local id
  t.as("manager", function(user) id = user.id end)
  return id
end

local function seen(t, user, query)
  local answer = t.call("GET", "/development/" .. user, { query = query })
  assert(answer.status == 200, answer.text)
  return answer.json
end

test("S9 the first weeks are tasks, made once, and end with the last of them", function(t)
  local anna, plan = user_of(t), t.onboarding_plan()
  t.onboarding_step { plan = plan, title = "Meet the ten greatest clients", days = 14, effort_hours = "10" }
  t.onboarding_step { plan = plan, title = "Read the code of conduct", days = 2 }
  local onboarding = t.onboarding { user = anna, plan = plan, started_on = "2026-01-05" }
  t.restart()
  assert(#t.find("task") == 2)
  local first = t.expect_record("task", { title = "Meet the ten greatest clients", due = "2026-01-19", owner = anna, effort_hours = "10.00" })
  t.update("task", first, { state = "done" })
  assert(t.get("onboarding", onboarding).completed_on == nil)
  assert(seen(t, anna).onboarding[1].open == 1)
  t.update("task", t.expect_record("task", { state = "open" }), { state = "done" })
  t.expect_record("onboarding", { id = onboarding.id, completed_on = "2026-01-05" })
  t.refuses("unique", t.onboarding, { user = anna, plan = plan })
end)

test("S9 a certificate reminds before it expires, once, until another renews it", function(t)
  local anna = user_of(t)
  local old = t.certificate { user = anna, name = "MiFID II", requirement = "Directive 2014/65/EU, Art. 25", issued_on = "2025-02-01",
    expires_on = "2026-03-01", remind_days = 53 }
  t.advance("1d")
  t.expect_no_record("task")
  t.advance("2d")
  local task = t.expect_record("task", { kind = "certificate", owner = anna, due = "2026-03-01", title = "Renew the certificate: MiFID II" })
  assert(#t.find("task") == 1 and seen(t, anna).certificates[1].standing == "expiring")
  t.certificate { user = anna, name = "MiFID II", issued_on = "2026-02-04", expires_on = "2027-02-04", renews = old }
  t.expect_record("task", { id = task.id, state = "done" })
  local standings = {}
  for _, one in ipairs(seen(t, anna).certificates) do
    standings[one.standing] = true
  end
  assert(standings.renewed and standings.valid)
end)

test("S9 hours of training add up, those unknown are counted apart", function(t)
  local anna = user_of(t)
  t.update("training", t.training { user = anna, hours = "7.5" }, { state = "completed", completed_on = "2026-01-05" })
  t.update("training", t.training { user = anna }, { state = "completed", completed_on = "2026-01-04" })
  t.training { user = anna, hours = "3" }
  local year = seen(t, anna, { year = "2026" }).training
  assert(tonumber(year.hours) == 7.5 and year.hours_unknown == 1 and year.completed == 2 and year.planned == 1, px.json.encode(year))
  assert(seen(t, anna, { year = "2025" }).training.completed == 0)
end)

test("S9 a certificate without an expiry is unknown, never valid; bad ones are refused", function(t)
  local anna = user_of(t)
  t.certificate { user = anna, name = "Sworn translator" }
  assert(seen(t, anna).certificates[1].standing == "unknown")
  t.certificate { user = anna, name = "First aid", expires_on = "2026-01-04" }
  local printed = t.command("certificates", {}).tables[1]
  assert(#printed.rows == 1 and printed.rows[1].standing == "expired")
  assert(#t.command("certificates", { "days=-30" }).tables[1].rows == 0)
  t.refuses("rule", t.certificate, { user = anna, issued_on = "2026-01-01", expires_on = "2025-01-01" })
  t.refuses("rule", t.update, "training", t.training { user = anna }, { state = "completed" })
  assert(t.call("GET", "/development/" .. anna, { query = { year = "soon" } }).status == 422)
end)
