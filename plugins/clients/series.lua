-- Figures by month, quarter or year: counts what is known, and what is not apart.

local M = {}

local WIDTHS <const> = { month = 1, quarter = 3, year = 12 }
local MONTHS_MOST <const> = 120

local function day(query, name, fallback)
  if not query[name] then
    return fallback
  end
  local parsed = px.try(px.date.parse, query[name])
  if not parsed or #query[name] ~= 10 then
    px.refuse(name, "a day such as 2026-01-31")
  end
  return parsed
end

-- from, to and by of a request; a year up to today unless it says otherwise.
function M.period(query)
  local today = px.date.today(px.config.get("zone"))
  local period = { to = day(query, "to", today) }
  period.from = day(query, "from", period.to + "-P1Y")
  local by = query.by or "month"
  if not WIDTHS[by] then
    px.refuse("by", "month, quarter or year")
  elseif px.date.diff(period.to, period.from) < 0 then
    px.refuse("to", "the period ends after it has begun")
  elseif px.date.diff(period.to, period.from) > MONTHS_MOST * 31 then
    px.refuse("from", "at most ten years")
  end
  return period, by
end

local function label(year, month, by)
  if by == "year" then
    return string.format("%04d", year)
  elseif by == "quarter" then
    return string.format("%04d-Q%d", year, (month - 1) // 3 + 1)
  end
  return string.format("%04d-%02d", year, month)
end

local function new_bucket(x)
  local bucket = { x = x, values = {}, unknowns = {} }
  function bucket:take(name, value)
    self.values[name] = self.values[name] or {}
    if value == nil then
      self.unknowns[name] = (self.unknowns[name] or 0) + 1
    else
      table.insert(self.values[name], value)
    end
  end
  return bucket
end

local MEASURES <const> = {}

local function nearest_rank(values, share)
  table.sort(values)
  return values[math.max(1, math.ceil(#values * share))]
end

function MEASURES.median(values)
  return nearest_rank(values, 0.5)
end

function MEASURES.p90(values)
  return nearest_rank(values, 0.9)
end

function MEASURES.mean(values)
  local sum = 0
  for _, value in ipairs(values) do
    sum = sum + value
  end
  return #values > 0 and sum / #values or nil
end

-- One bucket for each month (quarter, year) of the period, empty ones too: a month without cases is shown as unknown.
function M.buckets(period, by)
  local all = { list = {}, by_x = {} }
  local at = px.date.parse(px.date.format(period.from):sub(1, 8) .. "01")
  while px.date.diff(period.to, at) >= 0 do
    local x = label(at.year, at.month, by)
    if not all.by_x[x] then
      all.by_x[x] = new_bucket(x)
      table.insert(all.list, all.by_x[x])
    end
    at = at + "P1M"
  end

  function all:at(instant)
    local parts = px.date.zone(instant, px.config.get("zone"))
    return self.by_x[label(parts.year, parts.month, by)] or self.list[#self.list]
  end

  function all:series(name, of, measure, unit)
    local points, unknown = px.json.list {}, 0
    for _, bucket in ipairs(self.list) do
      local y = MEASURES[measure](bucket.values[of] or {})
      points[#points + 1] = { x = bucket.x, y = y and math.floor(y * 100 + 0.5) / 100 or px.null,
        n = #(bucket.values[of] or {}) }
      unknown = unknown + (bucket.unknowns[of] or 0)
    end
    return { name = name, unit = unit or "hours", points = points, unknown = unknown }
  end

  function all:unknown(of)
    return self:series(of, of, "mean").unknown
  end
  return all
end

return M
