-- Amounts in another currency, at a dated rate; unknown stays unknown.
local M = {}

local function newest(base, currency, day)
  return px.store.first("exchange_rate", {
    filter = { base = base, currency = currency, on = { le = day } }, order = "-on" })
end

--- How many digits this currency has behind the point.
local function digits(currency)
  local text = tostring(px.money(0, currency))
  local fraction = text:match("%.(%d+)")
  return fraction and #fraction or 0
end

local function scaled(amount, from, to)
  local by = digits(to) - digits(from)
  local value = px.decimal(amount)
  if by > 0 then
    return value * math.tointeger(10 ^ by)
  elseif by < 0 then
    return px.decimal.div(value, math.tointeger(10 ^ -by), 6)
  end
  return value
end

local function whole(decimal)
  return math.tointeger(tonumber(tostring(px.decimal.round(decimal, 0))))
end

--- The money in another currency by the newest rate of that day or before, with the rate and its day; nil when there is none.
--- One `base` is `rate` of `currency`.
function M.convert(money, to, day)
  if money.currency == to then
    return money, nil, nil
  end
  local amount = scaled(money.amount, money.currency, to)
  local rate = newest(to, money.currency, day)
  if rate then
    return px.money(whole(px.decimal.div(amount, rate.rate, 0)), to), "1 " .. to .. " = " .. tostring(rate.rate) .. " " .. money.currency, rate.on
  end
  rate = newest(money.currency, to, day)
  if rate then
    return px.money(whole(amount * rate.rate), to), "1 " .. money.currency .. " = " .. tostring(rate.rate) .. " " .. to, rate.on
  end
  return nil
end

return M
