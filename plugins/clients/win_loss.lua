-- T7 T9: what was won and lost, by competitor, reason, product or size; what nobody noted is counted as unknown.
local figures <const> = require "figures"
local today <const> = require("days").today

local EDGES <const> = { 10000, 50000, 250000 } -- of sizes, in major units of the base currency
local MEASURES <const> = {
  won = { measure = "count", filter = { stage = "won" } }, lost = { measure = "count", filter = { stage = "lost" } },
}
local KEYS <const> = { competitor = "competitors", reason = "lost_reason", product = "product" }
local NAMED <const> = { competitor = "organisation", product = "product" }
local SCALE <const> = 1000000

local function closed(from, to)
  return { stage = { "in", { "won", "lost" } }, closed_on = { "between", { from, to } } }
end

local function name_of(by, key)
  local record = NAMED[by] and px.store.get(NAMED[by], key)
  return record and record.name or key
end

local function rows_by_field(by, filter)
  local rows, unknown = {}, 0
  for _, found in ipairs(px.store.aggregate("opportunity", { group = { KEYS[by] }, measures = MEASURES, filter = filter })) do
    local key = found[KEYS[by]]
    if key == nil then
      unknown = unknown + found.lost + (by == "reason" and 0 or found.won)
    else
      rows[#rows + 1] = { x = name_of(by, key), key = key, won = found.won, lost = found.lost }
    end
  end
  return rows, unknown
end

local function add_counts(row, filter)
  local found = px.store.aggregate("opportunity", { measures = MEASURES, filter = filter })[1]
  if found then
    row.won, row.lost = row.won + found.won, row.lost + found.lost
  end
end

--- The bands' edges in a currency: the rate is taken at a million units, exact enough for a border.
local function edges_in(currency, converter)
  local worth = converter.convert(px.money(SCALE, currency))
  if not worth or worth == 0 then
    return nil
  end
  local edges = {}
  for i, edge in ipairs(EDGES) do
    edges[i] = px.money.of(tostring(edge), converter.base).amount * SCALE // worth
  end
  return edges
end

local function with(filter, more)
  local both = {}
  for key, value in pairs(filter) do
    both[key] = value
  end
  for key, value in pairs(more) do
    both[key] = value
  end
  return both
end

local function rows_by_size(filter, converter)
  local rows, unknown = {}, 0
  for i = 1, #EDGES + 1 do
    local from, to = EDGES[i - 1], EDGES[i]
    rows[i] = { x = (from and tostring(from) or "0") .. (to and "–" .. to or "+"), won = 0, lost = 0 }
  end
  for _, group in ipairs(px.store.aggregate("opportunity", { group = { "value.currency" }, measures = { n = true }, filter = filter })) do
    local currency = group["value.currency"]
    local edges = currency and edges_in(currency, converter)
    if not edges then
      unknown = unknown + group.n
    else
      for i, row in ipairs(rows) do
        add_counts(row, with(filter, { ["value.currency"] = currency,
          ["value.amount"] = { ge = edges[i - 1] or 0, lt = edges[i] or math.maxinteger } }))
      end
    end
  end
  return rows, unknown
end

local function series_of(rows)
  local won, lost = { name = px.i18n.t("won"), points = {} }, { name = px.i18n.t("lost"), points = {} }
  for i, row in ipairs(rows) do
    won.points[i] = { x = row.x, y = row.won, id = row.key }
    lost.points[i] = { x = row.x, y = row.lost, id = row.key }
  end
  won.points, lost.points = px.json.list(won.points), px.json.list(lost.points)
  return { won, lost }
end

-- GET /x/clients/reports/win_loss?from=&to=&by=competitor|reason|product|size
px.route("GET", "/reports/win_loss", function(request)
  local by = request.query.by or "reason"
  local from, to, wrong = figures.period(request.query, today() + "-P1Y", today())
  if wrong then
    return wrong
  elseif not KEYS[by] and by ~= "size" then
    return px.http.problem(422, "enum", "by is competitor, reason, product or size", { pointer = "/by" })
  end
  local converter, filter = figures.converter(today()), closed(from, to)
  local rows, unknown
  if by == "size" then
    rows, unknown = rows_by_size(filter, converter)
  else
    rows, unknown = rows_by_field(by, filter)
  end
  return { json = { report = "win_loss", by = by, unit = "opportunities", from = from, to = to, series = series_of(rows), unknown = unknown,
    rates = converter.rates(), no_rate_for = converter.missing() } }
end)
