-- Pipelines: one place, one stage, one log; hand-overs are acknowledged.

local function stage(t, code)
  return t.find("pipeline_stage", { filter = { code = code } })[1]
end

test("T9 both stages say the same, whichever is moved, and the probability is the stage's", function(t)
  local deal = t.create("opportunity", { name = "Roof", pipeline_stage = stage(t, "sales.lead").id,
    value = px.money(100000, "EUR") })
  assert(deal.stage == "prospecting" and deal.probability == 10)
  assert(tostring(deal.weighted) == "100.00 EUR", tostring(deal.weighted))
  deal = t.update("opportunity", deal, { pipeline_stage = stage(t, "sales.proposal").id })
  assert(deal.stage == "engaging" and deal.probability == 50)
  deal = t.update("opportunity", deal, { probability = 55 })
  assert(deal.probability == 55)
  deal = t.update("opportunity", deal, { stage = "won" })
  assert(deal.pipeline_stage == stage(t, "sales.won").id and deal.probability == 100)
  assert(tostring(deal.closed_on) == "2026-01-05")
end)

test("T9 an opportunity outside of all pipelines keeps its stages, and is certain at the end", function(t)
  local deal = t.create("opportunity", { name = "Roof" })
  assert(deal.pipeline_stage == nil and deal.probability == nil)
  deal = t.update("opportunity", deal, { stage = "lost", lost_reason = "price" })
  assert(deal.probability == 0 and tostring(deal.closed_on) == "2026-01-05")
  deal = t.update("opportunity", deal, { stage = "engaging" })
  assert(deal.probability == nil and deal.closed_on == nil and deal.lost_reason == nil)
end)

test("T9 each move is noted with the days spent", function(t)
  local deal = t.create("opportunity", { name = "Roof", pipeline_stage = stage(t, "sales.lead").id })
  t.advance("36h")
  t.update("opportunity", deal, { pipeline_stage = stage(t, "sales.needs").id })
  t.advance("3d")
  t.update("opportunity", deal, { pipeline_stage = stage(t, "sales.lost").id })
  t.expect_record("stage_change", { opportunity = deal.id, from_stage = "prospecting", to_stage = "engaging",
    days_in_stage = px.decimal("1.50") })
  t.expect_record("stage_change", { opportunity = deal.id, from_pipeline_stage = stage(t, "sales.needs"), to_stage = "lost",
    days_in_stage = px.decimal("3.00") })
  t.update("opportunity", deal, { next_step = "Call" })
  assert(#t.find("stage_change") == 2)
end)

test("T9 what is wrong is refused, and where", function(t)
  local refusal = t.refuses("refused", t.create, "opportunity", { name = "x", pipeline_stage = stage(t, "sales.won").id })
  assert(refusal.field == "/pipeline_stage", refusal.field)
  local deal = t.create("opportunity", { name = "Roof", pipeline_stage = stage(t, "sales.lead").id })
  t.refuses("state", t.update, "opportunity", deal, { pipeline_stage = stage(t, "sales.won").id })
  t.refuses("rule", t.update, "opportunity", deal, { lost_reason = "price" })
  t.refuses("rule", t.update, "opportunity", deal, { recurring_revenue = px.money(100, "EUR") })
  local pipeline = t.find("pipeline", { filter = { code = "sales" } })[1]
  t.refuses("rule", t.create, "pipeline_stage", { pipeline = pipeline.id, code = "x", name = "x", place = 9, probability = 90, stage = "won" })
  t.refuses("unique", t.create, "pipeline_stage", { pipeline = pipeline.id, code = "x", name = "x", place = 1, probability = 9, stage = "engaging" })
end)

test("T9 a hand-over is a task until its receiver answers; accepted, it is an opportunity", function(t)
  local need = t.need { evidence = "They said so", source = px.null, captured_on = "2026-01-01", met_on = px.null }
  t.as("manager:seller", function(seller)
    local one = t.sales_handover { name = "Battery for Samos", organisation = need.organisation, reason = "The roof is there",
      need = need, receiver = seller.id, opportunity = px.null, product = px.null, answer = px.null }
    local task = t.expect_record("task", { owner = seller.id, title = "Accept or decline: Battery for Samos", due = "2026-01-08" })
    t.as("manager:other", function()
      assert(t.refuses("refused", t.update, "sales_handover", one, { state = "accepted" }).field == "/state")
    end)
    t.refuses("rule", t.update, "sales_handover", one, { state = "declined" })
    t.update("sales_handover", one, { state = "accepted" })
    t.expect_record("task", { id = task.id, state = "done" })
    local deal = t.expect_record("opportunity", { owner = seller.id, name = "Battery for Samos", lead_source = "hand_over" })
    assert(t.get("sales_handover", one).opportunity == deal.id)
    assert(t.get("need", need).met_by[1] == deal.id)
  end)
end)
