-- C8: price lists, orders that are made once, invoices whose numbers have no gaps.

local function eur(amount)
  return { amount = amount, currency = "EUR" }
end

local function shop(t)
  local wine = t.product { name = "Muscat", sku = "MU-75", unit_code = "C62", tax_percent = "24" }
  local list = t.price_list { name = "2026", currency = "EUR", valid_from = "2026-01-01" }
  t.price { price_list = list, product = wine, unit_price = px.money(1000, "EUR") }
  t.price { price_list = list, product = wine, unit_price = px.money(900, "EUR"), min_quantity = 12 }
  return wine, list
end

local function order(t, client, fields, headers)
  local json = { organisation = client.id, client_reference = "PO-1", currency = "EUR", lines = { { sku = "MU-75", quantity = 3 } } }
  for field, value in pairs(fields or {}) do
    json[field] = value
  end
  return t.call("POST", "/orders", { json = json, headers = headers })
end

test("C8 the price is the client's own before the general one, by day, quantity and currency", function(t)
  local wine = shop(t)
  local client = t.organisation()
  local own = t.price_list { name = "Friends", currency = "EUR", organisation = client.id, valid_from = "2026-01-01", valid_until = "2026-01-31" }
  t.price { price_list = own, product = wine, unit_price = px.money(700, "EUR") }
  local function price(query)
    query.product = wine.id
    return t.call("GET", "/prices", { query = query }).json
  end
  assert(price({ quantity = "1" }).unit_price.amount == 1000)
  assert(price({ quantity = "12.5" }).unit_price.amount == 900)
  local mine = price { organisation = client.id, quantity = "12" }
  assert(mine.unit_price.amount == 700 and mine.reason == "client's own list")
  assert(price({ organisation = client.id, on = "2026-02-01" }).unit_price.amount == 1000)
  local none = price { currency = "USD" }
  assert(none.unit_price == nil or none.unit_price == px.null)
  local list = t.find("price_list")[1]
  assert(t.refuses("refused", t.price, { price_list = list, product = t.product(), unit_price = px.money(1, "USD") }).field == "/unit_price")
  t.refuses("rule", t.price_list, { currency = "EUR", valid_from = "2026-02-01", valid_until = "2026-01-01" })
  assert(t.call("GET", "/prices", { query = { product = wine.id, quantity = "-1" } }).json.errors[1].pointer == "/quantity")
end)

test("C8 an order is priced, its totals are checked, and it is made once", function(t)
  shop(t)
  local client = t.organisation()
  local totals = { tax_exclusive_amount = eur(3000), tax_amount = eur(720), tax_inclusive_amount = eur(3720) }
  local made = order(t, client, { totals = totals, confirm = true })
  assert(made.status == 201 and made.json.number == "O-000001" and made.json.status == "confirmed", made.text)
  assert(made.json.tax_inclusive_amount.amount == 3720 and made.json.lines[1].item_name == "Muscat")
  local again = order(t, client, { totals = totals, confirm = true })
  assert(again.status == 200 and again.json.id == made.json.id)
  local other = order(t, client, { lines = { { sku = "MU-75", quantity = 4 } } })
  assert(other.status == 409 and other.json.errors[1].pointer == "/client_reference", other.text)
  assert(#t.find("sales_order") == 1 and #t.find("order_line") == 1)
end)

test("C8 an order that is wrong is refused, and where", function(t)
  shop(t)
  local client = t.organisation()
  local function pointer(fields)
    local answer = order(t, client, fields)
    return answer.status == 422 and answer.json.errors[1].pointer or answer.text
  end
  local found = pointer { totals = { tax_inclusive_amount = eur(1) } }
  assert(found == "/totals/tax_inclusive_amount", found)
  found = pointer { lines = { { sku = "MU-75", quantity = 1 }, { sku = "NONE", quantity = 1 } } }
  assert(found == "/lines/1/sku", found)
  found = pointer { lines = { { sku = "MU-75", quantity = 0 } } }
  assert(found == "/lines/0/quantity", found)
  found = pointer { lines = { { item_name = "Something", quantity = 1 } } }
  assert(found == "/lines/0/price_amount", found)
  found = pointer { client_reference = px.null }
  assert(found == "/client_reference", found)
  found = pointer { currency = "EURO" }
  assert(found == "/currency", found)
  t.expect_no_record("sales_order")
  t.expect_no_record("number_series", { code = "ORDER" })
end)

test("C8 an order made by hand is summed up from its lines, and stands once confirmed", function(t)
  local made = t.sales_order { currency = "EUR" }
  t.refuses("rule", t.update, "sales_order", made, { status = "confirmed" })
  local line = t.order_line { sales_order = made, item_name = "Cork", quantity = "2.5", price_amount = px.money(333, "EUR"), tax_percent = "13" }
  -- 2.5 × 3.33 = 8.325, rounded to 8.33; 13 per cent of it is 1.0829.
  local summed = t.get("sales_order", made)
  assert(summed.tax_exclusive_amount.amount == 833 and summed.tax_amount.amount == 108 and summed.number == "O-000001")
  t.refuses("refused", t.update, "sales_order", made, { tax_amount = px.money(1, "EUR") })
  t.update("sales_order", made, { status = "confirmed" })
  assert(t.refuses("refused", t.update, "order_line", line, { quantity = "1" }).field == "/sales_order")
end)

local function invoice(t, client, amount, due_days)
  local made = t.call("POST", "/invoices", { json = { organisation = client.id, currency = "EUR", due_days = due_days,
    lines = { { item_name = "Work", quantity = 1, price_amount = eur(amount), tax_percent = 0 } } } })
  assert(made.status == 201, made.text)
  return made.json
end

local function issue(t, draft)
  local issued = t.call("POST", "/invoices/" .. draft.id .. "/issue")
  assert(issued.status == 200, issued.text)
  return issued.json
end

test("C8 invoices are numbered when they are issued, without gaps", function(t)
  local client = t.organisation()
  local one, two = invoice(t, client, 1000), invoice(t, client, 2000)
  assert(one.number == nil and one.status == "draft")
  local second = issue(t, two)
  assert(second.number == "INV-000001" and second.payment_reference == "RF69INV000001" and second.due_date == "2026-02-04", px.json.encode(second))
  local again = t.call("POST", "/invoices/" .. two.id .. "/issue")
  assert(again.status == 422 and again.json.errors[1].pointer == "/status")
  assert(issue(t, one).number == "INV-000002")
  t.refuses("refused", t.update, "invoice", one.id, { status = "issued" })
  t.refuses("refused", t.update, "invoice", one.id, { due_date = "2027-01-01" })
  t.refuses("refused", t.delete, "invoice", one.id)
end)

test("C8 an order is invoiced once, and a credit note takes back no more than there is", function(t)
  shop(t)
  local made = order(t, t.organisation(), { confirm = true }).json
  local draft = t.call("POST", "/orders/" .. made.id .. "/invoice")
  assert(draft.status == 201 and draft.json.tax_inclusive_amount.amount == 3720, draft.text)
  assert(t.call("POST", "/orders/" .. made.id .. "/invoice").status == 422)
  issue(t, draft.json)
  local part = { lines = { { sku = "MU-75", quantity = 1, price_amount = eur(1000) } } }
  local note = t.call("POST", "/invoices/" .. draft.json.id .. "/credit", { json = part })
  assert(note.status == 201 and note.json.number == "CRN-000001" and note.json.corrects == draft.json.id, note.text)
  t.expect_record("invoice", { id = draft.json.id, payment_state = "partly", payable_amount = px.money(2480, "EUR") })
  local all = t.call("POST", "/invoices/" .. draft.json.id .. "/credit")
  assert(all.status == 422 and all.json.errors[1].pointer == "/lines", all.text)
  t.expect_record("number_series", { code = "CREDIT", next = 2 })
end)

test("C8 an invoice whose day has passed is a task, until it is paid or credited", function(t)
  local client = t.organisation { name = "Samos Wine" }
  local issued = issue(t, invoice(t, client, 1000, 0))
  t.expect_no_record("task", { invoice = issued.id })
  t.advance("1d")
  t.expect_record("task", { origin = "invoice:" .. issued.id .. ":overdue", state = "open", due = "2026-01-06" })
  local overdue = t.call("GET", "/invoices/overdue").json
  assert(overdue.data[1].overdue_days == 1 and overdue.sums[1].amount == 1000, px.json.encode(overdue))
  assert(t.command("invoices overdue").tables[1].rows[1].number == "INV-000001")
  t.call("POST", "/invoices/" .. issued.id .. "/credit")
  t.expect_record("task", { origin = "invoice:" .. issued.id .. ":overdue", state = "done" })
  assert(#t.call("GET", "/invoices/overdue").json.data == 0)
end)
