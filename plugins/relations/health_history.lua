-- Health back in time: points of weeks that passed before anybody kept them, and whether scores foresaw what was lost.
local body <const> = require "body"
local backtest <const> = require "health_backtest"
local store <const> = require "health_store"

local WEEKS_MAX <const> = 156
local LOST_MAX <const> = 1000
local PAGES_A_UNIT <const> = 3
local CHAIN <const> = 12

-- ---- points of the past ----

local function bonds_then(day, after)
  local filter = store.open_on(day)
  filter["and"] = { { ["or"] = {
    { started_on = { "le", day } },
    { started_on = { "is", "null" }, created_at = { "le", tostring(day) .. "T00:00:00Z" } },
  } } }
  return px.store.find("relationship", { filter = filter, limit = store.PAGE, after = after, fields = { "source", "source_person", "owner" } })
end

-- One week after the other, the newest first; each page is a part of a unit, the place moves with what was written.
px.on("relations.health_weeks_due", function(event)
  local formula, due = store.formula(), event.data
  if not formula then
    return
  end
  local week, after, left, writes = px.date.parse(due.week), due.after, due.left, {}
  for _ = 1, PAGES_A_UNIT do
    local bonds
    bonds, after = bonds_then(week, after)
    local at = px.date.parse(tostring(week) .. "T00:00:00Z")
    table.move(store.prepare(formula, bonds, { week = true, at = at }), 1, store.PAGE, #writes + 1, writes)
    if not after then
      break
    end
  end
  store.write(writes)
  if not after then
    week, left = week - "7d", left - 1
  end
  if left > 0 then
    px.bus.emit("relations.health_weeks_due", { week = tostring(week), after = after, left = left, hop = due.hop + 1 },
      due.hop % CHAIN == 0 and { delay = "1s" } or nil)
  end
end)

-- POST /x/relations/health/history { weeks = 52 }: where a week has a point already, it stays
px.route("POST", "/health/history", { role = "admin" }, function(request)
  local weeks = body.of(request).weeks
  if math.type(weeks) ~= "integer" or weeks < 1 or weeks > WEEKS_MAX then
    return px.http.problem(422, "range", "weeks is a whole number from 1 to " .. WEEKS_MAX, { pointer = "/weeks" })
  end
  local week = store.monday(store.today())
  px.store.tx(function()
    px.bus.emit("relations.health_weeks_due", { week = tostring(week), left = weeks, hop = 1 })
  end)
  return { status = 202, json = { from = week - (7 * (weeks - 1) .. "d"), to = week, weeks = weeks } }
end)

-- ---- the back-test ----

local function lost_bonds(from, to)
  return px.store.find("relationship", {
    filter = { ended_reason = "lost", ended_on = { "between", { from, to } } }, limit = LOST_MAX, fields = { "ended_on" },
  })
end

local KNOWN <const> = { score = { "is", "not_null" }, contact_age = { "is", "not_null" } }

--- { [value] = how many bonds had it } of a week, of those with both values
local function counts_of(week, field)
  local counts, filter = {}, { week = week, score = KNOWN.score, contact_age = KNOWN.contact_age }
  for _, row in ipairs(px.store.aggregate("health_point", { group = { field }, filter = filter })) do
    counts[row[field]] = row.count
  end
  return counts
end

local function points_of(ids, weeks)
  local points = {}
  local filter = { relationship = { "in", ids }, week = { "in", weeks }, score = KNOWN.score, contact_age = KNOWN.contact_age }
  for point in px.store.each("health_point", { filter = filter, fields = { "relationship", "week", "score", "contact_age" }, limit = 1000 }) do
    local week = tostring(point.week)
    points[week] = points[week] or {}
    points[week][point.relationship] = point
  end
  return points
end

local function values_of(points, field)
  local values = {}
  for _, point in pairs(points) do
    values[#values + 1] = point[field]
  end
  return values
end

local function total(counts)
  local sum = 0
  for _, count in pairs(counts) do
    sum = sum + count
  end
  return sum
end

--- What the score and the plain age of the last contact said `weeks` before each loss.
local function test_back(lost, weeks)
  local due, ids, mondays, seen = {}, {}, {}, {}
  for i, bond in ipairs(lost) do
    local week = tostring(store.monday(bond.ended_on - (7 * weeks .. "d")))
    due[i], ids[i] = { id = bond.id, week = week }, bond.id
    if not seen[week] then
      seen[week] = true
      mondays[#mondays + 1] = week
    end
  end
  local points = #ids > 0 and points_of(ids, mondays) or {}
  local by_score, by_age, kept, least = {}, {}, {}, nil
  for _, case in ipairs(due) do
    local of_week = points[case.week] or {}
    local point = of_week[case.id]
    if point then
      kept[case.week] = kept[case.week] or {
        score = backtest.without(counts_of(case.week, "score"), values_of(of_week, "score")),
        age = backtest.without(counts_of(case.week, "contact_age"), values_of(of_week, "contact_age")),
      }
      by_score[#by_score + 1] = { value = point.score, others = kept[case.week].score }
      by_age[#by_age + 1] = { value = point.contact_age, others = kept[case.week].age }
      local beside = total(kept[case.week].score)
      least = least and math.min(least, beside) or beside
    end
  end
  return by_score, by_age, least or 0
end

local function figure(cases, risk, kept)
  local area, compared = backtest.area(cases, risk)
  return { auc = area, standard_error = area and backtest.error_of(area, #cases, kept), pairs = compared }
end

local function day_of(request, name, default)
  if not request.query[name] then
    return default
  end
  return (px.try(px.date.parse, request.query[name]))
end

-- GET /x/relations/health/backtest?weeks=8&from=2026-01-01&to=2026-06-30
px.route("GET", "/health/backtest", function(request)
  local weeks = math.tointeger(tonumber(request.query.weeks or "8"))
  local to = day_of(request, "to", store.today())
  local from = to and day_of(request, "from", to - "365d")
  if not weeks or weeks < 1 or weeks > WEEKS_MAX then
    return px.http.problem(422, "range", "weeks is a whole number from 1 to " .. WEEKS_MAX, { pointer = "/weeks" })
  elseif not from or not to or from > to then
    return px.http.problem(422, "range", "from and to are days, the first before the second", { pointer = from and "/to" or "/from" })
  end
  local lost = lost_bonds(from, to)
  local by_score, by_age, kept = test_back(lost, weeks)
  if #by_score < backtest.LEAST or kept < backtest.LEAST then
    return px.http.problem(422, "too_few", string.format(
      "%d bonds were lost, of %d both score and last contact are known %d weeks before, beside %d that were kept; "
      .. "under %d of each a figure would say nothing", #lost, #by_score, weeks, kept, backtest.LEAST), { pointer = "/from" })
  end
  return { json = {
    weeks = weeks, from = from, to = to, lost = #lost, used = #by_score, unknown = #lost - #by_score, kept_at_least = kept,
    score = figure(by_score, -1, kept), contact_age = figure(by_age, 1, kept),
  } }
end)
