-- Needs: heard in a meeting, answered by an opportunity, known again when that is lost.

local function meeting(t)
  local organisation, person = t.organisation { name = "Samos Wine" }, t.person { name = "Nikos" }
  local interaction = t.interaction { kind = "meeting", subject = "Harvest", at = "2026-01-02T09:00:00Z",
    people = { person.id }, organisations = { organisation.id } }
  return interaction, organisation, person
end

test("T1 needs are captured from a meeting, linked to who was there", function(t)
  local interaction, organisation, person = meeting(t)
  local product = t.product { name = "Cold store" }
  local answer = t.call("POST", "/interactions/" .. interaction.id .. "/needs", { json = { needs = {
    { name = "Keep it cool", priority = "high", products = { product.id } }, { name = "Faster bottling" } } } })
  assert(answer.status == 201 and #answer.json.needs == 2, px.json.encode(answer.json))
  local need = t.expect_record("need", { name = "Keep it cool", organisation = organisation, source = interaction,
    captured_on = "2026-01-02", state = "captured", priority = "high" })
  assert(need.people[1] == person.id and need.products[1] == product.id)
  assert(#t.get("interaction", interaction).needs == 2)
  local list = t.call("GET", "/needs?organisation=" .. organisation.id).json
  assert(#list.needs == 2 and list.unanswered == 2)
end)

test("T1 a need goes from captured to met on a date, and back to confirmed when its answer is lost", function(t)
  local interaction, organisation = meeting(t)
  local opportunity = t.opportunity { name = "Cold store", organisation = organisation, stage = nil }
  local need = t.need { organisation = organisation, source = interaction, captured_on = "2026-01-02" }
  t.update("need", need, { state = "addressed", met_by = { opportunity.id } })
  local list = t.call("GET", "/needs?organisation=" .. organisation.id).json
  assert(list.unanswered == 0 and list.needs[1].answered_by[1].id == opportunity.id)
  t.refuses("rule", t.update, "need", need, { state = "met" })
  t.update("opportunity", opportunity, { stage = "lost" })
  local again = t.expect_record("need", { id = need.id, state = "confirmed" })
  assert(#again.met_by == 0)
  t.update("need", need, { state = "addressed" })
  t.update("need", need, { state = "met", met_on = "2026-01-05" })
  assert(#t.call("GET", "/needs?organisation=" .. organisation.id).json.needs == 0)
end)

test("T1 what is wrong is refused, and where", function(t)
  local _, organisation = meeting(t)
  local refusal = t.refuses("rule", t.need, { organisation = organisation, source = px.null, evidence = px.null })
  assert(refusal.detail:find("heard in", 1, true), refusal.detail)
  assert(t.refuses("refused", t.need, { captured_on = "2026-03-01", evidence = "said" }).field == "/captured_on")
  local both = t.interaction { kind = "call", at = "2026-01-02T09:00:00Z", organisations = {}, people = {} }
  local answer = t.call("POST", "/interactions/" .. both.id .. "/needs", { json = { needs = { { name = "x" } } } })
  assert(answer.status == 422 and answer.json.errors[1].pointer == "/needs/0/organisation")
  assert(t.call("POST", "/interactions/" .. both.id .. "/needs", { json = { needs = {} } }).json.code == "range")
  t.expect_no_record("need")
end)
