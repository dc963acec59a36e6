-- Scores of bonds, computed anew for a list of them and written where they differ.
local rules <const> = require "health_formula"
local facts_of <const> = require "health_facts"
local text <const> = require "health_text"

local M = {}

M.PAGE = facts_of.PAGE

local CONTACT_AGE_MAX <const> = 999 -- a point keeps "999 days or more": the back-test then has at most so many groups

--- The Monday of a day's week.
function M.monday(day)
  return day - (day.weekday - 1 .. "d")
end

--- Our day; scores, weeks and deadlines go by it.
M.today = require("days").today

local function as_formula(record)
  return { version = record.number, minimum_coverage = record.minimum_coverage, factors = record.factors, id = record.id }
end

--- The formula in use, the newest of those that are; nil when there is none.
function M.formula()
  local record = px.store.first("health_formula", { filter = { state = "active" }, order = "-number" })
  return record and as_formula(record)
end

--- A filter for bonds: what we look after and what has not ended on this day.
function M.open_on(day)
  return { managed = true, ["or"] = { { ended_on = { "is", "null" } }, { ended_on = { "gt", day } } } }
end

function M.is_bond(relationship, day)
  return relationship.managed == true and (not relationship.ended_on or relationship.ended_on > day)
end

local function ids_of(bonds)
  local ids = {}
  for i, bond in ipairs(bonds) do
    ids[i] = bond.id
  end
  return ids
end

local function by_relationship(object, query)
  local map = {}
  query.limit = M.PAGE
  for _, row in ipairs(px.store.find(object, query)) do
    map[row.relationship] = row
  end
  return map
end

local function age(day, contact_on)
  return contact_on and math.min(CONTACT_AGE_MAX, math.max(0, px.date.diff(day, contact_on))) or nil
end

--- Unknown, as a field and JSON hold it.
function M.or_null(value)
  if value == nil then
    return px.null
  end
  return value
end

-- Without the factors: they are made of those alone that are written.
local function score_fields(formula, today, facts, result, before)
  local change, english, greek = text.change(formula, result, before)
  return {
    score = M.or_null(result.score), coverage = result.coverage, change = M.or_null(change), change_en = english, change_el = greek,
    formula_version = formula.version, last_contact_on = M.or_null(facts.contact_on), computed_on = today,
  }
end

local TOLD <const> = { "score", "coverage", "change", "change_en", "formula_version", "last_contact_on" }
local TOLD_AND_WHOSE <const> = { "relationship", table.unpack(TOLD) }

-- `exact`: an event was about this bond, so its factors are shown as they are now. At night only what moves a figure is written.
local function differs(old, fields)
  for _, name in ipairs(TOLD) do
    if M.or_null(old[name]) ~= fields[name] then
      return true
    end
  end
  return fields.factors ~= nil and px.json.encode(old.factors) ~= px.json.encode(fields.factors)
end

local function point_fields(formula, bond, day, facts, result, replayed)
  return {
    relationship = bond.id, owner = bond.owner, week = M.monday(day), score = result.score, coverage = result.coverage,
    contact_age = age(day, facts.contact_on), points = result.points, formula_version = formula.version, replayed = replayed,
  }
end

--- What is to be written for at most PAGE bonds: { { object, id?, fields } … }. All is read here, before anything is written.
--- options.week: also the point of this week where there is none. options.at: as it was then, points alone.
function M.prepare(formula, bonds, options)
  local writes, ids = {}, ids_of(bonds)
  if #ids == 0 then
    return writes
  end
  local at, today = options.at or px.date.now(), options.at and options.at.date or M.today()
  local facts = facts_of.gather(formula, bonds, at)
  local this_week = M.monday(today)
  local old = options.at and {} or by_relationship("health_score",
    { filter = { relationship = { "in", ids } }, fields = not options.exact and TOLD_AND_WHOSE or nil })
  local before = options.at and {} or by_relationship("health_point",
    { filter = { relationship = { "in", ids }, week = this_week - "7d" }, fields = { "relationship", "week", "score", "points" } })
  local there = options.week and by_relationship("health_point",
    { filter = { relationship = { "in", ids }, week = this_week }, fields = { "relationship" } })
  for _, bond in ipairs(bonds) do
    local known = facts[bond.id]
    local reads = rules.read(formula, known, today)
    local result = rules.weigh(formula, reads)
    if not options.at then
      local fields, row = score_fields(formula, today, known, result, before[bond.id]), old[bond.id]
      fields.factors = options.exact and rules.kept(reads, result.points) or nil
      if not row or differs(row, fields) then
        fields.factors = fields.factors or rules.kept(reads, result.points)
        if not row then
          fields.relationship, fields.owner = bond.id, bond.owner
        end
        writes[#writes + 1] = { object = "health_score", id = row and row.id, fields = fields }
      end
    end
    if there and not there[bond.id] then
      writes[#writes + 1] = { object = "health_point", fields = point_fields(formula, bond, today, known, result, options.at ~= nil) }
    end
  end
  return writes
end

function M.write(writes)
  for _, one in ipairs(writes) do
    if one.id then
      px.store.update(one.object, one.id, one.fields)
    else
      px.store.create(one.object, one.fields)
    end
  end
  return #writes
end

--- Bonds of a day by id, a page of them: those after one id and up to another.
function M.page(day, after, till)
  local filter = M.open_on(day)
  filter.id = { gt = after, le = till }
  return px.store.find("relationship", { filter = filter, order = "id", limit = M.PAGE, fields = { "source", "source_person", "owner" } })
end

--- The last id of each page of a day.
function M.page_ends(day)
  local ends, after = {}, nil
  repeat
    local rows
    rows, after = px.store.find("relationship", { filter = M.open_on(day), order = "id", limit = M.PAGE, after = after, fields = { "managed" } })
    ends[#ends + 1] = rows[#rows] and rows[#rows].id
  until not after
  return ends
end

local BOND_FIELDS <const> = { "source", "source_person", "owner", "managed", "ended_on" }

--- These bonds alone, which an event was about; the score of what is no bond any more goes.
function M.renew(ids)
  local formula = M.formula()
  if not formula or #ids == 0 then
    return
  end
  local today = M.today()
  local bonds, open = px.store.find("relationship", { filter = { id = { "in", ids } }, limit = M.PAGE, fields = BOND_FIELDS }), {}
  for _, bond in ipairs(bonds) do
    if M.is_bond(bond, today) then
      open[#open + 1] = bond
    else
      local row = px.store.first("health_score", { filter = { relationship = bond.id } })
      if row then
        px.store.delete("health_score", row.id)
      end
    end
  end
  M.write(M.prepare(formula, open, { exact = true }))
end

local function any_of(field, ids)
  return { managed = true, [field] = { "in", ids } }
end

--- The bonds with these parties: ids, at most PAGE.
function M.bonds_with(organisations, people)
  local ids = {}
  for field, parties in pairs { source = organisations, source_person = people } do
    if #parties > 0 then
      for _, bond in ipairs(px.store.find("relationship", { filter = any_of(field, parties), limit = M.PAGE, fields = { "managed" } })) do
        ids[#ids + 1] = bond.id
      end
    end
  end
  return ids
end

return M
