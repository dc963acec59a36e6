-- What one party is to us on both sides at once: its bonds by side, and what stands on each.
local M = {}

local OTHER_SIDE <const> = { client = "supplier", supplier = "client" }

--- Which side the party of a bond is on: the type says it of the source; seen from the other end it is the opposite.
function M.side(kind, is_source)
  if is_source then
    return kind.side
  end
  return OTHER_SIDE[kind.side] or kind.side
end

local function add(sums, money)
  local sum = sums[money.currency]
  sums[money.currency] = sum and sum + money or money
end

local function in_base(sums, convert, rates, missing)
  local total
  for currency, sum in pairs(sums) do
    local money, way = convert(sum)
    if not money then
      missing[currency] = true
    else
      total = total and total + money or money
      if way and way.on then
        rates[currency] = { currency = currency, on = tostring(way.on), source = way.source }
      end
    end
  end
  return total
end

local function listed(sums)
  local list = px.json.list {}
  for _, sum in pairs(sums) do
    list[#list + 1] = sum
  end
  table.sort(list, function(a, b) return a.currency < b.currency end)
  return list
end

local function sorted(map)
  local list = px.json.list {}
  for _, value in pairs(map) do
    list[#list + 1] = value
  end
  table.sort(list, function(a, b) return a.currency < b.currency end)
  return list
end

--- bonds: { side, value_at_stake? }. The net position is client less supplier, in base currency, and null while any part of it
--- cannot be told: a bond without a value is counted as unknown, never as zero.
function M.position(bonds, base, convert)
  local sides, unknown = { client = {}, supplier = {} }, 0
  local counts = { client = 0, supplier = 0 }
  for _, bond in ipairs(bonds) do
    local sums = sides[bond.side]
    if sums then
      counts[bond.side] = counts[bond.side] + 1
      if bond.value_at_stake then
        add(sums, bond.value_at_stake)
      else
        unknown = unknown + 1
      end
    end
  end
  local rates, missing = {}, {}
  local client = in_base(sides.client, convert, rates, missing)
  local supplier = in_base(sides.supplier, convert, rates, missing)
  local without_rate = px.json.list {}
  for currency in pairs(missing) do
    without_rate[#without_rate + 1] = currency
  end
  table.sort(without_rate)
  local whole = unknown == 0 and #without_rate == 0 and (client or supplier)
  local zero = px.money(0, base)
  return {
    client = { bonds = counts.client, values = listed(sides.client) },
    supplier = { bonds = counts.supplier, values = listed(sides.supplier) },
    both_sides = counts.client > 0 and counts.supplier > 0,
    net = whole and (client or zero) - (supplier or zero) or px.null,
    base_currency = base, rates = sorted(rates), without_rate = without_rate, unknown_values = unknown,
  }
end

return M
