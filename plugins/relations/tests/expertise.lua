-- Who can solve it, and has the time.

local function user_of(t, role)
  local id
  t.as(role, function(user) id = user.id end)
  return id
end

local function experts(t, skill)
  local answer = t.call("GET", "/experts", { query = { skill = skill, from = "2026-01-12", ["until"] = "2026-01-18" } })
  assert(answer.status == 200, answer.text)
  return answer.json.experts
end

test("S8 the finder knows skill, time and what is unknown", function(t)
  local credit = t.skill { name = "Credit insurance", name_el = "Ασφάλιση πιστώσεων" }
  local anna, bill = user_of(t, "manager:anna"), user_of(t, "manager:bill")
  t.expertise { user = anna, skill = credit, level = "working" }
  t.expertise { user = bill, skill = credit, level = "working" }
  t.work_profile { user = anna, hours_per_week = "40", languages = "el, en" }
  t.task { owner = anna, due = "2026-01-15", effort_hours = "12.5" }
  t.task { owner = anna, due = "2026-02-15", effort_hours = "30" }
  local found = experts(t, "ασφαλιση")
  assert(#found == 2 and found[1].user == anna and found[1].free_hours == 27.5 and not found[1].at_most, px.json.encode(found))
  assert(found[2].free_hours == nil or found[2].free_hours == px.null)
  t.task { owner = anna, due = "2026-01-16" }
  found = experts(t, "credit")
  assert(found[1].unestimated_tasks == 1 and found[1].at_most)
  t.as("manager:anna", function()
    local printed = t.command("experts", { "credit" }).tables[1]
    assert(#printed.rows == 2 and printed.rows[2].free_hours == "?")
  end)
end)

test("S8 the greater skill goes first, and a language can be asked for", function(t)
  local credit = t.skill { name = "Credit" }
  local anna, bill = user_of(t, "manager:anna"), user_of(t, "manager:bill")
  t.expertise { user = anna, skill = credit, level = "basic" }
  t.expertise { user = bill, skill = credit, level = "expert", confirmed_by = anna, confirmed_on = "2026-01-02" }
  t.work_profile { user = anna, languages = "el" }
  assert(experts(t, "credit")[1].user == bill)
  local answer = t.call("GET", "/experts", { query = { skill = "credit", language = "el" } }).json
  assert(#answer.experts == 1 and answer.experts[1].user == anna)
  local load = t.call("GET", "/workload/" .. anna, { query = { from = "2026-01-12", ["until"] = "2026-01-18" } }).json
  assert(load.capacity_hours == 40 and load.working_days == 5)
end)

test("S8 nobody confirms himself, and a question needs a skill and days", function(t)
  local anna = user_of(t, "manager")
  t.refuses("rule", t.expertise, { user = anna, confirmed_by = anna, confirmed_on = "2026-01-02" })
  t.refuses("pattern", t.work_profile, { user = anna, languages = "Greek and English" })
  assert(t.call("GET", "/experts").json.errors[1].pointer == "/skill")
  assert(t.call("GET", "/experts", { query = { skill = "x", from = "2026-02-01", ["until"] = "2026-01-01" } }).json.errors[1].pointer == "/until")
end)
