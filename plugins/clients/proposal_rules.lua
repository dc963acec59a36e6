-- The sums of a proposal and the approvals that it needs: pure, but for looking up a rate that is passed in.

local M = {}

local DEFAULT <const> = { name = "Every proposal", role = "manager", quorum = 1 }

-- Quantity × price less the discount, rounded half to even at the last minor unit.
function M.line_total(line)
  local amount = px.decimal(line.unit_price.amount) * line.quantity * (px.decimal(100) - (line.discount or px.decimal(0)))
  local rounded = px.decimal.div(amount, px.decimal(100), 0, "half_even")
  return px.money(math.tointeger(tonumber(tostring(rounded))), line.unit_price.currency)
end

-- The total and the highest discount; nil without lines.
function M.sum(lines)
  local total, most
  for _, line in ipairs(lines) do
    local one = M.line_total(line)
    total = total and total + one or one
    local discount = line.discount or px.decimal(0)
    most = (not most or discount > most) and discount or most
  end
  return total, most
end

-- The rules that apply, with the reason. A total whose rate is not known meets every rule of value: unknown is not small.
function M.needed(proposal, base_total, rules)
  local needed = {}
  for _, rule in ipairs(rules) do
    local reason
    if rule.from_value and not base_total then
      reason = "the total in " .. rule.from_value.currency .. " is unknown: there is no rate"
    elseif rule.from_value and base_total.currency ~= rule.from_value.currency then
      reason = "the rule is in " .. rule.from_value.currency .. ", the total in " .. base_total.currency
    elseif rule.from_value and base_total.amount >= rule.from_value.amount then
      reason = ("the total of %s reaches %s"):format(base_total, rule.from_value)
    elseif rule.from_discount and proposal.discount_most and proposal.discount_most >= rule.from_discount then
      reason = ("a discount of %s %% reaches %s %%"):format(proposal.discount_most, rule.from_discount)
    end
    if reason then
      needed[#needed + 1] = { name = rule.name, role = rule.role, quorum = rule.quorum, reason = reason }
    end
  end
  if #needed == 0 then
    needed[1] = { name = DEFAULT.name, role = DEFAULT.role, quorum = DEFAULT.quorum, reason = "no rule asks for more" }
  end
  return needed
end

return M
