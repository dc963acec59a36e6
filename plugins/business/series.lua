-- Reports are series: what is asked for, the periods it falls into, the answer's shape.
local M = {}

local PERIODS <const> = { month = 1, quarter = 3, year = 12 }
local MOST <const> = 240

--- The name of a day's period, as aggregates name it.
function M.label(day, by)
  if by == "year" then
    return string.format("%04d", day.year)
  elseif by == "quarter" then
    return string.format("%04d-Q%d", day.year, (day.month - 1) // 3 + 1)
  end
  return string.format("%04d-%02d", day.year, day.month)
end

--- The first day of the period that holds this day.
function M.first(day, by)
  local months = PERIODS[by]
  return px.date.parse(string.format("%04d-%02d-01", day.year, (day.month - 1) // months * months + 1))
end

local function following(first, by)
  local month = first.month + PERIODS[by]
  return px.date.parse(string.format("%04d-%02d-01", first.year + (month - 1) // 12, (month - 1) % 12 + 1))
end

--- The periods of a range: { label, from, to }, the first and last cut to the range.
function M.periods(from, to, by)
  local list, first = {}, M.first(from, by)
  while first <= to do
    local after = following(first, by)
    list[#list + 1] = {
      label = M.label(first, by),
      from = first < from and from or first,
      to = after - "1d" > to and to or after - "1d",
    }
    first = after
  end
  return list
end

local function day(request, name, otherwise)
  local text = request.query[name]
  if not text then
    return otherwise
  end
  local found = px.try(px.date.parse, text)
  if not found then
    px.refuse(name, px.i18n.t("series.day", { name = name }))
  end
  return found
end

--- What a report is asked for: from, to (this year unless said) and by (month).
function M.asked(request)
  local today = px.date.today(px.config.get("zone"))
  local by = request.query.by or "month"
  if not PERIODS[by] then
    px.refuse("by", px.i18n.t("series.by"))
  end
  local from = day(request, "from", px.date.parse(today.year .. "-01-01"))
  local to = day(request, "to", px.date.parse(today.year .. "-12-31"))
  if to < from then
    px.refuse("to", px.i18n.t("series.order"))
  end
  local periods = M.periods(from, to, by)
  if #periods > MOST then
    px.refuse("from", px.i18n.t("series.many", { most = MOST }))
  end
  return { from = from, to = to, by = by, periods = periods }
end

--- One line of the report: a point for each period; nil stays null, never zero.
function M.line(name, periods, value, more)
  local points = {}
  for i, period in ipairs(periods) do
    local y = value(period)
    points[i] = { x = period.label, y = y == nil and px.null or y }
  end
  local line = more or {}
  line.name, line.points = name, px.json.list(points)
  return line
end

function M.answer(report, unit, lines, unknown)
  return px.http.json { report = report, unit = unit, series = px.json.list(lines), unknown = unknown }
end

return M
