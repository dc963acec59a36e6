-- Invoices (C8): numbers without gaps, credit notes, what is left to pay, and a task for what is overdue.

local body <const> = require "body"
local documents <const> = require "documents"
local kept_task <const> = require "kept_task"
local numbers <const> = require "numbers"
local references <const> = require "references"
local signals <const> = require "signals"
local totals <const> = require "totals"
local today <const> = require("days").today

local M = {}

documents.keep("invoice", { "number", "issue_date", "payment_reference", "tax_exclusive_amount", "tax_amount", "tax_inclusive_amount",
  "paid_amount", "credited_amount", "payable_amount", "payment_state" })
documents.keep("invoice_line", { "line_extension_amount" })
documents.lock_lines("invoice_line", "invoice", "invoice")

local FREE_WHEN_ISSUED <const> = { id = true, owner = true }

-- What was sent to a client stands: it is corrected by a credit note, never changed.
px.before("invoice.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local kept = px.store.get("invoice", draft.id)
    if draft.status == "issued" then
      px.refuse("status", "POST /x/clients/invoices/{id}/issue issues it and gives it its number")
    end
    for field in pairs(draft) do
      if kept and kept.status == "issued" and not FREE_WHEN_ISSUED[field] then
        px.refuse(field, "an issued invoice does not change; correct it by a credit note")
      end
    end
  end
end)

px.before("invoice.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.status == "issued" then
      px.refuse("status", "an invoice begins as a draft")
    elseif draft.invoice_type_code == "381" then
      px.refuse("invoice_type_code", "POST /x/clients/invoices/{id}/credit makes credit notes")
    end
  end
end)

px.before("invoice.delete", function(drafts)
  for _, draft in ipairs(drafts) do
    local kept = px.store.get("invoice", draft.id)
    if kept and kept.status == "issued" then
      px.refuse("number", "an issued invoice stays, or its series would have a gap")
    end
  end
end)

local function shown(invoice)
  local answer = { lines = px.json.list(documents.lines_of("invoice_line", "invoice", invoice.id)) }
  for field, value in pairs(invoice) do
    answer[field] = value
  end
  return answer
end

-- Adds to what was paid or credited; what is left follows. Inside a unit of work: two payments at once come one after the other.
function M.settle(invoice, field, amount)
  local changes = { [field] = (invoice[field] or px.money(0, invoice.currency)) + amount }
  local left = invoice.payable_amount - amount
  changes.payable_amount = left
  changes.payment_state = left.amount <= 0 and "paid" or "partly"
  return px.store.update("invoice", invoice.id, changes)
end

local function create(said, lines)
  local sums, mistake = totals.of(lines, said.currency)
  if not sums then
    px.refuse("lines", mistake)
  end
  local invoice = px.store.create("invoice", {
    organisation = said.organisation, currency = said.currency, sales_order = said.sales_order, buyer_reference = said.buyer_reference,
    due_days = said.due_days, invoice_type_code = said.invoice_type_code or "380", corrects = said.corrects, owner = said.owner,
    tax_exclusive_amount = sums.tax_exclusive_amount, tax_amount = sums.tax_amount, tax_inclusive_amount = sums.tax_inclusive_amount,
  })
  documents.write_lines("invoice_line", "invoice", invoice.id, lines)
  return invoice
end

local SERIES <const> = { ["380"] = { code = "INVOICE", prefix = "INV-" }, ["381"] = { code = "CREDIT", prefix = "CRN-" } }

-- The number is taken in the same unit that issues: if it fails, the number is not used.
local function issue(invoice, series)
  local kind = SERIES[invoice.invoice_type_code]
  local number = numbers.take(series or kind.code, series and series .. "-" or kind.prefix)
  local day = today()
  local credit = invoice.invoice_type_code == "381"
  return px.store.update("invoice", invoice.id, {
    number = number, status = "issued", issue_date = day, due_date = invoice.due_date or day + (invoice.due_days .. "d"),
    payment_reference = not credit and references.make(number) or nil,
    payable_amount = not credit and invoice.tax_inclusive_amount or nil,
    paid_amount = not credit and px.money(0, invoice.currency) or nil,
    credited_amount = not credit and px.money(0, invoice.currency) or nil,
    payment_state = not credit and (invoice.tax_inclusive_amount.amount == 0 and "paid" or "unpaid") or nil,
  })
end

local function found(id)
  return px.store.get("invoice", id)
end

local function not_found(what)
  return px.http.problem(404, "not_found", "there is no such " .. what)
end

-- POST /x/clients/orders/:id/invoice: a draft of what was ordered.
px.route("POST", "/orders/:id/invoice", function(request)
  local order = px.store.get("sales_order", request.params.id)
  if not order then
    return not_found("order")
  elseif order.status ~= "confirmed" and order.status ~= "fulfilled" then
    px.refuse("status", "a confirmed or fulfilled order is invoiced")
  end
  local made
  px.store.tx(function()
    if px.store.first("invoice", { filter = { sales_order = order.id, invoice_type_code = "380" } }) then
      px.refuse("sales_order", "the order has its invoice")
    end
    local lines = {}
    for n, line in ipairs(documents.lines_of("order_line", "sales_order", order.id)) do
      lines[n] = { position = n, product = line.product, item_name = line.item_name, quantity = line.quantity, unit_code = line.unit_code,
        price_amount = line.price_amount, tax_percent = line.tax_percent, line_extension_amount = line.line_extension_amount }
    end
    made = create({ organisation = order.organisation, currency = order.currency, sales_order = order.id, owner = order.owner,
      buyer_reference = order.client_reference, due_days = body.of(request).due_days }, lines)
  end)
  return px.http.json(shown(found(made.id)), { status = 201 })
end)

-- POST /x/clients/invoices { organisation, currency, lines, totals, due_days }
px.route("POST", "/invoices", function(request)
  local said = request.json
  if type(said) ~= "table" or type(said.organisation) ~= "string" or not px.store.get("organisation", said.organisation) then
    px.refuse("organisation", "the id of a client")
  elseif type(said.currency) ~= "string" or not px.try(px.money, 0, said.currency) then
    px.refuse("currency", "a currency of ISO 4217")
  end
  local lines = documents.read_lines(said.lines, said)
  documents.check_totals(said.totals, (totals.of(lines, said.currency)))
  local made
  px.store.tx(function()
    made = create({ organisation = said.organisation, currency = said.currency, due_days = said.due_days, owner = said.owner,
      buyer_reference = said.buyer_reference }, lines)
  end)
  return px.http.json(shown(found(made.id)), { status = 201 })
end)

-- POST /x/clients/invoices/:id/issue { series }
px.route("POST", "/invoices/:id/issue", function(request)
  local series = body.of(request).series
  if series and (type(series) ~= "string" or not series:find("^[A-Z0-9]+$") or #series > 10) then
    px.refuse("series", "up to ten capital letters and digits")
  elseif not found(request.params.id) then
    return not_found("invoice")
  end
  px.store.tx(function()
    local invoice = found(request.params.id)
    if invoice.status ~= "draft" then
      px.refuse("status", "it was issued as " .. invoice.number)
    elseif not invoice.tax_inclusive_amount then
      px.refuse("tax_inclusive_amount", "the total is unknown: give every line its price and VAT")
    end
    issue(invoice, series)
  end)
  return px.http.json(shown(found(request.params.id)))
end)

local function lines_to_credit(invoice, said)
  if said.lines then
    return documents.read_lines(said.lines, invoice)
  end
  local lines = {}
  for n, line in ipairs(documents.lines_of("invoice_line", "invoice", invoice.id)) do
    lines[n] = { position = n, product = line.product, item_name = line.item_name, quantity = line.quantity, unit_code = line.unit_code,
      price_amount = line.price_amount, tax_percent = line.tax_percent, line_extension_amount = line.line_extension_amount }
  end
  return lines
end

-- POST /x/clients/invoices/:id/credit { lines }: all of it, unless lines say what.
px.route("POST", "/invoices/:id/credit", function(request)
  local invoice = found(request.params.id)
  if not invoice then
    return not_found("invoice")
  elseif invoice.status ~= "issued" or invoice.invoice_type_code ~= "380" then
    px.refuse("status", "an issued invoice is credited")
  end
  local lines = lines_to_credit(invoice, body.of(request))
  local note
  px.store.tx(function()
    local kept = found(invoice.id)
    note = create({ organisation = invoice.organisation, currency = invoice.currency, invoice_type_code = "381", corrects = invoice.id,
      owner = invoice.owner }, lines)
    local room = kept.tax_inclusive_amount - kept.credited_amount
    if note.tax_inclusive_amount == nil or note.tax_inclusive_amount.amount > room.amount then
      px.refuse("lines", "more would be credited than " .. tostring(room) .. ", which is left of the invoice")
    end
    issue(note)
    M.settle(kept, "credited_amount", note.tax_inclusive_amount)
  end)
  return px.http.json(shown(found(note.id)), { status = 201 })
end)

px.on("invoice_line.*", { key = "invoice", name = "invoice_sums" }, function(event)
  local invoice = found((event.after or event.before).invoice)
  if invoice and invoice.status == "draft" then
    local sums = documents.sum_up("invoice_line", invoice, documents.lines_of("invoice_line", "invoice", invoice.id))
    px.store.update("invoice", invoice.id, sums or { tax_exclusive_amount = px.null, tax_amount = px.null, tax_inclusive_amount = px.null })
  end
end)

-- ---- overdue ----

local function is_overdue(invoice)
  return invoice.status == "issued" and invoice.payable_amount and invoice.payable_amount.amount > 0 and invoice.due_date < today()
end

local function keep_task(invoice)
  local origin = "invoice:" .. invoice.id .. ":overdue"
  if is_overdue(invoice) then
    local organisation = px.store.get("organisation", invoice.organisation)
    px.store.upsert("task", { origin = origin }, {
      title = px.i18n.t("invoice_overdue", { number = invoice.number, client = organisation and organisation.name or "" },
        { language = px.config.get("language") }), kind = "invoice",
      invoice = invoice.id, organisation = invoice.organisation, owner = invoice.owner, due = today(), value_at_stake = invoice.payable_amount,
      state = "open",
    })
    return
  end
  kept_task.close(origin, "done")
end

px.on("invoice.status.issued", { key = "id" }, function(event)
  local invoice = found(event.id)
  if invoice and invoice.payable_amount then
    local days = math.max(1, px.date.diff(invoice.due_date, today()) + 1)
    px.bus.emit("clients.invoice_due_passed", { invoice = invoice.id }, { key = invoice.id, delay = days .. "d" })
  end
end)

px.on("clients.invoice_due_passed", { key = "data.invoice" }, function(event)
  local invoice = found(event.data.invoice)
  if invoice then
    keep_task(invoice)
    if is_overdue(invoice) then
      signals.tell("invoice", invoice, "payments", "0", event.at)
    end
  end
end)

px.on("invoice.updated", { key = "id", name = "invoice_tasks" }, function(event)
  local invoice = found(event.id)
  if invoice and event.before.payment_state ~= event.after.payment_state then
    keep_task(invoice)
    -- Paid late is better than not paid, and worse than in time.
    if invoice.payment_state == "paid" then
      signals.tell("invoice", invoice, "payments", invoice.due_date < today() and "0.5" or "1", event.at)
    end
  end
end)

local function overdue(query)
  local filter = { status = "issued", payment_state = { "in", { "unpaid", "partly" } }, due_date = { "lt", today() },
    organisation = query.organisation }
  return px.store.find("invoice", { filter = filter, order = "due_date", limit = query.limit, after = query.after, include = { "organisation" } })
end

-- GET /x/clients/invoices/overdue?organisation=…: the oldest first; sums by currency, never added up across them.
px.route("GET", "/invoices/overdue", function(request)
  local rows, sums = px.json.list {}, {}
  local invoices, next_page = overdue { organisation = request.query.organisation, limit = 500, after = request.query.after }
  for _, invoice in ipairs(invoices) do
    sums[invoice.currency] = (sums[invoice.currency] or 0) + invoice.payable_amount.amount
    rows[#rows + 1] = { id = invoice.id, number = invoice.number, client = invoice.organisation.name, due_date = invoice.due_date,
      overdue_days = px.date.diff(today(), invoice.due_date), payable_amount = invoice.payable_amount, payment_state = invoice.payment_state }
  end
  local by_currency = px.json.list {}
  for currency, amount in pairs(sums) do
    by_currency[#by_currency + 1] = px.money(amount, currency)
  end
  return px.http.json { data = rows, sums = by_currency, next = next_page }
end)

px.command("invoices overdue", {
  help = { en = "invoices whose day has passed, the oldest first", el = "ληξιπρόθεσμα τιμολόγια, τα παλαιότερα πρώτα" },
  args = { { "limit", "integer", default = 50, named = true, help = { en = "how many", el = "πόσα" } } },
}, function(args, out)
  local rows = {}
  for n, invoice in ipairs((overdue { limit = args.limit })) do
    rows[n] = { number = invoice.number, client = invoice.organisation.name, due = px.date.format(invoice.due_date),
      days = px.date.diff(today(), invoice.due_date), left = tostring(invoice.payable_amount) }
  end
  out.table({ "number", "client", "due", "days", "left" }, rows)
end)

return M
