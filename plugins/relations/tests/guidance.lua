-- What is in force, where, when, and how sure we are.

local function in_force(t, query)
  local answer = t.call("GET", "/guidance", { query = query })
  assert(answer.status == 200, answer.text)
  return answer.json
end

local function rule(t, fields)
  fields.citation = fields.citation or "Directive 2014/65/EU, Art. 25"
  return t.guidance(fields)
end

test("S6 what is in force on a day, in a country and in its union, with its citation", function(t)
  rule(t, { title = "Suitability", jurisdiction = "EU", industry = "banking", effective_from = "2018-01-03", confidence = "high", checked_on = "2026-01-02" })
  rule(t, { title = "Older rule", jurisdiction = "GR", effective_from = "2007-11-01", effective_to = "2018-01-02", confidence = "high", checked_on = "2026-01-02" })
  rule(t, { title = "Elsewhere", jurisdiction = "US", effective_from = "2010-01-01" })
  rule(t, { title = "Food rule", jurisdiction = "GR", industry = "food", effective_from = "2010-01-01", confidence = "medium" })
  local now = in_force(t, { jurisdiction = "GR", industry = "banking", on = "2026-01-05" })
  assert(#now.rules == 1 and now.rules[1].title == "Suitability" and now.rules[1].citation == "Directive 2014/65/EU, Art. 25")
  assert(now.rules[1].caution == nil)
  assert(#in_force(t, { jurisdiction = "GR", on = "2026-01-05" }).rules == 2)
  assert(in_force(t, { jurisdiction = "GR", on = "2017-06-01", industry = "banking" }).rules[1].title == "Older rule")
  assert(#in_force(t, { jurisdiction = "CH", on = "2026-01-05" }).rules == 0)
end)

test("S6 low confidence is shown as such, in the reader's language, and counted", function(t)
  rule(t, { title = "Hearsay", jurisdiction = "GR", effective_from = "2020-01-01" })
  local answer = in_force(t, { jurisdiction = "GR", language = "el" })
  assert(answer.low_confidence == 1 and answer.rules[1].caution:find("χαμηλή", 1, true))
  local printed = t.command("rules", { "GR" }).tables[1]
  assert(printed.rows[1].caution:find("low confidence", 1, true))
end)

test("S6 what supersedes a rule ends it on the day before", function(t)
  local old = rule(t, { jurisdiction = "GR", effective_from = "2020-01-01" })
  rule(t, { jurisdiction = "GR", effective_from = "2026-02-01", supersedes = old })
  t.expect_record("guidance", { id = old.id, effective_to = "2026-01-31" })
end)

test("S6 a rule whose day of review has come is a task of its keeper, once", function(t)
  rule(t, { title = "Rates", jurisdiction = "GR", effective_from = "2020-01-01", review_on = "2026-01-06" })
  t.advance("2d")
  assert(#t.find("task", { filter = { kind = "guidance" } }) == 1)
  t.expect_record("task", { title = "Is this still so? Rates", due = "2026-01-13" })
end)

test("S6 high confidence needs a check, and every rule a citation", function(t)
  t.refuses("rule", rule, t, { effective_from = "2020-01-01", confidence = "high" })
  t.refuses("required", t.create, "guidance", { title = "x", statement = "y", effective_from = "2020-01-01" })
  t.refuses("pattern", rule, t, { effective_from = "2020-01-01", jurisdiction = "Greece" })
  assert(t.call("GET", "/guidance").json.errors[1].pointer == "/jurisdiction")
end)
