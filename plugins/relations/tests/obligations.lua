-- What is owed under a contract.

local function obligation(t, fields)
  fields.title = fields.title or "Report of service levels"
  fields.owed_by = fields.owed_by or "them"
  return t.contract_obligation(fields)
end

test("T11 B5 an obligation keeps one task, done with its evidence", function(t)
  local contract = t.contract { side = "supplier" }
  local owed = obligation(t, { contract = contract, due_on = "2026-01-31" })
  t.expect_record("task", { obligation = owed.id, due = "2026-01-31", contract = contract.id, organisation = contract.party,
    title = "See that they do it: Report of service levels", kind = "obligation" })
  owed = t.update("contract_obligation", owed, { due_on = "2026-02-10" })
  t.expect_record("task", { obligation = owed.id, due = "2026-02-10" })
  local refusal = t.refuses("rule", t.update, "contract_obligation", owed, { state = "done", done_on = "2026-02-01" })
  assert(refusal.detail:find("what shows it", 1, true), refusal.detail)
  t.update("contract_obligation", owed, { state = "done", done_on = "2026-02-01", evidence = "Letter of 1 February" })
  t.expect_record("task", { obligation = owed.id, state = "done" })
  assert(#t.find("contract_obligation") == 1 and #t.find("task") == 1)
end)

test("T11 B5 a recurring one comes again on its day of the month, also when it was missed", function(t)
  local contract = t.contract { side = "supplier" }
  obligation(t, { contract = contract, due_on = "2025-12-31", every_months = 2, until_on = "2026-04-30", owed_by = "us" })
  t.restart()
  t.advance("1d")
  t.expect_record("contract_obligation", { due_on = "2025-12-31", state = "missed" })
  local second = t.expect_record("contract_obligation", { due_on = "2026-02-28", state = "open", occurrence = 2 })
  t.update("contract_obligation", second, { state = "done", done_on = "2026-01-05", evidence = "Receipt 7" })
  local third = t.expect_record("contract_obligation", { due_on = "2026-04-30", state = "open", occurrence = 3 })
  t.update("contract_obligation", third, { state = "waived" })
  assert(#t.find("contract_obligation") == 3, "the last one has come")
  assert(#t.find("task", { filter = { state = "open" } }) == 1, "what was missed is still owed")
end)

test("T11 B5 who owes it must be said", function(t)
  local contract = t.contract { side = "supplier" }
  t.refuses("required", t.create, "contract_obligation", { contract = contract.id, title = "x", due_on = "2026-01-31" })
  t.refuses("enum", obligation, t, { contract = contract, due_on = "2026-01-31", owed_by = "everyone" })
  t.refuses("rule", obligation, t, { contract = contract, due_on = "2026-02-28", until_on = "2026-01-31" })
end)
