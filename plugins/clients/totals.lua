-- Sums of orders and invoices by the rules of EN 16931: a line is rounded once, the tax once per rate. Pure.

local M = {}

-- A line's net amount: quantity times price, in minor units, half up.
function M.line_amount(quantity, price)
  local amount = px.decimal.round(px.decimal(tostring(quantity)) * price.amount, 0, "half_up")
  return px.money(math.tointeger(tostring(amount)), price.currency)
end

local function tax_of(net, percent)
  local tax = px.decimal.div(px.decimal(tostring(net)) * percent, 100, 0, "half_up")
  return math.tointeger(tostring(tax))
end

-- lines: { line_extension_amount, tax_percent }. A line without a rate makes the tax unknown, and with it all that holds it.
function M.of(lines, currency)
  local net, by_rate, rates, known = 0, {}, {}, true
  for _, line in ipairs(lines) do
    local amount = line.line_extension_amount
    if amount.currency ~= currency then
      return nil, "a line is in " .. amount.currency .. ", the document in " .. currency
    end
    net = net + amount.amount
    if line.tax_percent == nil then
      known = false
    else
      local rate = tostring(px.decimal.round(line.tax_percent, 2))
      rates[#rates + 1] = by_rate[rate] == nil and rate or nil
      by_rate[rate] = (by_rate[rate] or 0) + amount.amount
    end
  end
  local tax = 0
  for _, rate in ipairs(rates) do
    tax = tax + tax_of(by_rate[rate], px.decimal(rate))
  end
  local function money(amount)
    return known and px.money(amount, currency) or px.null
  end
  return { tax_exclusive_amount = px.money(net, currency), tax_amount = money(tax), tax_inclusive_amount = money(net + tax) }
end

return M
