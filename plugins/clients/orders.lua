-- Orders (C8): made whole by one request, once, however often it is sent; their sums are those of their lines.

local documents <const> = require "documents"
local numbers <const> = require "numbers"
local totals <const> = require "totals"
local today <const> = require("days").today

documents.keep("sales_order", { "number", "tax_exclusive_amount", "tax_amount", "tax_inclusive_amount", "idempotency_key", "request_hash" })
documents.keep("order_line", { "line_extension_amount" })
documents.lock_lines("order_line", "sales_order", "sales_order")

local function shown(order)
  return {
    id = order.id, number = order.number, organisation = order.organisation, client_reference = order.client_reference, status = order.status,
    currency = order.currency, ordered_on = order.ordered_on, tax_exclusive_amount = order.tax_exclusive_amount,
    tax_amount = order.tax_amount, tax_inclusive_amount = order.tax_inclusive_amount,
    lines = px.json.list(documents.lines_of("order_line", "sales_order", order.id)),
  }
end

-- Sent again, a request answers as it did; another one under the same key or reference is a mistake somebody must see.
local function sent_before(key, hash, said)
  local order = key and px.store.first("sales_order", { filter = { idempotency_key = key } })
  if not order and said.client_reference then
    order = px.store.first("sales_order", { filter = { organisation = said.organisation, client_reference = said.client_reference } })
  end
  if not order then
    return nil
  elseif order.request_hash == hash then
    return px.http.json(shown(order), { status = 200 })
  elseif key and order.idempotency_key == key then
    return px.http.problem(422, "idempotency_mismatch", "this Idempotency-Key was sent with another order: " .. order.number)
  end
  return px.http.problem(409, "unique", "the client has an order of this reference: " .. (order.number or order.id), { pointer = "/client_reference" })
end

local function make(said, lines, sums, key, hash)
  local order = px.store.create("sales_order", {
    organisation = said.organisation, client_reference = said.client_reference, currency = said.currency, owner = said.owner,
    ordered_on = said.ordered_on or today(), requested_on = said.requested_on, note = said.note, idempotency_key = key, request_hash = hash,
    number = numbers.take("ORDER", "O-"), tax_exclusive_amount = sums.tax_exclusive_amount, tax_amount = sums.tax_amount,
    tax_inclusive_amount = sums.tax_inclusive_amount,
  })
  documents.write_lines("order_line", "sales_order", order.id, lines)
  return said.confirm and px.store.update("sales_order", order.id, { status = "confirmed" }) or order
end

local function checked(said)
  if type(said) ~= "table" then
    px.refuse("", "an order as JSON")
  elseif type(said.organisation) ~= "string" or not px.store.get("organisation", said.organisation) then
    px.refuse("organisation", "the id of a client")
  elseif type(said.currency) ~= "string" or not px.try(px.money, 0, said.currency) then
    px.refuse("currency", "a currency of ISO 4217")
  elseif type(said.client_reference) ~= "string" or said.client_reference == "" then
    px.refuse("client_reference", "the client's own reference, so that the order is made once")
  end
  local lines = documents.read_lines(said.lines, said)
  local sums, mistake = totals.of(lines, said.currency)
  if not sums then
    px.refuse("lines", mistake)
  end
  documents.check_totals(said.totals, sums)
  return lines, sums
end

-- POST /x/clients/orders { organisation, client_reference, currency, lines, totals, confirm }, with an Idempotency-Key.
px.route("POST", "/orders", function(request)
  local said, key = request.json, request.headers["idempotency-key"]
  local hash = px.crypto.hash(request.body)
  key = key and (px.actor.user() or "") .. " " .. px.text.sub(key, 1, 200)
  local again = type(said) == "table" and sent_before(key, hash, said)
  if again then
    return again
  end
  local lines, sums = checked(said)
  local answer
  px.store.tx(function()
    -- Inside the unit once more: of two that come at the same moment the second finds the first, or meets its unique reference.
    answer = sent_before(key, hash, said) or px.http.json(shown(make(said, lines, sums, key, hash)), { status = 201 })
  end)
  return answer
end)

px.route("GET", "/orders/:id", function(request)
  local order = px.store.get("sales_order", request.params.id)
  return order and px.http.json(shown(order)) or px.http.problem(404, "not_found", "there is no such order")
end)

-- An order that was made without a request of its own: its number, and its sums whenever a line changes.
px.on("sales_order.created", { key = "id", name = "order_numbers" }, function(event)
  local order = px.store.get("sales_order", event.id)
  if order and not order.number then
    px.store.update("sales_order", order.id, { number = numbers.take("ORDER", "O-"), ordered_on = order.ordered_on or today() })
  end
end)

px.on("order_line.*", { key = "sales_order", name = "order_sums" }, function(event)
  local order = px.store.get("sales_order", (event.after or event.before).sales_order)
  if order and order.status == "draft" then
    local sums = documents.sum_up("order_line", order, documents.lines_of("order_line", "sales_order", order.id))
    px.store.update("sales_order", order.id, sums or { tax_exclusive_amount = px.null, tax_amount = px.null, tax_inclusive_amount = px.null })
  end
end)
