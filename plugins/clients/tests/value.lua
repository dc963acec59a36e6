-- Value propositions: proof before presenting, a result after the sale.

local function proposition(t, fields)
  local organisation = t.organisation()
  local opportunity = t.opportunity { name = "Cold store", organisation = organisation, stage = nil }
  local need = t.need { organisation = organisation, evidence = "They said so", source = px.null, captured_on = "2026-01-01", met_on = px.null }
  fields = fields or {}
  fields.name, fields.need, fields.opportunity = "Half the waste", need, opportunity
  fields.unit, fields.expected, fields.expected_by = "t/year", "40", "2026-01-06"
  fields.actual, fields.measured_on, fields.stakeholder = px.null, px.null, px.null
  return t.value_proposition(fields), opportunity, need
end

test("T8 nothing is presented without proof", function(t)
  local one = proposition(t)
  local refusal = t.refuses("refused", t.update, "value_proposition", one, { state = "presented" })
  assert(refusal.field == "/state", refusal.field)
  t.value_proof { value_proposition = one, kind = "file", name = "Report", dated = "2025-01-01" }
  t.refuses("refused", t.update, "value_proposition", one, { state = "presented" })
  t.value_proof { value_proposition = one, kind = "reference_client", reference = t.organisation(), dated = "2025-01-01" }
  assert(t.update("value_proposition", one, { state = "presented" }).state == "presented")
end)

test("T8 after the sale the result is measured; unknown stays unknown", function(t)
  local one, opportunity, need = proposition(t)
  t.value_proof { value_proposition = one, kind = "case_study", url = "https://example.com/study", dated = "2025-01-01" }
  t.update("value_proposition", one, { state = "presented" })
  t.update("opportunity", opportunity, { stage = "engaging" })
  t.update("opportunity", opportunity, { stage = "won" })
  local task = t.expect_record("task", { title = "Measure what came of it: Half the waste", due = "2026-01-06", state = "open" })
  local before = t.call("GET", "/value?need=" .. need.id).json
  assert(before.result_unknown == 1 and before.propositions[1].share_reached == nil and #before.propositions[1].proofs == 1)
  t.advance_to("2026-01-06")
  t.update("value_proposition", one, { actual = "30", measured_on = "2026-01-06" })
  t.expect_record("task", { id = task.id, state = "done" })
  local after = t.call("GET", "/value?opportunity=" .. opportunity.id).json
  assert(after.measured == 1 and tostring(after.propositions[1].share_reached) == "0.7500")
end)

test("T8 what is wrong is refused, and where", function(t)
  local one = proposition(t)
  t.refuses("rule", t.update, "value_proposition", one, { actual = "3" })
  t.refuses("rule", t.value_proposition, { need = one.need, unit = px.null, expected = "4", actual = px.null, measured_on = px.null })
  t.refuses("rule", t.value_proof, { value_proposition = one, kind = "case_study", url = px.null })
  t.refuses("rule", t.value_proof, { value_proposition = one, kind = "reference_client", reference = px.null })
  assert(t.refuses("refused", t.update, "value_proposition", one, { actual = "3", measured_on = "2026-03-01" }).field == "/measured_on")
  assert(t.call("GET", "/value").json.code == "required")
end)
