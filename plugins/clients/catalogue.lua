-- The price that holds for a client on a day (C8), and why it does.

local M = {}

local function valid_on(list, day)
  return list.valid_from <= day and (not list.valid_until or day <= list.valid_until)
end

-- A client's own list before the general ones, the newest first, and in it the step of the quantity.
local function before(a, b)
  if (a.list.organisation ~= nil) ~= (b.list.organisation ~= nil) then
    return a.list.organisation ~= nil
  elseif a.list.valid_from ~= b.list.valid_from then
    return a.list.valid_from > b.list.valid_from
  elseif a.price.min_quantity ~= b.price.min_quantity then
    return a.price.min_quantity > b.price.min_quantity
  end
  return a.price.id < b.price.id
end

-- ask: product, organisation, currency, quantity (a number or decimal), day. nil where no list has a price: it is unknown, not zero.
function M.price_for(ask)
  local best
  local query = { filter = { product = ask.product, ["unit_price.currency"] = ask.currency }, limit = 1000 }
  for _, price in ipairs((px.store.find("price", query))) do
    local list = px.store.get("price_list", price.price_list)
    local meant = list and list.currency == ask.currency and valid_on(list, ask.day)
      and (not list.organisation or list.organisation == ask.organisation) and px.decimal(price.min_quantity) <= ask.quantity
    if meant and (not best or before({ list = list, price = price }, best)) then
      best = { list = list, price = price }
    end
  end
  return best
end

-- A price is in its list's currency, or a client would be charged the right number of the wrong money.
local function refuse_other_currency(drafts)
  for _, draft in ipairs(drafts) do
    local kept = draft.id and px.store.get("price", draft.id) or {}
    local list = px.store.get("price_list", draft.price_list or kept.price_list or "")
    local money = draft.unit_price or kept.unit_price
    if list and money and money.currency ~= list.currency then
      px.refuse("unit_price", "this list is in " .. list.currency)
    end
  end
end

px.before("price.create", refuse_other_currency)
px.before("price.update", refuse_other_currency)

px.before("price_list.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.currency and px.store.first("price", { filter = { price_list = draft.id } }) then
      px.refuse("currency", "the list has prices; begin another list instead")
    end
  end
end)

local function quantity_of(said)
  local quantity = px.try(px.decimal, said or "1")
  if not quantity or quantity <= px.decimal("0") then
    px.refuse("quantity", "a number above zero")
  end
  return quantity
end

-- GET /x/clients/prices?product=…&organisation=…&currency=EUR&quantity=10&on=2026-01-31
px.route("GET", "/prices", function(request)
  local query = request.query
  local product = query.product and px.store.get("product", query.product)
  if not product then
    px.refuse("product", "an id of a product")
  end
  local day = query.on and px.try(px.date.parse, query.on) or not query.on and px.date.today(px.config.get("zone"))
  if not day then
    px.refuse("on", "a day such as 2026-01-31")
  end
  local best = M.price_for { product = product.id, organisation = query.organisation, day = day,
    currency = query.currency or px.config.get("base_currency"), quantity = quantity_of(query.quantity) }
  if not best then
    return px.http.json { product = product.id, unit_price = px.null, reason = "no price list has it for this day, currency and quantity" }
  end
  return px.http.json { product = product.id, unit_price = best.price.unit_price, price_list = best.list.id,
    reason = best.list.organisation and "client's own list" or "general list", list = best.list.name,
    min_quantity = best.price.min_quantity, valid_until = best.list.valid_until or px.null }
end)

return M
