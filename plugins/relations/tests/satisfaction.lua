-- Satisfaction: asked, answered, followed up.

local function nps(t, fields)
  fields = fields or {}
  fields.kind = fields.kind or "nps"
  return t.questionnaire(fields)
end

test("C9 a low answer makes one task, for who looks after the bond", function(t)
  local organisation, questionnaire = t.organisation(), nps(t)
  local answer = t.satisfaction_answer { questionnaire = questionnaire, organisation = organisation, score = 3, comment = "Late again" }
  assert(answer.kind == "nps" and tostring(answer.answered_on) == "2026-01-05")
  t.expect_record("task", { origin = "satisfaction:" .. answer.id, due = "2026-01-07", organisation = organisation, priority = "high" })
  t.update("satisfaction_answer", answer, { score = 2 })
  assert(#t.find("task") == 1)
  t.satisfaction_answer { questionnaire = questionnaire, organisation = organisation, score = 8 }
  assert(#t.find("task") == 1)
end)

test("C9 the task that was done stays done when the answer is touched", function(t)
  local answer = t.satisfaction_answer { questionnaire = nps(t), organisation = t.organisation(), score = 0 }
  local task = t.expect_record("task", { satisfaction_answer = answer })
  t.update("task", task, { state = "done" })
  t.update("satisfaction_answer", answer, { comment = "we spoke" })
  t.expect_record("task", { id = task.id, state = "done" })
end)

test("C9 scores outside of the scale, and questions to nobody, are refused", function(t)
  local organisation, csat = t.organisation(), nps(t, { kind = "csat" })
  local refusal = t.refuses("rule", t.satisfaction_answer, { questionnaire = csat, organisation = organisation, score = 6 })
  assert(refusal.detail:find("A CSAT score is 1 to 5.", 1, true), refusal.detail)
  t.refuses("range", t.satisfaction_answer, { questionnaire = csat, organisation = organisation, score = 11 })
  t.refuses("rule", t.create, "satisfaction_answer", { questionnaire = csat.id })
end)

test("C9 NPS as a series; unanswered is unknown, not zero", function(t)
  local organisation, questionnaire = t.organisation(), nps(t)
  for _, score in ipairs { 10, 9, 7, 2 } do
    t.satisfaction_answer { questionnaire = questionnaire, organisation = organisation, score = score }
  end
  t.create("satisfaction_answer", { questionnaire = questionnaire.id, organisation = organisation.id })
  local report = t.call("GET", "/reports/satisfaction?from=2026-01-01&to=2026-12-31").json
  assert(report.unknown == 1 and #report.series[1].points == 1, px.json.encode(report))
  assert(report.series[1].points[1].x == "2026-01" and report.series[1].points[1].y == 25)
  assert(report.series[2].points[1].y == 4)
  assert(#t.call("GET", "/reports/satisfaction?from=2025-01-01&to=2025-12-31").json.series[1].points == 0)
  assert(t.call("GET", "/reports/satisfaction?by=week").status == 400)
end)

test("C9 what many scores are together", function()
  local scores <const> = require "scores"
  assert(scores.figure("nps", {}) == nil)
  assert(scores.figure("nps", { [10] = 1, [0] = 3 }) == -50)
  assert(scores.figure("csat", { [5] = 1, [3] = 1 }) == 50)
  assert(scores.is_low("csat", 2) and not scores.is_low("csat", 3) and scores.is_low("csat", 3, 3))
  assert(not scores.is_low("nps", nil))
end)

test("C9 a link is made for a question; without a user named for it nobody can use it", function(t)
  local asked = t.call("POST", "/satisfaction/ask", { json = { questionnaire = nps(t).id, organisation = t.organisation().id } })
  assert(asked.status == 201 and asked.json.link:find("^/x/relations/answer/%x+$"), asked.json.link)
  local path = asked.json.link:gsub("^/x/relations", "")
  assert(t.call("GET", path).status == 503)
  t.expect_record("satisfaction_answer", { id = asked.json.id, score = px.null })
  assert(t.call("POST", "/satisfaction/ask", { json = {} }).status == 422)
end)
