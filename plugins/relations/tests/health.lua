-- Health of bonds: the score with known answers, what events do to it, the run over all, what may not be written.
local rules <const> = require "health_formula"
local text <const> = require "health_text"

local function near(a, b)
  return math.abs(a - b) < 1e-9
end

-- ---- the arithmetic ----

test("C1 evidence halves with each half-life, and never grows", function()
  assert(near(rules.decay(0, 30), 1) and near(rules.decay(30, 30), 0.5) and near(rules.decay(90, 30), 0.125))
  assert(rules.decay(-5, 30) == 1 and rules.decay(1000) == 1)
end)

local HALVES <const> = { version = 1, minimum_coverage = 50, factors = {
  { name = "a", source = "signal", weight = 30 }, { name = "b", source = "signal", weight = 50 }, { name = "c", source = "signal", weight = 20 },
} }

test("C1 weights are shared out over what is known, and the rest is said to be unknown", function()
  local whole = rules.combine(HALVES, { a = { value = 1, fresh = 1 }, b = { value = 0.5, fresh = 1 }, c = { value = 0, fresh = 1 } })
  assert(whole.score == 55 and whole.coverage == 100, whole.score)
  local part = rules.combine(HALVES, { a = { value = 1, fresh = 1 }, c = { value = 0, fresh = 1 } })
  assert(part.score == 60 and part.coverage == 50, part.score) -- 30 of the 50 that are known
  assert(part.factors[2].value == nil and part.points.a == 60 and part.points.b == nil)
  local fading = rules.combine(HALVES, { a = { value = 1, fresh = 0.5 }, b = { value = 0.4, fresh = 1 } })
  assert(fading.score == 54 and fading.coverage == 65, fading.score) -- (15 + 20) / (15 + 50)
end)

test("C1 under the least coverage there is no score", function()
  local thin = rules.combine(HALVES, { a = { value = 1, fresh = 1 } })
  assert(thin.score == nil and thin.coverage == 30)
  local nothing = rules.combine(HALVES, {})
  assert(nothing.score == nil and nothing.coverage == 0)
end)

test("C1 each source reads its facts, and knows when it does not know", function()
  local formula = { factors = rules.DEFAULT, minimum_coverage = 0 }
  local today = px.date.parse("2026-03-01")
  assert(next(rules.read(formula, { signals = {} }, today)) == nil)
  local reads = rules.read(formula, {
    contact_on = px.date.parse("2026-01-15"), recent = 1, earlier = 3, people = 2, by_us = { kept = 2, broken = 1, overdue = 1 },
    signals = { satisfaction = { value = 0.8, on = px.date.parse("2025-09-02") } },
  }, today)
  assert(near(reads.last_contact.value, 0.5), reads.last_contact.value) -- 45 days
  assert(near(reads.contact_trend.value, 0.25) and near(reads.breadth.value, 2 / 3) and near(reads.promises.value, 0.5))
  assert(near(reads.satisfaction.value, 0.8) and near(reads.satisfaction.fresh, 0.5)) -- 180 days
  assert(reads.payments == nil)
end)

test("C1 the sentence names the factor that moved it most", function()
  assert(text.mover({ a = 10, b = 40 }, { a = 12, b = 20 }, -1) == "b")
  assert(text.mover({ a = 10, b = 40 }, { a = 12, b = 20 }, 1) == "a")
  assert(text.mover({ a = 10, b = 40 }, { b = 40 }, -1) == "a")
  assert(text.mover({ a = 10 }, { a = 10 }, 1) == nil)
end)

-- ---- records ----

local function factor(fields)
  fields.name, fields.weight, fields.source = fields.name or "a", fields.weight or 1, fields.source or "signal"
  return fields
end

test("C1 a formula with a mistake is refused with its place", function(t)
  local function make(factors)
    return t.health_formula { number = 7, factors = factors }
  end
  local function place(factors)
    return t.refuses("refused", make, factors).field
  end
  assert(place {} == "/factors")
  assert(place { factor {}, factor { name = "b", weight = -1 } } == "/factors/1/weight")
  assert(place { factor {}, factor {} } == "/factors/1/name")
  assert(place { factor { source = "gut" } } == "/factors/0/source")
  assert(place { factor { half_life_days = 0 } } == "/factors/0/half_life_days")
  local formula = make { factor {} }
  assert(t.update("health_formula", formula, { factors = { factor { weight = 2 } } }).factors[1].weight == 2)
  t.update("health_formula", formula, { state = "active" })
  assert(t.refuses("refused", t.update, "health_formula", formula, { factors = { factor { weight = 3 } } }).field == "/factors")
  assert(#t.find("health_formula", { filter = { state = "active" } }) == 1)
end)

local function bond(t, fields)
  fields = fields or {}
  local source = fields.source or t.organisation()
  fields.source, fields.target, fields.managed = source, fields.target or t.organisation(), true
  return t.relationship(fields), source
end

local function score_of(t, relationship)
  return t.find("health_score", { filter = { relationship = relationship.id } })[1]
end

local function signal(t, relationship, name, value, at)
  return t.health_signal { relationship = relationship, factor = name, value = value, at = at or tostring(px.date.now()) }
end

test("C1 a new bond of which nothing is known has no score", function(t)
  local relationship = bond(t)
  local row = score_of(t, relationship)
  assert(row.score == nil and row.coverage == 0 and row.change == nil, px.json.encode(row.coverage))
  assert(row.change_en:find("0%", 1, true) and row.change_el:find("0%", 1, true))
end)

test("C1 a signal changes the health of its bond, and its going changes it back", function(t)
  local one, other = bond(t), bond(t)
  signal(t, one, "satisfaction", "0.9")
  local cases = signal(t, one, "cases", "0.1")
  signal(t, one, "payments", "1")
  assert(score_of(t, one).score == 65 and score_of(t, one).coverage == 30, score_of(t, one).score) -- (13.5 + 1 + 5) / 30
  assert(score_of(t, other).coverage == 0)
  t.update("health_signal", cases, { value = "0.7" })
  assert(score_of(t, one).score == 85, score_of(t, one).score)
  t.delete("health_signal", cases)
  assert(score_of(t, one).score == nil and score_of(t, one).coverage == 20)
end)

test("C1 contacts with the counterparty count, of its people too, notes do not", function(t)
  local relationship, source = bond(t)
  local person, other = t.person(), t.person()
  local function held(kind, at, people)
    return t.interaction { kind = kind, at = at, status = "held", organisations = { source }, people = people }
  end
  held("note", "2026-01-04T10:00:00Z")
  assert(score_of(t, relationship).coverage == 0)
  held("meeting", "2025-11-21T10:00:00Z", { person, other })
  local row = score_of(t, relationship)
  -- 45 days ago: 0.5 of 25; all contacts are recent: 1 of 10; two of three people: 0.67 of 10. 29.17 / 45
  assert(row.score == 65 and row.coverage == 45, row.score)
  assert(row.last_contact_on == px.date.parse("2025-11-21"))
  local call = held("call", "2026-01-05T00:00:00Z", { person })
  assert(score_of(t, relationship).score == 93, score_of(t, relationship).score)
  t.delete("interaction", call)
  assert(score_of(t, relationship).score == 65)
end)

test("C1 a bond that ended has no health, its history stays", function(t)
  local relationship = bond(t)
  signal(t, relationship, "satisfaction", "1")
  t.advance("1d")
  assert(#t.find("health_point", { filter = { relationship = relationship.id } }) > 0)
  t.update("relationship", relationship, { ended_on = tostring(px.date.today()), ended_reason = "lost" })
  assert(score_of(t, relationship) == nil)
  assert(#t.find("health_point", { filter = { relationship = relationship.id } }) > 0)
end)

test("C1 every night all is computed anew, once a week a point is kept and compared with", function(t)
  local relationship = bond(t)
  signal(t, relationship, "satisfaction", "1")
  signal(t, relationship, "cases", "1")
  signal(t, relationship, "payments", "1")
  signal(t, relationship, "competition", "1")
  local contact = signal(t, relationship, "contract", "1")
  assert(score_of(t, relationship).score == 100)
  t.advance("7d")
  local points = t.find("health_point", { filter = { relationship = relationship.id }, order = "week" })
  assert(#points == 2 and points[1].week.weekday == 1 and points[1].score == 100, #points)
  t.update("health_signal", contact, { value = "0", at = tostring(px.date.now()) })
  local row = score_of(t, relationship)
  assert(row.change < 0 and row.score == 100 + row.change, row.change_en)
  assert(row.change_en:find("^Fell by %d+ points since .*contract's nearness"), row.change_en)
  assert(row.change_el:find("Έπεσε", 1, true) and row.change_el:find("εγγύτητα", 1, true), row.change_el)
end)

test("C1 a score is not written by hand, a signal is bounded", function(t)
  local relationship = bond(t)
  local refusal = t.refuses("refused", t.update, "health_score", score_of(t, relationship), { score = 100 })
  assert(refusal.detail:find("health_signal", 1, true))
  assert(t.refuses("range", signal, t, relationship, "cases", "1.5").field == "/value")
end)

test("C9 C1 an answer about satisfaction is a signal of its bond, CSAT and NPS alike", function(t)
  local relationship, source = bond(t)
  local asked = t.questionnaire { kind = "nps", question = "Would you recommend us?" }
  local answer = t.satisfaction_answer { questionnaire = asked, organisation = source, asked_on = "2026-01-02", score = 9, answered_on = "2026-01-05" }
  local signal_row = t.expect_record("health_signal", { relationship = relationship.id, factor = "satisfaction", evidence_id = answer.id })
  assert(tostring(signal_row.value) == "0.9000", tostring(signal_row.value))
  local csat = t.questionnaire { kind = "csat", question = "How satisfied are you?" }
  t.satisfaction_answer { questionnaire = csat, relationship = relationship, asked_on = "2026-01-02", score = 1, answered_on = "2026-01-05" }
  t.expect_record("health_signal", { relationship = relationship.id, factor = "satisfaction", value = "0.0000" })
  local known = score_of(t, relationship).factors.satisfaction
  assert(known.value == 0.45, px.json.encode(known))
  t.delete("satisfaction_answer", answer)
  t.expect_no_record("health_signal", { evidence_id = answer.id })
end)
