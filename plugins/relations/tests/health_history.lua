-- Health back in time, what if, the series: known answers, and what is refused.
local backtest <const> = require "health_backtest"

local function near(a, b)
  return math.abs(a - b) < 1e-9
end

test("C1 the area under the curve on a set small enough to count by hand", function()
  local kept = { [90] = 1, [60] = 1, [40] = 1 }
  -- 50 stands worse than 90 and 60, better than 40; 40 worse than two, even with one: (2 + 2.5) / 6
  local area, pairs_seen = backtest.area({ { value = 50, others = kept }, { value = 40, others = kept } }, -1)
  assert(near(area, 0.75) and pairs_seen == 6, area)
  assert(near(backtest.area({ { value = 10, others = kept } }, -1), 1))
  assert(near(backtest.area({ { value = 95, others = kept } }, -1), 0))
  assert(near(backtest.area({ { value = 7, others = { [7] = 5 } } }, -1), 0.5))
  assert(near(backtest.area({ { value = 50, others = kept } }, 1), 1 / 3)) -- of an age, more is worse
  assert(backtest.area({}, -1) == nil)
end)

test("C1 the lost are taken out of those they are compared with", function()
  local left = backtest.without({ [50] = 3, [60] = 1 }, { 50, 60 })
  assert(left[50] == 2 and left[60] == nil)
end)

test("C1 the error of an area shrinks with the number of bonds", function()
  -- 0.8, 50 and 50: sqrt((0.16 + 49 * 0.0266… + 49 * 0.0711…) / 2500)
  assert(math.abs(backtest.error_of(0.8, 50, 50) - 0.0445) < 0.0001, backtest.error_of(0.8, 50, 50))
  assert(backtest.error_of(0.8, 500, 500) < backtest.error_of(0.8, 50, 50))
end)

-- ---- records ----

local function bond(t, fields)
  fields.source, fields.target, fields.managed = fields.source or t.organisation(), fields.target, true
  return t.relationship(fields)
end

local function held(t, organisation, at)
  return t.interaction { kind = "call", status = "held", at = at, organisations = { organisation } }
end

test("C1 points of the past are made from what was recorded; too few of them are no back-test", function(t)
  local lost = bond(t, { target = t.organisation(), started_on = "2025-09-01" })
  held(t, lost.source, "2025-11-28T10:00:00Z")
  t.update("relationship", lost, { ended_on = "2025-12-20", ended_reason = "lost" })
  t.as("admin", function()
    assert(t.call("POST", "/health/history", { json = { weeks = 400 } }).json.errors[1].pointer == "/weeks")
    assert(t.call("POST", "/health/history", { json = { weeks = 6 } }).status == 202)
  end)
  t.advance("1m")
  local points = t.find("health_point", { filter = { relationship = lost.id }, order = "week" })
  -- Six weeks back from Monday 5 January; it ended on the 20th of December, and was spoken with on the 28th of November.
  assert(#points == 3 and points[1].replayed, #points)
  assert(points[1].week == px.date.parse("2025-12-01") and points[1].contact_age == 3, points[1].contact_age)
  assert(points[3].week == px.date.parse("2025-12-15") and points[3].score < points[1].score, points[3].score)
  local answer = t.call("GET", "/health/backtest", { query = { weeks = "2", from = "2025-01-01", to = "2026-01-05" } })
  assert(answer.status == 422 and answer.json.code == "too_few" and answer.json.detail:find("^1 bonds"), px.json.encode(answer.json))
  assert(t.call("GET", "/health/backtest", { query = { weeks = "0" } }).json.errors[1].pointer == "/weeks")
  assert(t.call("GET", "/health/backtest", { query = { from = "soon" } }).json.errors[1].pointer == "/from")
end)

test("C1 health of one bond: factors with evidence, what is unknown as unknown", function(t)
  local relationship = bond(t, { target = t.organisation() })
  local call = held(t, relationship.source, "2026-01-04T10:00:00Z")
  local health = t.call("GET", "/bonds/" .. relationship.id .. "/health").json
  assert(health.coverage == 35 and #health.factors == 9, px.json.encode(health))
  local contact, promises = health.factors[1], health.factors[4]
  assert(contact.known and contact.evidence[1].object == "interaction" and contact.evidence[1].id == call.id)
  assert(not promises.known and promises.value == nil and #promises.evidence == 0)
  assert(health.sentence.en and health.sentence.el)
  assert(t.call("GET", "/bonds/" .. t.organisation().id .. "/health").status == 404)
end)

test("C1 what if answers and writes nothing", function(t)
  local relationship = bond(t, { target = t.organisation() })
  held(t, relationship.source, "2026-01-04T10:00:00Z")
  local path = "/bonds/" .. relationship.id .. "/what-if"
  local before = t.find("health_score", { filter = { relationship = relationship.id } })[1]
  local answer = t.call("POST", path, { json = { values = { cases = 0, satisfaction = 0 }, weights = { cases = 40 } } }).json
  assert(answer.before.score == before.score and answer.after.score < before.score, px.json.encode(answer))
  assert(answer.difference == answer.after.score - answer.before.score)
  local unknown = t.call("POST", path, { json = { unknown = { "last_contact", "contact_trend" } } }).json
  assert(unknown.after.score == nil and unknown.after.coverage == 0)
  assert(t.call("POST", path, { json = { values = { luck = 1 } } }).json.errors[1].pointer == "/values/luck")
  assert(t.call("POST", path, { json = { unknown = { "cases", "luck" } } }).json.errors[1].pointer == "/unknown/1")
  assert(t.call("POST", path, { json = { values = { cases = 2 } } }).json.errors[1].pointer == "/values/cases")
  local after = t.find("health_score", { filter = { relationship = relationship.id } })[1]
  assert(after.version == before.version)
end)

test("C1 the series of health: means by week, unknown beside them", function(t)
  local relationship = bond(t, { target = t.organisation() })
  bond(t, { target = t.organisation() })
  held(t, relationship.source, "2026-01-04T10:00:00Z")
  t.advance("1d")
  local answer = t.call("GET", "/reports/health", { query = { from = "2026-01-01", to = "2026-02-01", by = "week" } }).json
  assert(answer.report == "health" and #answer.series == 2, px.json.encode(answer))
  assert(answer.series[1].points[1].y > 80 and answer.series[2].points[1].y == 1 and answer.unknown >= 1, px.json.encode(answer))
  assert(t.call("GET", "/reports/health", { query = { by = "day" } }).json.errors[1].pointer == "/by")
end)
