-- The adjusted price of a clause, with each step: pure. What is not known makes the result unknown, and says so.

local M = {}

local HUNDRED <const> = px.decimal(100)
local DIGITS <const> = 6

-- The month whose index counts for an adjustment on a day.
function M.month_of(day, lag_months)
  return tostring(day - ("P" .. (day.day - 1) .. "D") - ("P" .. (lag_months or 0) .. "M")):sub(1, 7)
end

local function limited(change, clause, add)
  if clause.floor and change < clause.floor then
    add("floor", clause.floor)
    return clause.floor
  elseif clause.cap and change > clause.cap then
    add("cap", clause.cap)
    return clause.cap
  end
  return change
end

-- { reasons, change, value } or { reasons, unknown }: clause, the price now, the index at base and at the month.
function M.propose(clause, price, base, month, at)
  local reasons = px.json.list()
  local function add(step, value)
    reasons[#reasons + 1] = { step = step, value = value == nil and px.null or tostring(value) }
  end
  add("base_month", clause.base_month)
  add("base_index", base)
  add("month", month)
  add("index", at)
  add("price", price)
  if not price or not base or not at then
    local unknown = not price and "price" or not base and "base_index" or "index"
    return { reasons = reasons, unknown = unknown }
  end
  local change = px.decimal.div((at - base) * HUNDRED, base, DIGITS)
  add("change", change)
  local share = clause.share or HUNDRED
  if share ~= HUNDRED then
    change = px.decimal.div(change * share, HUNDRED, DIGITS)
    add("share", change)
  end
  change = limited(change, clause, add)
  local unit = px.decimal(clause.rounding or 1)
  local exact = px.decimal(price.amount) * (HUNDRED + change)
  local units = px.decimal.div(exact, HUNDRED * unit, 0, "half_even")
  local amount = math.tointeger(tonumber(tostring(units * unit)))
  local value = px.money(amount, price.currency)
  add("value", value)
  return { reasons = reasons, change = change, value = value }
end

return M
