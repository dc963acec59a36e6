-- What somebody looks after, for who takes over: counted by type, the bonds by risk, promises, deadlines, notes on people.
local types <const> = require "handover_types"

local M = {}

local SHOWN <const> = 200

local function filled(filter, owner)
  local own = { owner = owner }
  for field, value in pairs(filter or {}) do
    if type(value) == "table" and value[2] == types.NOW then
      value = { value[1], px.date.now() }
    end
    own[field] = value
  end
  return own
end

--- Each type: { object, moves, stays }; and the names of those that the asker may not see, which must not be forgotten.
function M.counts(owner)
  local counts, unseen = px.json.list {}, px.json.list {}
  for _, kind in ipairs(types) do
    local object, filter = kind[1], kind[2]
    local n, refusal = px.try(px.store.count, object, { filter = filled(filter, owner) })
    if n then
      local all = filter and px.store.count(object, { filter = { owner = owner } }) or n
      if all > 0 then
        counts[#counts + 1] = { object = object, moves = n, stays = all - n }
      end
    elseif refusal.code ~= "unknown_object" then
      unseen[#unseen + 1] = object
    end
  end
  return counts, unseen
end

--- The ids that go, per type, up to so many in all; nil and how many there are, when there are more.
function M.ids(owner, most)
  local list, total = {}, 0
  for _, count in ipairs((M.counts(owner))) do
    total = total + count.moves
  end
  if total > most then
    return nil, total
  end
  for _, kind in ipairs(types) do
    local ids = {}
    local _, refusal = px.try(function()
      for record in px.store.each(kind[1], { filter = filled(kind[2], owner), fields = { "owner" } }) do
        ids[#ids + 1] = record.id
      end
    end)
    if refusal and refusal.code ~= "unknown_object" then
      return nil, refusal
    end
    if #ids > 0 then
      list[#list + 1] = { object = kind[1], ids = ids }
    end
  end
  return list, total
end

local function health_of(bonds)
  local ids, health = {}, {}
  for i, bond in ipairs(bonds) do
    ids[i] = bond.id
  end
  local scores = px.try(px.store.find, "health_score", { filter = { relationship = { "in", ids } }, limit = 1000 }) or {}
  for _, score in ipairs(scores) do
    health[score.relationship] = score.score
  end
  return health
end

local function at_stake(bond)
  return bond.value_at_stake and bond.value_at_stake.amount or -1
end

--- The weakest first; those whose health is unknown behind them, and said to be so.
local function bonds_by_risk(owner)
  local filter = { owner = owner, managed = true, ended_on = { "is", "null" } }
  local found = px.store.find("relationship", { filter = filter, include = { "type", "source", "source_person" }, limit = SHOWN })
  local health, rows = health_of(found), px.json.list {}
  for i, bond in ipairs(found) do
    local party = bond.source or bond.source_person
    rows[i] = {
      relationship = bond.id, type = bond.type and bond.type.code, party = party and party.name, party_id = party and party.id,
      health = health[bond.id] or px.null, value_at_stake = bond.value_at_stake,
    }
  end
  table.sort(rows, function(a, b)
    local known_a, known_b = a.health ~= px.null, b.health ~= px.null
    if known_a ~= known_b then
      return known_a
    elseif known_a and a.health ~= b.health then
      return a.health < b.health
    elseif at_stake(a) ~= at_stake(b) then
      return at_stake(a) > at_stake(b)
    end
    return a.relationship < b.relationship
  end)
  return rows
end

local function picked(records, fields)
  local rows = px.json.list {}
  for i, record in ipairs(records) do
    local row = { id = record.id }
    for _, field in ipairs(fields) do
      row[field] = record[field]
    end
    rows[i] = row
  end
  return rows
end

local function found(object, filter, order, fields)
  return picked(px.try(px.store.find, object, { filter = filter, order = order, limit = SHOWN }) or {}, fields)
end

--- The whole pack; each list holds at most 200, and `counts` has the true numbers.
function M.of(owner)
  local counts, unseen = M.counts(owner)
  return {
    counts = counts, unseen = unseen, bonds = bonds_by_risk(owner),
    promises = found("promise", { owner = owner, state = { "in", { "open", "overdue" } } }, "due", { "text", "due", "state", "direction", "organisation", "person" }),
    deadlines = found("task", { owner = owner, state = "open", due = { "is", "not_null" } }, "due", { "title", "due", "organisation", "kind" }),
    without_day = found("task", { owner = owner, state = "open", due = { "is", "null" } }, "title", { "title", "organisation", "kind" }),
    stakeholders = found("stakeholder", { owner = owner, notes = { "is", "not_null" } }, "person", { "person", "role", "attitude", "attitude_on", "notes" }),
  }
end

return M
