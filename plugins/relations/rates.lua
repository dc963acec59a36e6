-- Money in another currency, at the last rate on or before a date; nothing where there is none. All of it is exact.

local M = {}

local function whole(decimal)
  return math.tointeger(tonumber(tostring(decimal)))
end

--- How many minor units make one: 100 for EUR, 1 for JPY.
local function minor(currency)
  return px.money.of("1", currency).amount
end

local function last_rate(base, currency, on)
  return px.store.first("exchange_rate", {
    filter = { base = base, currency = currency, on = { "le", on } }, order = "-on",
  })
end

--- A way from one currency to another: { from, to, on, source, multiply?, divide? }, or nil and what is missing.
function M.way(from, to, on, pivot)
  if from == to then
    return { from = from, to = to }
  end
  local straight, back = last_rate(to, from, on), last_rate(from, to, on)
  if straight and (not back or straight.on >= back.on) then
    return { from = from, to = to, on = straight.on, source = straight.source, divide = straight.rate }
  elseif back then
    return { from = from, to = to, on = back.on, source = back.source, multiply = back.rate }
  end
  local first = pivot and pivot ~= from and pivot ~= to and last_rate(pivot, from, on)
  local second = first and last_rate(pivot, to, on)
  if second then
    return {
      from = from, to = to, on = first.on < second.on and first.on or second.on, source = first.source,
      divide = first.rate, multiply = second.rate,
    }
  end
  return nil, from .. "/" .. to
end

--- The money along a way, rounded half to even at its last minor unit.
function M.along(way, money)
  if way.from == way.to then
    return money
  end
  local amount = px.decimal(money.amount) * minor(way.to)
  if way.multiply then
    amount = amount * way.multiply
  end
  local by = px.decimal(minor(way.from))
  if way.divide then
    by = by * way.divide
  end
  return px.money(whole(px.decimal.div(amount, by, 0, "half_even")), way.to)
end

--- Converts, with the way that it went; nil and what is missing.
function M.convert(money, to, on, pivot)
  local way, missing = M.way(money.currency, to, on, pivot)
  if not way then
    return nil, missing
  end
  return M.along(way, money), way
end

--- For many: a function that looks each currency up once.
function M.converter(to, on, pivot)
  local ways = {}
  return function(money)
    local way = ways[money.currency]
    if way == nil then
      way = M.way(money.currency, to, on, pivot) or false
      ways[money.currency] = way
    end
    if not way then
      return nil, money.currency .. "/" .. to
    end
    return M.along(way, money), way
  end
end

local function bad(field, detail)
  return px.http.problem(422, "invalid", detail, { pointer = "/" .. field })
end

-- GET /x/relations/convert?amount=1250&currency=USD&to=EUR&on=2026-11-30; amount in minor units
px.route("GET", "/convert", function(request)
  local query = request.query
  local amount, to = math.tointeger(tonumber(query.amount or "")), query.to or px.config.get("base_currency")
  local on = query.on and px.try(px.date.parse, query.on) or not query.on and px.date.today() or nil
  if not amount then
    return bad("amount", "amount is a whole number of minor units: 1250 is 12.50 EUR")
  elseif not on then
    return bad("on", "on is a date: 2026-11-30")
  end
  local money = px.try(px.money, amount, query.currency or "")
  if not money or not px.try(px.money, 0, to) then
    return bad(money and "to" or "currency", "a currency has three capital letters: EUR")
  end
  local converted, way = px.store.tx(function()
    return M.convert(money, to, on, px.config.get("base_currency"))
  end)
  if not converted then
    return px.http.problem(404, "rate_unknown", "there is no rate " .. way .. " on or before " .. tostring(on), { pointer = "/currency" })
  end
  return { json = {
    from = money, to = converted, rate_on = way.on, source = way.source, multiply = way.multiply, divide = way.divide,
  } }
end)

return M
