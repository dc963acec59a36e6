-- What the records say of many bonds at once, as of a moment: a few sums over indexes for a thousand bonds, nothing read one by one.

local M = {}

M.PAGE = 1000

local TREND_DAYS <const> = 90
local BREADTH_DAYS <const> = 365
local PROMISE_DAYS <const> = 365
local SIGNALS_A_QUERY <const> = 6 -- of twelve measures, two each

local function keys(map)
  local list = {}
  for key in pairs(map) do
    list[#list + 1] = key
  end
  table.sort(list)
  return list
end

--- { [party] = list of the facts of its bonds }, of the bonds whose counterparty stands in this field
local function by_party(bonds, facts, field)
  local parties = {}
  for _, bond in ipairs(bonds) do
    local party = bond[field]
    if party then
      parties[party] = parties[party] or {}
      table.insert(parties[party], facts[bond.id])
    end
  end
  return parties
end

-- What was held with somebody: notes and talk among ourselves are no contact.
local function contact_filter(field, parties, from, till)
  return {
    [field] = { "any", parties }, status = "held", kind = { "ne", "note" }, direction = { "ne", "internal" },
    at = { ge = from, le = till },
  }
end

local function contacts(field, parties, at)
  local list = keys(parties)
  if #list == 0 then
    return
  end
  local trend, before = at - (TREND_DAYS .. "d"), at - (2 * TREND_DAYS .. "d")
  local filter = contact_filter(field, list, nil, at)
  for _, row in ipairs(px.store.aggregate("interaction", { group = { field }, filter = filter, measures = {
    last = { "max", "at" },
    recent = { measure = "count", filter = { at = { "gt", trend } } },
    earlier = { measure = "count", filter = { at = { gt = before, le = trend } } },
  } })) do
    for _, facts in ipairs(parties[row[field]] or {}) do
      facts.contact_on, facts.recent, facts.earlier = row.last.date, row.recent, row.earlier
    end
  end
  filter = contact_filter(field, list, at - (BREADTH_DAYS .. "d"), at)
  for _, row in ipairs(px.store.aggregate("interaction", {
    group = { field }, filter = filter, measures = { people = { "distinct", "people" } },
  })) do
    for _, facts in ipairs(parties[row[field]] or {}) do
      facts.people = row.people
    end
  end
end

local function counted(direction, on, from)
  return {
    kept = { measure = "count", filter = { direction = direction, state = "kept", closed_on = { ge = from, le = on } } },
    broken = { measure = "count", filter = { direction = direction, state = "broken", closed_on = { ge = from, le = on } } },
    overdue = { measure = "count", filter = {
      direction = direction, due = { "lt", on }, state = { "nin", { "withdrawn", "renegotiated" } },
      ["or"] = { { closed_on = { "is", "null" } }, { closed_on = { "gt", on } } },
    } },
  }
end

local DIRECTIONS <const> = { "by_us", "to_us" }

local function promises(field, owners, filter, on)
  local list = keys(owners)
  if #list == 0 then
    return
  end
  filter[field] = { "in", list }
  local measures = {}
  for _, direction in ipairs(DIRECTIONS) do
    for name, measure in pairs(counted(direction, on, on - (PROMISE_DAYS .. "d"))) do
      measures[direction .. "_" .. name] = measure
    end
  end
  for _, row in ipairs(px.store.aggregate("promise", { group = { field }, filter = filter, measures = measures })) do
    for _, facts in ipairs(owners[row[field]] or {}) do
      for _, direction in ipairs(DIRECTIONS) do
        local sum = facts[direction] or { kept = 0, broken = 0, overdue = 0 }
        for name, n in pairs(sum) do
          sum[name] = n + row[direction .. "_" .. name]
        end
        facts[direction] = sum
      end
    end
  end
end

--- The names of a formula's factors that others tell.
local function told(formula)
  local names = {}
  for _, factor in ipairs(formula.factors) do
    if factor.source == "signal" then
      names[#names + 1] = factor.name
    end
  end
  return names
end

local function signals(bonds, ids, names, at)
  local measures = {}
  for i, name in ipairs(names) do
    measures["v" .. i] = { measure = "avg:value", filter = { factor = name } }
    measures["t" .. i] = { measure = "max:at", filter = { factor = name } }
  end
  for _, row in ipairs(px.store.aggregate("health_signal", {
    group = { "relationship" }, filter = { relationship = { "in", ids }, at = { "le", at } }, measures = measures,
  })) do
    local known = bonds[row.relationship].signals
    for i, name in ipairs(names) do
      if row["t" .. i] then
        known[name] = { value = tonumber(tostring(row["v" .. i])), on = row["t" .. i].date }
      end
    end
  end
end

--- Facts by bond, of at most PAGE bonds, as of an instant: { [id] = { contact_on, recent, earlier, people, by_us, to_us, signals } }.
function M.gather(formula, bonds, at)
  local facts, own, ids = {}, {}, {}
  for i, bond in ipairs(bonds) do
    facts[bond.id] = { signals = {} }
    own[bond.id] = { facts[bond.id] }
    ids[i] = bond.id
  end
  if #ids == 0 then
    return facts
  end
  local organisations, people = by_party(bonds, facts, "source"), by_party(bonds, facts, "source_person")
  contacts("organisations", organisations, at)
  contacts("people", people, at)
  promises("relationship", own, {}, at.date)
  promises("organisation", organisations, { relationship = { "is", "null" } }, at.date)
  promises("person", people, { relationship = { "is", "null" } }, at.date)
  local names = told(formula)
  for from = 1, #names, SIGNALS_A_QUERY do
    signals(facts, ids, { table.unpack(names, from, from + SIGNALS_A_QUERY - 1) }, at)
  end
  return facts
end

return M
