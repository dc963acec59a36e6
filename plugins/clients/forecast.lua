-- T9: what is in the pipelines and what may come of it, month by month, in the base currency; unknown is listed apart.
local figures <const> = require "figures"
local today <const> = require("days").today

local OPEN <const> = { "in", { "prospecting", "engaging" } }
local MONTHS_MAX <const> = 36
local LISTED <const> = 50
local BY <const> = { owner = "user", unit = "organisation" }

local function greek(record)
  return px.i18n.t("language") == "el" and record.name_el or record.name
end

-- ---- pipeline ----

local function days_by_stage()
  local days = {}
  for _, row in ipairs(px.store.aggregate("stage_change", { group = { "from_pipeline_stage" },
    measures = { days = { "avg", "days_in_stage" } }, filter = { from_pipeline_stage = { "is", "not_null" } } })) do
    days[row.from_pipeline_stage] = row.days
  end
  return days
end

local function stage_rows(stages, names, converter)
  local _, values = figures.sums("opportunity", { pipeline_stage = { "is", "not_null" }, stage = OPEN }, "pipeline_stage", "value", converter)
  local _, weights = figures.sums("opportunity", { pipeline_stage = { "is", "not_null" }, stage = OPEN }, "pipeline_stage", "weighted", converter)
  local days, rows = days_by_stage(), {}
  for _, stage in ipairs(stages) do
    local value, weighted = values[stage.id], weights[stage.id]
    if stage.type == "open" then
      rows[#rows + 1] = { pipeline = names[stage.pipeline], stage = greek(stage), probability = stage.probability,
        count = value and value.n or 0, value = value and value.total or 0, weighted = weighted and weighted.total or 0,
        value_unknown = value and value.unknown or 0, days_in_stage = days[stage.id] }
    end
  end
  return rows
end

--- One row per open stage of every pipeline in use, and the open opportunities that are in none.
local function read_pipeline()
  local converter, names = figures.converter(today()), {}
  for _, pipeline in ipairs(px.store.find("pipeline", { filter = { active = true }, order = "code", limit = 100 })) do
    names[pipeline.id] = greek(pipeline)
  end
  local stages = {}
  for _, stage in ipairs(px.store.find("pipeline_stage", { order = "pipeline.code,place", limit = figures.ROWS_MAX })) do
    if names[stage.pipeline] then
      stages[#stages + 1] = stage
    end
  end
  local rows = stage_rows(stages, names, converter)
  local outside = px.store.count("opportunity", { filter = { stage = OPEN, pipeline_stage = { "is", "null" } } })
  return rows, outside, converter
end

px.route("GET", "/reports/pipeline", function()
  local rows, outside, converter = read_pipeline()
  local series, by_name, unknown = {}, {}, outside
  for _, row in ipairs(rows) do
    local one = by_name[row.pipeline]
    if not one then
      one = { name = row.pipeline, points = px.json.list() }
      by_name[row.pipeline] = one
      series[#series + 1] = one
    end
    one.points[#one.points + 1] = { x = row.stage, y = row.value, count = row.count, weighted = row.weighted,
      days_in_stage = row.days_in_stage }
    unknown = unknown + row.value_unknown
  end
  return { json = { report = "pipeline", unit = converter.base, series = px.json.list(series), unknown = unknown,
    in_no_pipeline = outside, rates = converter.rates(), no_rate_for = converter.missing() } }
end)

local function major(amount, base)
  return tostring(px.money(amount, base))
end

px.command("pipeline", { help = { en = "open opportunities by pipeline and stage", el = "ανοικτές ευκαιρίες ανά διαδικασία και στάδιο" } },
  function(_, out)
    local rows, outside, converter = read_pipeline()
    for _, row in ipairs(rows) do
      row.value, row.weighted = major(row.value, converter.base), major(row.weighted, converter.base)
    end
    out.table({ { "pipeline", px.i18n.t("col_pipeline") }, { "stage", px.i18n.t("col_stage") }, { "count", px.i18n.t("col_count") },
      { "value", px.i18n.t("col_value") }, { "weighted", px.i18n.t("col_weighted") }, { "value_unknown", px.i18n.t("col_unknown") },
      { "days_in_stage", px.i18n.t("col_days") } }, rows)
    if outside > 0 then
      out.line(px.i18n.t("in_no_pipeline", { count = outside }))
    end
  end)

-- ---- forecast ----

local function names_of(object, ids)
  local names = {}
  for id in pairs(ids) do
    local record = px.store.get(object, id)
    names[id] = record and record.name or id
  end
  return names
end

local function read_month(month, by, converter, series)
  local filter = { stage = OPEN, expected_close_on = { "between", { month.from, month.to } }, weighted = { "is", "not_null" } }
  local unknown = 0
  for _, row in ipairs(figures.sums("opportunity", filter, by, "weighted", converter)) do
    local key = row.key or "none"
    series[key] = series[key] or {}
    series[key][month.name] = row.total
    unknown = unknown + row.unknown
  end
  return unknown
end

--- What keeps an open opportunity out of the forecast: no day, no value or no probability.
local UNKNOWN_FILTER <const> = { stage = OPEN, ["or"] = {
  { expected_close_on = { "is", "null" } }, { value = { "is", "null" } }, { probability = { "is", "null" } } } }

local function list_unknown()
  local list = {}
  for i, one in ipairs(px.store.find("opportunity", { filter = UNKNOWN_FILTER, order = "id", limit = LISTED })) do
    local lacks = {}
    for _, field in ipairs { "expected_close_on", "value", "probability" } do
      if one[field] == nil then
        lacks[#lacks + 1] = field
      end
    end
    list[i] = { id = one.id, name = one.name, lacks = px.json.list(lacks) }
  end
  return px.json.list(list)
end

local function read_forecast(months, by)
  local converter, found, no_rate = figures.converter(today()), {}, 0
  for _, month in ipairs(months) do
    no_rate = no_rate + read_month(month, by, converter, found)
  end
  local ids = {}
  for key in pairs(found) do
    if key ~= "none" then
      ids[key] = true
    end
  end
  local names, series = by and names_of(BY[by], ids) or {}, {}
  for key, values in pairs(found) do
    local points = {}
    for i, month in ipairs(months) do
      points[i] = { x = month.name, y = values[month.name] or 0 }
    end
    local all = by and px.i18n.t("nobody") or px.i18n.t("all")
    series[#series + 1] = { name = names[key] or all, id = key ~= "none" and key or nil, points = points }
  end
  table.sort(series, function(a, b) return a.name < b.name end)
  return series, converter, no_rate
end

-- GET /x/clients/reports/forecast?from=&to=&group=owner|unit
px.route("GET", "/reports/forecast", function(request)
  local from, to, wrong = figures.period(request.query, today(), today() + "P1Y")
  local by = request.query.group
  local months = not wrong and figures.months(from, to, MONTHS_MAX)
  if wrong then
    return wrong
  elseif by and not BY[by] then
    return px.http.problem(422, "enum", "group is owner or unit", { pointer = "/group" })
  elseif not months then
    return px.http.problem(422, "range", "a forecast covers at most " .. MONTHS_MAX .. " months", { pointer = "/to" })
  end
  local series, converter, no_rate = read_forecast(months, by)
  return { json = { report = "forecast", unit = converter.base, as_of = converter.on, series = px.json.list(series),
    unknown = px.store.count("opportunity", { filter = UNKNOWN_FILTER }) + no_rate, unknown_opportunities = list_unknown(),
    rates = converter.rates(), no_rate_for = converter.missing() } }
end)

px.command("forecast", { help = { en = "weighted value of open opportunities by month", el = "σταθμισμένη αξία ανοικτών ευκαιριών ανά μήνα" },
  args = { { "months", "integer", default = 6, help = { en = "how many months", el = "πόσοι μήνες" } },
    { "group", named = true, help = { en = "owner or unit", el = "owner ή unit" } } } },
  function(args, out)
    local count = math.max(1, math.min(MONTHS_MAX, args.months))
    local months = figures.months(today(), today() + ("P" .. count - 1 .. "M"), MONTHS_MAX)
    local series, converter, no_rate = read_forecast(months, BY[args.group] and args.group or nil)
    local rows = {}
    for _, one in ipairs(series) do
      for _, point in ipairs(one.points) do
        rows[#rows + 1] = { who = one.name, month = point.x, weighted = major(point.y, converter.base) }
      end
    end
    out.table({ { "who", px.i18n.t("col_who") }, { "month", px.i18n.t("col_month") }, { "weighted", px.i18n.t("col_weighted") } }, rows)
    local unknown = px.store.count("opportunity", { filter = UNKNOWN_FILTER }) + no_rate
    if unknown > 0 then
      out.line(px.i18n.t("forecast_unknown", { count = unknown }))
    end
  end)
