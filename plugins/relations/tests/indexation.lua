-- Prices that follow an index.

local formula <const> = require "price_formula"

local function clause_of(t, fields)
  local index = t.price_index { code = "CPI", name = "Consumer prices" }
  t.price_index_value { price_index = index, month = "2024-11", value = "100" }
  local contract = t.contract { side = "supplier", value = px.money(1000000, "EUR") }
  fields.price_index, fields.contract, fields.base_month = index, contract, "2024-11"
  fields.next_on = fields.next_on or "2026-01-01"
  return contract, t.contract_indexation(fields), index
end

local function path(contract)
  return "/contracts/" .. contract.id .. "/indexation"
end

test("T11 B5 the adjusted price is proposed with each step, capped and rounded", function(t)
  local contract, _, index = clause_of(t, { share = "80", cap = "3", rounding = 100 })
  local told = t.call("GET", path(contract)).json
  assert(told.unknown == "index" and told.value == nil and told.month == "2025-11", "unknown stays unknown")
  t.price_index_value { price_index = index, month = "2025-11", value = "102.5" }
  told = t.call("GET", path(contract)).json
  assert(told.value.amount == 1020000, told.value.amount) -- 80 % of 2.5 %
  t.expect_record("task", { contract = contract.id, kind = "indexation", due = "2026-01-01", state = "open" })
end)

test("T11 B5 it is adjusted by a person, once, as a version; the next one counts from there", function(t)
  local contract, clause, index = clause_of(t, { cap = "3" })
  assert(t.call("POST", path(contract)).status == 422, "the index is not known")
  t.price_index_value { price_index = index, month = "2025-11", value = "110" }
  local answer = t.call("POST", path(contract))
  assert(answer.status == 200, answer.text)
  t.expect_record("contract", { id = contract.id, value = px.money(1030000, "EUR") })
  t.expect_record("contract_indexation", { id = clause.id, base_month = "2025-11", next_on = "2027-01-01" })
  t.expect_record("contract_version", { contract = contract.id, kind = "indexation", effective_on = "2026-01-01" })
  t.expect_record("task", { due = "2026-01-01", state = "done" })
  t.expect_record("task", { due = "2027-01-01", state = "open" })
  assert(t.call("POST", path(contract)).status == 422, "not before its day")
end)

test("T11 B5 floors, and what cannot be", function(t)
  local clause = { base_month = "2025-01", floor = px.decimal("0"), rounding = 1 }
  local made = formula.propose(clause, px.money(333, "EUR"), px.decimal("110"), "2026-01", px.decimal("100"))
  assert(made.value == px.money(333, "EUR"), "never below what it was")
  local _, _, index = clause_of(t, {})
  t.refuses("unique", t.price_index_value, { price_index = index, month = "2024-11", value = "7" })
  t.refuses("pattern", t.price_index_value, { price_index = index, month = "2024-13", value = "7" })
  t.refuses("rule", t.create, "price_index_value", { price_index = index.id, month = "2024-12", value = "0" })
end)
