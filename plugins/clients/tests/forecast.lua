-- What the pipelines hold: sums in the base currency, unknown apart.

local function stage(t, code)
  return t.find("pipeline_stage", { filter = { code = code } })[1].id
end

local function deal(t, name, value, fields)
  fields = fields or {}
  fields.name, fields.value = name, value
  fields.pipeline_stage = fields.pipeline_stage or stage(t, "sales.lead")
  return t.create("opportunity", fields)
end

local function series_of(answer, name)
  for _, one in ipairs(answer.json.series) do
    if one.name == name then
      return one
    end
  end
end

test("T9 the forecast weighs by month in the base currency at a dated rate; unknown is listed apart", function(t)
  t.exchange_rate { base = "EUR", currency = "USD", rate = "1.25", on = "2026-01-02", source = "ECB" }
  t.exchange_rate { base = "EUR", currency = "USD", rate = "9", on = "2026-03-02", source = "later" }
  deal(t, "Euro", px.money(100000, "EUR"), { expected_close_on = "2026-02-10" })
  deal(t, "Dollar", px.money(100000, "USD"), { expected_close_on = "2026-02-20" })
  deal(t, "March", px.money(50000, "EUR"), { expected_close_on = "2026-03-31", probability = 80 })
  deal(t, "Yen", px.money(100000, "JPY"), { expected_close_on = "2026-03-31" })
  local vague = deal(t, "Vague", px.money(100000, "EUR"))
  local answer = t.call("GET", "/reports/forecast?from=2026-02-01&to=2026-04-30")
  local points = answer.json.series[1].points
  assert(#points == 3 and points[1].x == "2026-02" and points[1].y == 18000, px.json.encode(answer.json))
  assert(points[2].y == 40000 and points[3].y == 0)
  assert(answer.json.unknown == 2 and answer.json.no_rate_for[1] == "JPY")
  assert(answer.json.rates[1].currency == "USD" and tostring(answer.json.rates[1].on) == "2026-01-02")
  assert(answer.json.unknown_opportunities[1].id == vague.id)
  assert(answer.json.unknown_opportunities[1].lacks[1] == "expected_close_on")
end)

test("T9 the forecast by owner and by unit", function(t)
  local unit = t.organisation { name = "North", roles = { "business_unit" } }
  deal(t, "One", px.money(100000, "EUR"), { expected_close_on = "2026-02-10", unit = unit.id })
  deal(t, "Two", px.money(200000, "EUR"), { expected_close_on = "2026-02-10" })
  local answer = t.call("GET", "/reports/forecast?group=unit")
  assert(series_of(answer, "North").points[2].y == 10000)
  assert(series_of(answer, "nobody").points[2].y == 20000)
  assert(t.call("GET", "/reports/forecast?group=weather").json.code == "enum")
  assert(t.call("GET", "/reports/forecast?from=yesterday").json.errors[1].pointer == "/from")
  assert(t.call("GET", "/reports/forecast?from=2026-01-01&to=2036-01-01").json.code == "range")
end)

test("T9 the pipeline by stage, with the days that moves took", function(t)
  local one = deal(t, "One", px.money(100000, "EUR"))
  deal(t, "Two", px.money(50000, "EUR"))
  t.create("opportunity", { name = "Outside" })
  t.advance("2d")
  t.update("opportunity", one, { pipeline_stage = stage(t, "sales.needs") })
  local answer = t.call("GET", "/reports/pipeline")
  local points = series_of(answer, "Sales").points
  assert(points[1].count == 1 and points[1].y == 50000 and points[1].weighted == 5000)
  assert(tostring(points[1].days_in_stage) == "2.00" and points[2].weighted == 25000)
  assert(answer.json.in_no_pipeline == 1 and answer.json.unknown == 1)
  local rows = t.command("pipeline").tables[1].rows
  assert(rows[1].stage == "Ahead" and rows[4].stage == "Needs known" and rows[4].weighted == "250.00 EUR", px.json.encode(rows))
  t.update("opportunity", one, { expected_close_on = "2026-02-01" })
  local forecast = t.command("forecast", { months = 2 })
  assert(forecast.tables[1].rows[2].month == "2026-02" and forecast.tables[1].rows[2].weighted == "250.00 EUR")
  assert(forecast.output:find("2 open opportunities", 1, true), forecast.output)
end)
