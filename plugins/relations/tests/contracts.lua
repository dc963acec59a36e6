-- Terms, notice and what the calendar brings. The clock of a test begins on Monday, 5 January 2026, 08:00 UTC.

local terms <const> = require "contract_terms"

local function day(text)
  return px.date.parse(text)
end

local function in_force(t, fields)
  local contract = t.contract(fields)
  for _, stage in ipairs { "in_signature", "signed" } do
    contract = t.update("contract", contract, { stage = stage })
  end
  return t.get("contract", contract)
end

local YEAR <const> = { name = "Cleaning", side = "supplier", starts_on = "2025-07-01", ends_on = "2026-06-30",
  notice_count = 3, notice_unit = "months", auto_renew = true, renewal_term_months = 12 }

local function with(fields)
  local all = {}
  for name, value in pairs(YEAR) do
    all[name] = value
  end
  for name, value in pairs(fields) do
    all[name] = value
  end
  return all
end

test("T11 the last day of notice is computed, in days and in months", function(t)
  local contract = t.contract(with {})
  assert(contract.last_notice_on == day("2026-03-30"))
  assert(contract.opens_on == day("2026-01-29"))
  contract = t.update("contract", contract, { notice_count = 90, notice_unit = "days", lead_days = 10 })
  assert(contract.last_notice_on == day("2026-04-01") and contract.opens_on == day("2026-03-22"))
  contract = t.update("contract", contract, { ends_on = "2026-05-31", notice_count = 3, notice_unit = "months" })
  assert(contract.last_notice_on == day("2026-02-28"), "May has a 31st, February has none")
end)

test("T11 notice on the last day leaves the whole period, each day of eight years", function()
  local ends_on = day("2023-01-01")
  while ends_on < day("2031-01-01") do
    for _, notice in ipairs { { 1, "months" }, { 3, "months" }, { 6, "months" }, { 30, "days" } } do
      local contract = { notice_count = notice[1], notice_unit = notice[2] }
      local last = terms.last_notice(contract, ends_on)
      local letter = notice[2] == "days" and "D" or "M"
      assert(last + ("P" .. notice[1] .. letter) <= ends_on, tostring(ends_on))
      assert(last + "4d" + ("P" .. notice[1] .. letter) > ends_on, tostring(ends_on))
    end
    ends_on = ends_on + "1d"
  end
end)

test("T11 terms keep to the month's end and to leap years", function()
  assert(terms.add_months(day("2024-02-29"), 12) == day("2025-02-28"))
  assert(terms.add_months(day("2024-02-29"), 48) == day("2028-02-29"))
  assert(terms.add_months(day("2026-06-30"), 1) == day("2026-07-31"))
  assert(terms.add_months(day("2026-01-31"), 1) == day("2026-02-28"))
  local contract = { ends_on = day("2024-02-29"), auto_renew = true, renewal_term_months = 12, notice_count = 1,
    notice_unit = "months" }
  local rolled, at = terms.roll(contract, day("2028-02-29"))
  assert(#rolled == 4 and at.ends_on == day("2028-02-29") and at.renewals_done == 4)
  contract.renewals_max = 2
  rolled, at = terms.roll(contract, day("2028-02-29"))
  assert(#rolled == 2 and at.ends_on == day("2026-02-28"))
end)

test("T11 what cannot be is refused, and where", function(t)
  local refusal = t.refuses("rule", t.contract, with { ends_on = "2025-06-30" })
  assert(refusal.detail:find("ends on or after the day it starts", 1, true), refusal.detail)
  refusal = t.refuses("rule", t.contract, with { notice_count = 24 })
  assert(refusal.detail:find("longer than the term", 1, true), refusal.detail)
  t.refuses("rule", t.contract, with { open_ended = true })
  t.refuses("rule", t.contract, with { renewal_term_months = px.null })
  t.refuses("enum", t.contract, with { side = "customer" })
end)

test("T11 a contract whose notice date has passed says so when it is entered", function(t)
  local contract = t.contract(with { ends_on = "2026-02-28" })
  assert(contract.notice_state == "passed")
  assert(contract.next_notice_on == day("2026-11-28"), "with the notice of the term after")
  contract = t.update("contract", contract, { ends_on = "2026-12-31" })
  assert(contract.notice_state == "ahead" and contract.next_notice_on == day("2026-09-30"))
  contract = t.update("contract", contract, { auto_renew = false, ends_on = "2026-02-28" })
  assert(contract.notice_state == "passed" and contract.next_notice_on == nil)
  t.update("contract", contract, { notice_count = px.null })
  t.expect_record("contract", { id = contract.id, notice_state = "unknown", last_notice_on = px.null })
end)

-- Days that lie near each other: a test that lives through them is quick.
local SOON <const> = { ends_on = "2026-01-10", notice_count = 3, notice_unit = "days", lead_days = 1 }

local function soon(fields)
  local all = with(SOON)
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return all
end

test("T11 the renewal opens itself sixty days ahead of notice, once, with its task", function(t)
  local contract = in_force(t, with { ends_on = "2026-06-07", lead_days = px.null })
  assert(contract.stage == "in_force" and contract.notice_state == "ahead" and contract.last_notice_on == day("2026-03-07"))
  assert(contract.opens_on == day("2026-01-06"))
  t.advance_to("2026-01-05T22:05:00Z") -- five past midnight in Athens: the schedule comes at ten past
  t.expect_no_record("renewal")
  t.advance("10m")
  local renewal = t.expect_record("renewal", { contract = contract.id, stage = "open", round = 1, term_ends_on = "2026-06-07",
    last_notice_on = "2026-03-07", would_end_on = "2027-06-07", renews_itself = true })
  t.expect_record("task", { renewal = renewal.id, due = "2026-03-07", state = "open",
    title = "Decide on Cleaning: the last day to give notice is 2026-03-07" })
  t.expect_record("contract", { id = contract.id, notice_state = "due" })
  t.advance("1d")
  assert(#t.find("renewal") == 1 and #t.find("task") == 1)
end)

test("T11 an outage across the day opens it all the same, once", function(t)
  local contract = in_force(t, with { ends_on = "2026-06-08" })
  t.restart()
  t.advance_to("2026-01-08T12:00:00Z")
  t.restart()
  t.advance("1d")
  assert(#t.find("renewal", { filter = { contract = contract.id } }) == 1)
  assert(#t.find("task", { filter = { contract = contract.id } }) == 1)
end)

test("T11 a clause renews a contract in the open: the missed notice and the new term are told", function(t)
  local contract = in_force(t, soon())
  t.advance_to("2026-01-07T21:00:00Z") -- 23:00 in Athens: still the last day
  t.expect_record("renewal", { stage = "open" })
  t.advance("2h")
  t.expect_record("renewal", { stage = "missed", contract = contract.id })
  t.expect_event("relations.notice_missed", { contract = contract.id, renews_until = "2027-01-10", next_notice_on = "2027-01-07" })
  t.expect_record("task", { title = "The last day to give notice has passed for Cleaning: it renews until 2027-01-10" })
  t.expect_record("contract", { id = contract.id, notice_state = "passed", ends_on = "2026-01-10" })
  t.advance_to("2026-01-11")
  t.expect_record("contract", { id = contract.id, stage = "renewed", ends_on = "2027-01-10", renewals_done = 1, notice_state = "ahead" })
  t.expect_event("relations.contract_renewed", { contract = contract.id, by = "clause", ends_on = "2027-01-10" })
end)

test("T11 without a clause a contract just ends, and nobody renews it", function(t)
  local contract = in_force(t, soon { ends_on = "2026-01-06", auto_renew = false, renewal_term_months = px.null })
  t.advance_to("2026-01-07")
  t.expect_record("contract", { id = contract.id, stage = "ended", ends_on = "2026-01-06" })
  t.expect_record("renewal", { stage = "missed", reason = "the term ended without a decision" })
  t.expect_no_event("relations.contract_renewed")
end)

test("T11 whether it renews is unknown: it stays unknown and never renews", function(t)
  local contract = in_force(t, soon { ends_on = "2026-01-06", auto_renew = px.null, renewal_term_months = px.null })
  t.advance_to("2026-01-07")
  t.expect_record("contract", { id = contract.id, stage = "in_force", notice_state = "over", ends_on = "2026-01-06" })
  t.expect_record("renewal", { stage = "open", renews_itself = px.null })
  t.expect_no_event("relations.contract_renewed")
end)

test("T11 a decision renews for the next term, from where the first one ended", function(t)
  local contract = in_force(t, with { ends_on = "2026-02-28", notice_count = 10, notice_unit = "days", renewal_term_months = 1 })
  local renewal = t.expect_record("renewal", { contract = contract.id, stage = "open" })
  renewal = t.update("renewal", renewal, { stage = "in_talks" })
  t.update("renewal", renewal, { stage = "renewed", new_value = px.money(120000, "EUR") })
  t.expect_record("contract", { id = contract.id, stage = "renewed", ends_on = "2026-03-31", renewals_done = 1,
    value = px.money(120000, "EUR") })
  t.expect_event("relations.contract_renewed", { contract = contract.id, by = "decision" })
  t.expect_record("contract_version", { contract = contract.id, number = 1, kind = "renewal", effective_on = "2026-03-01",
    what_changed = "Renewed: ends on 2026-03-31 instead of 2026-02-28" })
  t.expect_record("task", { title = "Decide on Cleaning: the last day to give notice is 2026-02-18", state = "done" })
end)

test("T11 a contract renewed by hand closes its renewal", function(t)
  local contract = in_force(t, with { ends_on = "2026-04-30" })
  contract = t.update("contract", contract, { stage = "renewed" })
  assert(contract.ends_on == day("2027-04-30") and contract.renewals_done == 1)
  t.expect_record("renewal", { contract = contract.id, round = 1, stage = "renewed" })
  local told = t.call("GET", "/contracts/" .. contract.id .. "/notice").json
  assert(told.renews_until == "2028-04-30", "the term after that is counted from the same day")
end)

test("T11 ending the renewal gives notice; the contract ends with its term", function(t)
  local contract = in_force(t, soon { ends_on = "2026-01-06", notice_count = 1 })
  local renewal = t.expect_record("renewal", { contract = contract.id, stage = "open" })
  t.update("renewal", renewal, { stage = "ended" })
  t.expect_record("contract", { id = contract.id, stage = "notice_given", notice_given_on = "2026-01-05", notice_given_by = "us",
    notice_state = "given" })
  t.advance_to("2026-01-07")
  t.expect_record("contract", { id = contract.id, stage = "ended" })
  t.expect_no_event("relations.contract_renewed")
end)

test("T11 notice after its last day is refused and told when the next chance is", function(t)
  local contract = in_force(t, with { ends_on = "2026-02-28" })
  local refusal = t.refuses("refused", t.update, "contract", contract, { stage = "notice_given" })
  assert(refusal.detail == "the last day to give notice was 2025-11-28; the next chance is 2026-11-28; " ..
    "to end it by agreement, terminate it", refusal.detail)
  local renewal = t.expect_record("renewal", { stage = "missed" })
  refusal = t.refuses("refused", t.update, "renewal", renewal, { stage = "ended" })
  assert(refusal.field == "/reason", refusal.field)
  t.refuses("refused", t.update, "contract", contract, { stage = "ended" })
end)

test("T11 a corrected last day moves the open renewal and its task", function(t)
  local contract = in_force(t, with { ends_on = "2026-03-31", notice_count = 30, notice_unit = "days" })
  t.update("contract", contract, { ends_on = "2026-03-15" })
  t.expect_record("renewal", { term_ends_on = "2026-03-15", last_notice_on = "2026-02-13", stage = "open" })
  t.expect_record("task", { due = "2026-02-13", state = "open" })
  assert(#t.find("renewal") == 1 and #t.find("task") == 1)
end)

test("T11 it is signed when all have signed, and in force when its day comes", function(t)
  local contract = t.contract(with { starts_on = "2026-01-07", ends_on = "2027-01-06" })
  local anna = t.contract_signatory { contract = contract, name = "Άννα", signs_for = "us" }
  local nikos = t.contract_signatory { contract = contract, name = "Nikos" }
  t.update("contract", contract, { stage = "in_signature" })
  t.refuses("rule", t.update, "contract_signatory", anna, { status = "signed" })
  t.update("contract_signatory", anna, { status = "signed", signed_on = "2026-01-05" })
  local refusal = t.refuses("refused", t.update, "contract", contract, { stage = "signed" })
  assert(refusal.detail:find("Nikos has not signed", 1, true), refusal.detail)
  t.update("contract_signatory", nikos, { status = "sent" })
  t.update("contract_signatory", nikos, { status = "signed", signed_on = "2026-01-05" })
  t.expect_record("contract", { id = contract.id, stage = "signed" })
  t.refuses("refused", t.update, "contract", contract, { stage = "in_force" })
  t.advance_to("2026-01-06T23:00:00Z") -- already the seventh in Athens
  t.expect_record("contract", { id = contract.id, stage = "in_force" })
end)

test("T11 versions are counted and stay as they were", function(t)
  local contract = t.contract(with {})
  t.contract_version { contract = contract, what_changed = "As signed", kind = "original", text = "…" }
  local second = t.contract_version { contract = contract, what_changed = "Fewer hours", text = "abc", effective_on = "2026-02-01" }
  assert(second.number == 2 and second.hash:sub(1, 8) == "ba7816bf")
  t.refuses("refused", t.update, "contract_version", second, { text = "abd" })
end)

test("T11 two contracts of the same day are both looked at", function(t)
  local first, second = in_force(t, soon { ends_on = "2026-01-10" }), in_force(t, soon { ends_on = "2026-01-10", name = "Garden" })
  t.advance_to("2026-01-05T22:15:00Z")
  t.expect_record("renewal", { contract = first.id })
  t.expect_record("renewal", { contract = second.id })
end)
