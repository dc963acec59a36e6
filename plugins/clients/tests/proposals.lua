-- Proposals, from lines to approvals to a contract.

local function proposal_of(t, fields)
  fields = fields or {}
  fields.currency, fields.valid_until = fields.currency or "EUR", fields.valid_until or "2026-02-28"
  local proposal = t.proposal(fields)
  t.proposal_line { proposal = proposal, description = "Hours", quantity = "10.5", unit_price = px.money(10001, fields.currency), discount = "10" }
  return t.get("proposal", proposal)
end

local function asked(t, proposal)
  t.update("proposal", proposal, { stage = "in_approval" })
  return t.expect_record("approval", { record = proposal.id, state = "pending" })
end

test("T10 totals come from the lines, exact", function(t)
  local proposal = proposal_of(t)
  assert(tostring(proposal.total) == tostring(px.money(94509, "EUR")), tostring(proposal.total))
  local line = t.proposal_line { proposal = proposal, description = "Travel", quantity = "1", unit_price = px.money(5000, "EUR"), discount = "25" }
  proposal = t.get("proposal", proposal)
  assert(proposal.total == px.money(98259, "EUR") and tostring(proposal.discount_most):find("^25"))
  t.delete("proposal_line", line)
  assert(t.get("proposal", proposal).total == px.money(94509, "EUR"))
end)

test("T10 four eyes approve, it is sent, accepted, and becomes a contract", function(t)
  local proposal = proposal_of(t, { name = "Support" })
  t.refuses("state", t.update, "proposal", proposal, { stage = "sent" })
  local approval = asked(t, proposal)
  t.refuses("refused", t.update, "proposal", proposal, { stage = "approved" })
  t.approve(approval, "manager")
  t.expect_record("proposal", { id = proposal.id, stage = "approved" })
  t.update("proposal", proposal, { stage = "sent" })
  t.refuses("refused", t.proposal_line, { proposal = proposal, description = "More", quantity = "1", unit_price = px.money(1, "EUR") })
  t.update("proposal", proposal, { stage = "accepted" })
  local contract = t.expect_record("contract", { name = "Support", side = "client", stage = "draft", party = proposal.organisation,
    value = px.money(94509, "EUR") })
  t.expect_record("proposal", { id = proposal.id, contract = contract.id })
end)

test("T10 the matrix asks by value and by discount, with quorum", function(t)
  t.approval_rule { name = "Large", from_value = px.money(50000, "EUR"), role = "manager", quorum = 2 }
  t.approval_rule { name = "Cheap", from_discount = "30", role = "manager" }
  t.refuses("rule", t.approval_rule, { name = "Never", role = "manager" })
  local proposal = proposal_of(t)
  local told = t.call("GET", "/proposals/" .. proposal.id .. "/approvals").json
  assert(#told.needed == 1 and told.needed[1].name == "Large" and told.needed[1].quorum == 2)
  local approval = asked(t, proposal)
  t.approve(approval, "manager")
  t.expect_record("proposal", { id = proposal.id, stage = "in_approval" })
  t.approve(approval, "manager:other")
  t.expect_record("proposal", { id = proposal.id, stage = "approved" })
end)

test("T10 a change makes approvals void, and it begins anew", function(t)
  local proposal = proposal_of(t)
  local approval = asked(t, proposal)
  t.proposal_line { proposal = proposal, description = "More", quantity = "1", unit_price = px.money(100, "EUR") }
  t.refuses("void", t.approve, approval, "manager")
  t.expect_record("proposal", { id = proposal.id, stage = "draft", revision = 2 })
  t.approve(asked(t, proposal), "manager")
  t.update("proposal", proposal, { text = "Other words" })
  t.expect_record("proposal", { id = proposal.id, stage = "draft", revision = 3 })
end)

test("T10 a rejection takes it back to draft, with the reason", function(t)
  local proposal = proposal_of(t)
  t.approve(asked(t, proposal), "manager", { reject = true })
  t.expect_record("proposal", { id = proposal.id, stage = "draft", note = "Every proposal: rejected" })
end)

test("T10 mixed currencies, and what has expired, are refused", function(t)
  local proposal = proposal_of(t, { valid_until = "2026-01-06" })
  local refusal = t.refuses("refused", t.proposal_line, { proposal = proposal, description = "x", quantity = "1", unit_price = px.money(1, "USD") })
  assert(refusal.field == "/unit_price", refusal.field)
  t.approve(asked(t, proposal), "manager")
  t.advance_to("2026-01-07")
  t.expect_record("proposal", { id = proposal.id, stage = "expired" })
  proposal = t.update("proposal", proposal, { stage = "draft" })
  refusal = t.refuses("refused", t.update, "proposal", proposal, { stage = "in_approval" })
  assert(refusal.field == "/valid_until", refusal.field)
end)

test("T10 a total whose rate is unknown meets every rule of value", function(t)
  t.approval_rule { name = "Large", from_value = px.money(99999999, "EUR"), role = "manager", quorum = 2 }
  local proposal = proposal_of(t, { currency = "CHF" })
  local needed = t.call("GET", "/proposals/" .. proposal.id .. "/approvals").json.needed
  assert(needed[1].name == "Large" and needed[1].reason:find("unknown", 1, true), needed[1].reason)
end)
