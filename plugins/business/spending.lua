-- What budgets decide, without the store.
local value <const> = require("kept").value

local M = {}

--- The thresholds of "80,100", rising, each once.
function M.thresholds(text)
  local seen, list = {}, {}
  for number in (text or ""):gmatch("%d+") do
    local percent = math.tointeger(tonumber(number))
    if not seen[percent] then
      seen[percent] = true
      list[#list + 1] = percent
    end
  end
  table.sort(list)
  return list
end

--- Per cent used, one digit, rounded down so that nothing is said to be crossed early; nil where there is nothing to use.
function M.used(available, spent)
  if available <= 0 then
    return nil
  end
  return px.decimal.div(px.decimal(spent) * 100, available, 1, "down")
end

local function spread(budget, until_day)
  local days = px.date.diff(budget.ends_on, budget.starts_on) + 1
  local gone = math.min(px.date.diff(until_day, budget.starts_on) + 1, days)
  return gone <= 0 and 0 or budget.amount.amount * gone // days
end

--- What of a budget's amount falls into these days, spread evenly; parts of the whole period add up to it.
function M.planned(budget, from, to)
  return spread(budget, to) - spread(budget, from - "1d")
end

--- Would two budgets of one request claim the same days?
function M.same_ground(a, b)
  return value(a.unit) ~= nil and a.unit == b.unit and value(a.supplier) == value(b.supplier)
    and value(a.category) == value(b.category) and value(a.starts_on) and value(b.starts_on) and value(a.ends_on) and value(b.ends_on)
    and a.starts_on <= b.ends_on and b.starts_on <= a.ends_on
end

return M
