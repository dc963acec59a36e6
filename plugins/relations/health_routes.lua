-- What one asks about the health of bonds: of one, with evidence; what if; as a series.
local body <const> = require "body"
local rules <const> = require "health_formula"
local store <const> = require "health_store"

local M = {}

local TREND_WEEKS <const> = 53
local EVIDENCE <const> = 5

-- ---- evidence, as far as who asks may see it ----

local evidence = {}

local function contacts(bond)
  local field = bond.source and "organisations" or "people"
  local list = {}
  for i, interaction in ipairs(px.store.find("interaction", {
    filter = { [field] = { "has", bond.source or bond.source_person }, status = "held", kind = { "ne", "note" } }, order = "-at", limit = EVIDENCE,
  })) do
    list[i] = { object = "interaction", id = interaction.id, title = interaction.subject, at = interaction.at }
  end
  return list
end

evidence.last_contact, evidence.contact_trend, evidence.breadth = contacts, contacts, contacts

local function promises(bond, direction)
  local list = {}
  for i, promise in ipairs(px.store.find("promise", {
    filter = {
      direction = direction, state = { "in", { "kept", "broken", "overdue" } },
      ["or"] = { { relationship = bond.id }, { relationship = { "is", "null" }, organisation = bond.source or px.null } },
    },
    order = "-due", limit = EVIDENCE,
  })) do
    list[i] = { object = "promise", id = promise.id, title = promise.text, at = promise.due, state = promise.state }
  end
  return list
end

function evidence.our_promises(bond)
  return promises(bond, "by_us")
end

function evidence.their_promises(bond)
  return promises(bond, "to_us")
end

function evidence.signal(bond, factor)
  local list = {}
  for i, signal in ipairs(px.store.find("health_signal", { filter = { relationship = bond.id, factor = factor.name }, order = "-at", limit = EVIDENCE })) do
    list[i] = {
      object = signal.evidence_object or "health_signal", id = signal.evidence_id or signal.id,
      title = signal.note, at = signal.at, value = tonumber(tostring(signal.value)),
    }
  end
  return list
end

-- ---- one bond ----

local function formula_of(row)
  local record = px.store.first("health_formula", { filter = { number = row.formula_version } })
  return record and { version = record.number, minimum_coverage = record.minimum_coverage, factors = record.factors }
end

local function named(formula)
  local map = {}
  for _, factor in ipairs(formula.factors) do
    map[factor.name] = factor
  end
  return map
end

local function trend(bond)
  local list = {}
  for i, point in ipairs(px.store.find("health_point", { filter = { relationship = bond.id }, order = "-week", limit = TREND_WEEKS })) do
    list[i] = { week = point.week, score = point.score or px.null, coverage = point.coverage, formula_version = point.formula_version, replayed = point.replayed }
  end
  return px.json.list(list)
end

--- All that is known of a bond's health; nil when it has none.
function M.of(bond)
  local row = px.store.first("health_score", { filter = { relationship = bond.id } })
  local formula = row and formula_of(row)
  if not formula then
    return nil
  end
  local factors = {}
  for i, factor in ipairs(formula.factors) do
    local known = row.factors[factor.name]
    factors[i] = {
      name = factor.name, label = factor.label or factor.name, source = factor.source, weight = factor.weight, known = known ~= nil,
      value = known and known.value or px.null, fresh = known and known.fresh or px.null, points = known and known.points or px.null,
      as_of = known and known.on or px.null, evidence = px.json.list(known and evidence[factor.source](bond, factor) or {}),
    }
  end
  return {
    relationship = bond.id, score = row.score or px.null, coverage = row.coverage, minimum_coverage = formula.minimum_coverage,
    change = row.change or px.null, sentence = { en = row.change_en, el = row.change_el },
    formula_version = row.formula_version, computed_on = row.computed_on, last_contact_on = row.last_contact_on or px.null,
    factors = factors, trend = trend(bond),
  }
end

local function not_found()
  return px.http.problem(404, "not_found", "no bond that we look after has this id", { pointer = "/id" })
end

-- GET /x/relations/bonds/:id/health
px.route("GET", "/bonds/:id/health", function(request)
  local bond = px.store.get("relationship", request.params.id)
  local health = bond and M.of(bond)
  return health and { json = health } or not_found()
end)

-- ---- what if: nothing is written ----

--- The formula and what is known, with what is supposed in their place; or the place and what is wrong there.
local function supposed(formula, row, wish)
  local by_name, reads, factors = named(formula), {}, {}
  for name, known in pairs(row.factors) do
    reads[name] = { value = known.value, fresh = known.fresh }
  end
  for name, value in pairs(wish.values or {}) do
    if not by_name[name] then
      return nil, nil, "/values/" .. name, "the formula has no such factor"
    elseif not rules.number_in(value, 0, 1) then
      return nil, nil, "/values/" .. name, "a value lies between 0 (bad) and 1 (good)"
    end
    reads[name] = { value = value, fresh = 1 }
  end
  for i, name in ipairs(wish.unknown or {}) do
    if not by_name[name] then
      return nil, nil, "/unknown/" .. i - 1, "the formula has no such factor"
    end
    reads[name] = nil
  end
  for name, weight in pairs(wish.weights or {}) do
    if not by_name[name] then
      return nil, nil, "/weights/" .. name, "the formula has no such factor"
    elseif not rules.number_in(weight, 0, 1000) then
      return nil, nil, "/weights/" .. name, "a weight is 0 to 1000"
    end
  end
  for i, factor in ipairs(formula.factors) do
    factors[i] = { name = factor.name, weight = wish.weights and wish.weights[factor.name] or factor.weight }
  end
  return { minimum_coverage = formula.minimum_coverage, factors = factors }, reads
end

-- POST /x/relations/bonds/:id/what-if { values = { cases = 1 }, weights = { cases = 20 }, unknown = { "payments" } }
px.route("POST", "/bonds/:id/what-if", function(request)
  local bond = px.store.get("relationship", request.params.id)
  local row = bond and px.store.first("health_score", { filter = { relationship = bond.id } })
  local formula = row and formula_of(row)
  if not formula then
    return not_found()
  end
  local changed, reads, place, sentence = supposed(formula, row, body.of(request))
  if not changed then
    return px.http.problem(422, "invalid", sentence, { pointer = place })
  end
  local result = rules.combine(changed, reads)
  return { json = {
    before = { score = row.score or px.null, coverage = row.coverage },
    after = { score = result.score or px.null, coverage = result.coverage },
    difference = row.score and result.score and result.score - row.score or px.null, factors = result.factors,
  } }
end)

-- ---- the series ----

local function day_of(text, default)
  if not text then
    return default
  end
  return (px.try(px.date.parse, text))
end

-- GET /x/relations/reports/health?from=2026-01-01&to=2026-06-30&by=month
px.route("GET", "/reports/health", function(request)
  local query = request.query
  local to = day_of(query.to, store.today())
  local from, by = to and day_of(query.from, to - "365d"), query.by or "week"
  if not from or not to or from > to then
    return px.http.problem(422, "range", "from and to are days, the first before the second", { pointer = from and "/to" or "/from" })
  elseif by ~= "week" and by ~= "month" and by ~= "quarter" and by ~= "year" then
    return px.http.problem(422, "invalid", "by is week, month, quarter or year", { pointer = "/by" })
  end
  local rows = px.store.aggregate("health_point", {
    group = { { "week", by } }, filter = { week = { "between", { from, to } } },
    measures = { mean = "avg:score", all = true, known = { measure = "count", filter = { score = { "is", "not_null" } } } },
  })
  local mean, known, unknown = {}, {}, 0
  for i, row in ipairs(rows) do
    mean[i] = { x = row.week, y = row.mean or px.null }
    known[i] = { x = row.week, y = row.known }
    unknown = unknown + row.all - row.known
  end
  return { json = {
    report = "health", unit = "points of 100", unknown = unknown,
    series = { { name = "mean", points = px.json.list(mean) }, { name = "bonds_known", points = px.json.list(known) } },
  } }
end)

return M
