-- What one currency is worth in another, at a date.

local function rate(t, base, currency, value, on)
  return t.exchange_rate { base = base, currency = currency, rate = value, on = on, source = "Central bank" }
end

local function convert(t, query)
  local answer = t.call("GET", "/convert", { query = query })
  return answer.json, answer.status
end

test("S5 the last rate on or before the date counts, exactly", function(t)
  rate(t, "EUR", "USD", "1.25", "2026-01-02")
  rate(t, "EUR", "USD", "1.20", "2026-01-09")
  local early = convert(t, { amount = "10000", currency = "USD", to = "EUR", on = "2026-01-08" })
  assert(early.to.amount == 8000 and early.rate_on == "2026-01-02", px.json.encode(early))
  local later = convert(t, { amount = "10000", currency = "USD", to = "EUR", on = "2026-01-09" })
  assert(later.to.amount == 8333 and later.rate_on == "2026-01-09", px.json.encode(later))
end)

test("S5 without a rate a value is unknown, and the answer says which is missing", function(t)
  rate(t, "EUR", "USD", "1.25", "2026-01-02")
  local answer, status = convert(t, { amount = "100", currency = "USD", to = "EUR", on = "2026-01-01" })
  assert(status == 404 and answer.detail:find("USD/EUR", 1, true), px.json.encode(answer))
end)

test("S5 back, across, and between currencies without cents", function(t)
  rate(t, "EUR", "USD", "1.25", "2026-01-02")
  rate(t, "EUR", "JPY", "160", "2026-01-03")
  assert(convert(t, { amount = "8000", currency = "EUR", to = "USD", on = "2026-01-02" }).to.amount == 10000)
  assert(convert(t, { amount = "100", currency = "EUR", to = "JPY", on = "2026-01-04" }).to.amount == 160)
  local across = convert(t, { amount = "1250", currency = "USD", to = "JPY", on = "2026-01-04" })
  assert(across.to.amount == 1600 and across.rate_on == "2026-01-02", px.json.encode(across))
  assert(convert(t, { amount = "77", currency = "GBP", to = "GBP", on = "2026-01-04" }).to.amount == 77)
end)

test("S5 a bad rate is refused with its place, and one day has one rate", function(t)
  t.refuses("rule", rate, t, "EUR", "USD", "0", "2026-01-02")
  t.refuses("rule", rate, t, "EUR", "EUR", "1", "2026-01-02")
  local refusal = t.refuses("pattern", rate, t, "EUR", "usd", "1.1", "2026-01-02")
  assert(refusal.field == "/currency", refusal.field)
  rate(t, "EUR", "USD", "1.25", "2026-01-02")
  t.refuses("unique", rate, t, "EUR", "USD", "1.26", "2026-01-02")
  local answer, status = convert(t, { amount = "ten", currency = "USD" })
  assert(status == 422 and answer.errors[1].pointer == "/amount")
  answer, status = convert(t, { amount = "10", currency = "dollars" })
  assert(status == 422 and answer.errors[1].pointer == "/currency")
end)
