-- What a person asks about renewals.

local function in_force(t, fields)
  fields.side, fields.starts_on = "supplier", fields.starts_on or "2025-03-01"
  local contract = t.contract(fields)
  t.update("contract", contract, { stage = "in_signature" })
  t.update("contract", contract, { stage = "signed" })
  return contract
end

local function notice(t, contract, query)
  local answer = t.call("GET", "/contracts/" .. contract.id .. "/notice", { query = query })
  assert(answer.status == 200, answer.text)
  local steps = {}
  for _, step in ipairs(answer.json.steps) do
    steps[step.step] = step
  end
  return answer.json, steps
end

test("T11 each step of the notice is explained, the trap first", function(t)
  local contract = in_force(t, { name = "Cloud", starts_on = "2025-06-01", ends_on = "2026-05-31", notice_count = 3, notice_unit = "months",
    auto_renew = true, renewal_term_months = 12 })
  local told, steps = notice(t, contract)
  assert(told.headline == "Will renew for 12 months, until 2027-05-31, unless notice is given by 2026-02-28.", told.headline)
  assert(told.days_left == 54 and told.state == "due")
  assert(steps.last_notice.text == "2026-05-31 less the notice is 2026-02-28, the last day of its month: the last day to give it.",
    steps.last_notice.text)
  assert(steps.business_day.value == "2026-02-27", "the 28th is a Saturday")
  assert(steps.opens.value == "2025-12-30")
  told = notice(t, contract, { on = "2026-03-01" })
  assert(told.headline == "Notice was possible until 2026-02-28: it will renew for 12 months, until 2027-05-31. " ..
    "The next chance is 2027-02-28.", told.headline)
  told = notice(t, contract, { language = "el" })
  assert(told.headline == "Θα ανανεωθεί για 12 μήνες, έως 2027-05-31, αν δεν καταγγελθεί έως 2026-02-28.", told.headline)
end)

test("T11 what is not known is told as unknown", function(t)
  local told, steps = notice(t, in_force(t, { ends_on = "2026-05-31" }))
  assert(told.state == "unknown" and told.last_notice_on == nil and told.days_left == nil)
  assert(steps.notice.text == "The notice period is not known.")
  assert(steps.clause.text:find("not known", 1, true))
  told = notice(t, in_force(t, {}))
  assert(told.headline == "Neither the last day nor the day of notice is known.", told.headline)
end)

test("T11 a wrong day, language or contract is refused", function(t)
  local contract = in_force(t, { ends_on = "2026-05-31" })
  local path = "/contracts/" .. contract.id .. "/notice"
  assert(t.call("GET", path, { query = { on = "tomorrow" } }).status == 422)
  assert(t.call("GET", path, { query = { language = "fr" } }).status == 422)
  assert(t.call("GET", "/contracts/" .. contract.party .. "/notice").status == 404)
end)

test("T11 renewals lists what falls due, what has passed and what is unknown apart", function(t)
  local party = t.organisation { name = "Samos Wine" }
  in_force(t, { name = "Soon", party = party, ends_on = "2026-04-30", notice_count = 30, notice_unit = "days",
    value = px.money(1200000, "EUR"), auto_renew = false })
  in_force(t, { name = "Later", ends_on = "2026-12-31", notice_count = 30, notice_unit = "days" })
  in_force(t, { name = "Late", ends_on = "2026-02-28", notice_count = 3, notice_unit = "months", auto_renew = true, renewal_term_months = 12 })
  in_force(t, { name = "Whoever knows", ends_on = "2026-03-31" })
  local found = t.call("GET", "/renewals").json
  assert(#found.due == 1 and found.due[1].name == "Soon" and found.due[1].party_name == "Samos Wine")
  assert(found.due[1].last_notice_on == "2026-03-31" and found.due[1].renews == "no")
  assert(#found.passed == 1 and found.passed[1].name == "Late" and found.passed[1].next_notice_on == "2026-11-28")
  assert(#found.unknown == 1 and found.unknown[1].renews == "unknown")
  assert(#t.call("GET", "/renewals", { query = { days = "365" } }).json.due == 2)
  assert(t.call("GET", "/renewals", { query = { days = "0" } }).status == 422)
  local rows = t.command("renewals", { "days=365" }).tables[1].rows
  assert(#rows == 4, "Late, Soon, Later, Whoever knows")
  assert(t.refuses("invalid", t.command, "renewals", { "days=often" }))
end)

test("T11 the report counts renewals by month, and what is unknown", function(t)
  local contract = in_force(t, { ends_on = "2026-02-28", notice_count = 10, notice_unit = "days", renewal_term_months = 12 })
  in_force(t, { ends_on = "2026-03-31", notice_count = 30, notice_unit = "days" })
  in_force(t, {})
  local renewal = t.expect_record("renewal", { contract = contract.id })
  t.update("renewal", renewal, { stage = "renewed" })
  local report = t.call("GET", "/reports/renewals", { query = { from = "2026-01-01", to = "2026-03-31" } }).json
  local by_name = {}
  for _, series in ipairs(report.series) do
    by_name[series.name] = series.points
  end
  assert(by_name.renewed[1].x == "2026-01" and by_name.renewed[1].y == 1)
  assert(by_name.due[3].y == 1 and by_name.missed[1].y == 0)
  assert(report.unknown == 1 and report.report == "renewals")
  assert(t.call("GET", "/reports/renewals", { query = { from = "2027-01-01", to = "2026-01-01" } }).status == 422)
end)
