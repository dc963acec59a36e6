-- C4: from an observation to what came of it.

local function trend(t, industries, fields)
  fields = fields or {}
  fields.title, fields.source = fields.title or "Solar roofs", fields.source or "Trade journal"
  fields.observed_on, fields.industries = "2026-01-04", industries
  return t.call("POST", "/trends", { json = fields })
end

test("C4 a trend touches clients by industry and by product, and says why", function(t)
  local product = t.product { name = "Inverter" }
  local energy = t.organisation { name = "Aegean Power", industry = "energy", roles = { "client" } }
  local owner = t.organisation { name = "Big Hotel", industry = "tourism", roles = { "client" } }
  t.organisation { name = "Somebody", industry = "energy", roles = { "supplier" } }
  t.organisation { name = "Bank", industry = "banking", roles = { "client" } }
  t.owned_product { organisation = owner, product = product }
  local made = trend(t, { "energy" }, { products = { product.id }, confidence = "high" })
  assert(made.status == 201, px.json.encode(made.json))
  local touched = t.call("GET", "/trends/" .. made.json.id .. "/clients").json.data
  assert(#touched == 2 and touched[1].id == energy.id and touched[2].id == owner.id, px.json.encode(touched))
  assert(touched[1].reasons[1].by == "industry" and touched[2].reasons[1].value == "Inverter")
  t.update("trend", made.json.id, { confidence = "low" })
  t.expect_record("trend", { id = made.json.id, confidence = "low" })
  assert(trend(t, {}).status == 422)
  t.refuses("required", t.create, "trend", { title = "x", observed_on = "2026-01-04" })
  t.refuses("rule", t.trend, { observed_on = "2026-02-04" })
end)

test("C4 opportunities are suggested to sales once per client, and made when accepted", function(t)
  t.organisation { name = "Aegean Power", industry = "energy", roles = { "client" } }
  local made = trend(t, { "energy" }).json
  t.as("manager", function(seller)
    local path = "/trends/" .. made.id .. "/suggest"
    assert(#t.call("POST", path, { json = { receiver = seller.id } }).json.suggested == 1)
    assert(#t.call("POST", path, { json = { receiver = seller.id } }).json.suggested == 0)
    assert(t.call("POST", path, { json = {} }).status == 422)
    local handover = t.expect_record("sales_handover", { trend = made.id, state = "offered" })
    t.update("sales_handover", handover, { state = "accepted" })
    t.expect_record("opportunity", { name = "Solar roofs: Aegean Power", owner = seller.id })
  end)
end)

test("C4 product and sales acknowledge and say what they did", function(t)
  local made = trend(t, { "energy" }).json
  local handover
  t.as("manager", function(user)
    handover = t.trend_handover { trend = made.id, audience = "product", receiver = user.id }
    t.expect_record("task", { origin = "trend_handover:" .. handover.id, state = "open", owner = user.id, due = "2026-01-13" })
    t.update("trend_handover", handover, { state = "acknowledged" })
    t.refuses("rule", t.update, "trend_handover", handover, { state = "acted" })
    t.update("trend_handover", handover, { state = "acted", action = "A second inverter is planned" })
  end)
  t.expect_record("trend_handover", { id = handover.id, acknowledged_on = "2026-01-05", acted_on = "2026-01-05" })
  t.expect_record("task", { trend_handover = handover, state = "done" })
  local other = t.as("manager:other", function(user)
    return t.trend_handover { trend = made.id, audience = "sales", receiver = user.id }
  end)
  t.as("manager", function()
    local refusal = t.refuses("refused", t.update, "trend_handover", other, { state = "acknowledged" })
    assert(refusal.field == "/state")
  end)
  local report = t.call("GET", "/reports/trends?from=2026-01-01&to=2026-12-31").json
  local counts = {}
  for _, series in ipairs(report.series) do
    counts[series.name] = series.points[1] and series.points[1].y
  end
  assert(counts.observed == 1 and counts.handed_over == 2 and counts.acknowledged == 1 and counts.acted == 1, px.json.encode(report))
  assert(report.unknown == 1 and t.call("GET", "/reports/trends?by=week").status == 400)
end)
