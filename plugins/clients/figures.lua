-- Sums in the base currency at dated rates. What no rate is known for is kept apart, never left out in silence.
local M = {}

local ROWS_MAX <const> = 1000

local function minor(currency)
  return px.money.of("1", currency).amount
end

local function last_rate(base, currency, on)
  return px.store.first("exchange_rate", { filter = { base = base, currency = currency, on = { "le", on } }, order = "-on" })
end

--- From a currency to the base: the newest rate up to the day, whichever way round it was published.
local function way_to(base, currency, on)
  local straight, back = last_rate(base, currency, on), last_rate(currency, base, on)
  if straight and (not back or straight.on >= back.on) then
    return { rate = straight.rate, on = straight.on, divide = straight.rate }
  elseif back then
    return { rate = back.rate, on = back.on, multiply = back.rate }
  end
end

local function along(way, amount, currency, base)
  local scaled = px.decimal(amount) * minor(base)
  if way.multiply then
    scaled = scaled * way.multiply
  end
  local by = px.decimal(minor(currency))
  if way.divide then
    by = by * way.divide
  end
  return math.tointeger(tonumber(tostring(px.decimal.div(scaled, by, 0, "half_even"))))
end

--- A converter as of a day: `convert(money)` gives minor units of the base or nil; `rates()` and `missing()` say what it used and lacked.
function M.converter(on)
  local base = px.config.get("base_currency")
  local self, ways, missing = { base = base, on = on }, {}, {}
  function self.convert(money)
    if money == nil then
      return nil
    elseif money.currency == base then
      return money.amount
    end
    local way = ways[money.currency]
    if way == nil then
      way = way_to(base, money.currency, on) or false
      ways[money.currency] = way
    end
    if not way then
      missing[money.currency] = (missing[money.currency] or 0) + 1
      return nil
    end
    return along(way, money.amount, money.currency, base)
  end
  function self.rates()
    local list = {}
    for currency, way in pairs(ways) do
      if way then
        list[#list + 1] = { currency = currency, rate = way.rate, on = way.on }
      end
    end
    table.sort(list, function(a, b) return a.currency < b.currency end)
    return px.json.list(list)
  end
  function self.missing()
    local list = {}
    for currency in pairs(missing) do
      list[#list + 1] = currency
    end
    table.sort(list)
    return px.json.list(list)
  end
  return self
end

--- Groups with their sums in the base: one row per value of `key`; `n` records, `total` minor units, `unknown` those without a sum.
--- `filter` is one table for all; `field` is the money that is added up.
function M.sums(object, filter, key, field, converter)
  local group = { field .. ".currency" }
  if key then
    table.insert(group, 1, key)
  end
  local name = type(key) == "table" and key[1] or key
  local rows, order = {}, {}
  for _, found in ipairs(px.store.aggregate(object, { group = group, measures = { n = true, total = { "sum", field } }, filter = filter })) do
    local value = name and found[name] or ""
    local row = rows[value]
    if not row then
      row = { key = value ~= "" and value or nil, n = 0, total = 0, unknown = 0 }
      rows[value] = row
      order[#order + 1] = row
    end
    local total = converter.convert(found.total)
    row.n = row.n + found.n
    if total then
      row.total = row.total + total
    else
      row.unknown = row.unknown + found.n
    end
  end
  return order, rows
end

--- The months from one day to another, as { from, to, name }; nil where there are more than `most`.
function M.months(from, to, most)
  local list = {}
  local first = px.date.parse(px.date.format(from, "yyyy-mm") .. "-01")
  while first <= to do
    if #list == most then
      return nil
    end
    local next_first = first + "P1M"
    list[#list + 1] = { name = px.date.format(first, "yyyy-mm"), from = first < from and from or first,
      to = next_first + "-1d" > to and to or next_first + "-1d" }
    first = next_first
  end
  return list
end

--- Days of a route's query; the period is `from` to `to`, both included; nil and what is wrong.
function M.period(query, from, to)
  local ok, first = pcall(px.date.parse, query.from or tostring(from))
  local ok_to, last = pcall(px.date.parse, query.to or tostring(to))
  if not ok then
    return nil, nil, px.http.problem(422, "date", "from is a day: 2026-01-31", { pointer = "/from" })
  elseif not ok_to then
    return nil, nil, px.http.problem(422, "date", "to is a day: 2026-12-31", { pointer = "/to" })
  elseif last < first then
    return nil, nil, px.http.problem(422, "range", "the period ends before it begins", { pointer = "/to" })
  end
  return first, last
end

M.ROWS_MAX = ROWS_MAX
return M
