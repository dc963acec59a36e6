-- Who of ours knows a person, and through whom: a search outwards from the person, level by level, over what is on record. Two
-- people know one another when they were in one organisation at the same time, when a relationship says so, or when they took
-- part in one interaction. It is bounded at every step, and says what it left out.
local M = {}

local OURS <const> = { "own_company", "business_unit" }
local MAX_HOPS <const> = 4
local FRONTIER <const> = 100 -- people of one level who are followed further
local COLLEAGUES <const> = 50 -- in a larger organisation not everybody knows everybody
local ORGANISATIONS <const> = 40
local BONDS <const> = 200
local INTERACTIONS <const> = 200
local ENDS <const> = { { "source_person", "target_person" }, { "target_person", "source_person" } }

local function name_of(search, object, id)
  local key = object .. ":" .. id
  if search.names[key] == nil then
    local record = px.store.get(object, id)
    search.names[key] = record and record.name or false
  end
  return search.names[key] or id
end

--- Remembers the first and so the shortest way to a node; one certain of those of equal length goes before one that is not.
local function reach(search, object, id, from, hop)
  if not id then
    return -- somebody whom the asker may not see
  end
  local known = search.reached[id]
  if known and (known.level < search.level or known.hop == nil or known.hop.certain or not hop.certain) then
    return
  end
  local node = { object = object, id = id, from = from, hop = hop, level = search.level }
  search.reached[id] = node
  if not known then
    search.fresh[#search.fresh + 1] = id
  end
end

--- Do two affiliations overlap: true, false, or nil where a day is missing that would tell. An empty end is "still".
local function overlap(a, b)
  if not a.ended_on and not b.ended_on then
    return true
  end
  local function begins_by(one, other)
    if not other.ended_on then
      return true
    end
    return one.started_on and one.started_on <= other.ended_on
  end
  local x, y = begins_by(a, b), begins_by(b, a)
  if x == false or y == false then
    return false
  end
  return x and y or nil
end

local function colleagues(search, organisation, mine)
  local others = px.store.find("affiliation", {
    filter = { organisation = organisation }, order = "-started_on", limit = COLLEAGUES + 1,
  })
  if #others > COLLEAGUES then
    search.left_out.large_organisations = search.left_out.large_organisations + 1
    return
  end
  for _, own in ipairs(mine) do
    for _, other in ipairs(others) do
      local together = other.person ~= own.person and overlap(own, other)
      if together or together == nil then
        reach(search, "person", other.person, own.person, {
          kind = "affiliation", record = { object = "affiliation", id = other.id }, organisation = organisation,
          on = other.started_on, certain = together == true,
        })
      end
    end
  end
end

local function through_organisations(search, frontier)
  local by_organisation, organisations = {}, {}
  local filter = { person = { "in", frontier } }
  for _, affiliation in ipairs(px.store.find("affiliation", { filter = filter, order = "-started_on", limit = 1000 })) do
    local organisation = affiliation.organisation
    if organisation and not by_organisation[organisation] then
      by_organisation[organisation] = {}
      organisations[#organisations + 1] = organisation
    end
    if organisation then
      table.insert(by_organisation[organisation], affiliation)
    end
  end
  for i, organisation in ipairs(organisations) do
    if i > ORGANISATIONS then
      search.left_out.organisations = search.left_out.organisations + #organisations - ORGANISATIONS
      return
    end
    colleagues(search, organisation, by_organisation[organisation])
  end
end

local function through_relationships(search, frontier)
  for _, ends in ipairs(ENDS) do
    local from, to = ends[1], ends[2]
    local filter = { [from] = { "in", frontier }, [to] = { "is", "not_null" } }
    for _, bond in ipairs(px.store.find("relationship", { filter = filter, limit = BONDS })) do
      reach(search, "person", bond[to], bond[from], {
        kind = "relationship", record = { object = "relationship", id = bond.id }, type = bond.type,
        reverse = from == "target_person", on = bond.started_on, certain = true,
      })
    end
  end
end

local function through_interactions(search, frontier)
  local in_frontier = {}
  for _, id in ipairs(frontier) do
    in_frontier[id] = true
  end
  local filter = { people = { "any", frontier }, kind = { "ne", "note" } }
  for _, interaction in ipairs(px.store.find("interaction", { filter = filter, order = "-at", limit = INTERACTIONS })) do
    local function meet(object, id, from)
      reach(search, object, id, from, {
        kind = "interaction", record = { object = "interaction", id = interaction.id }, interaction = interaction,
        on = interaction.at, certain = true,
      })
    end
    for _, from in ipairs(interaction.people) do
      if in_frontier[from] then
        for _, other in ipairs(interaction.people) do
          meet("person", other, from)
        end
        if interaction.owner then
          meet("user", interaction.owner, from)
        end
      end
    end
  end
end

--- Of these people, those who are with us now: in an organisation that is we ourselves.
local function with_us(ids, today)
  local ours, filter = {}, { person = { "in", ids }, ["organisation.roles"] = { "any", OURS } }
  if #ids > 0 then
    for _, affiliation in ipairs(px.store.find("affiliation", { filter = filter, limit = 1000 })) do
      if not affiliation.ended_on or affiliation.ended_on >= today then
        ours[affiliation.person] = true
      end
    end
  end
  return ours
end

local function split(search, ids, today)
  local people, goals, further = {}, {}, {}
  for i = 1, math.min(#ids, 1000) do
    if search.reached[ids[i]].object == "person" then
      people[#people + 1] = ids[i]
    else
      goals[#goals + 1] = ids[i]
    end
  end
  local ours = with_us(people, today)
  for _, id in ipairs(people) do
    if ours[id] then
      goals[#goals + 1] = id
    elseif #further < FRONTIER then
      further[#further + 1] = id
    else
      search.left_out.people = search.left_out.people + 1
    end
  end
  return goals, further
end

--- From the one of ours to the person asked about.
local function way(search, goal)
  local hops = px.json.list {}
  local node, certain = search.reached[goal], true
  while node.from do
    local towards = search.reached[node.from]
    certain = certain and node.hop.certain
    hops[#hops + 1] = {
      from = { object = node.object, id = node.id }, to = { object = towards.object, id = towards.id },
      hop = node.hop,
    }
    node = towards
  end
  return { hops = hops, certain = certain, on = hops[1].hop.on }
end

local function better(a, b)
  if #a.hops ~= #b.hops then
    return #a.hops < #b.hops
  elseif a.certain ~= b.certain then
    return a.certain
  end
  local x, y = tostring(a.on or ""), tostring(b.on or "")
  if x ~= y then
    return x > y
  end
  return a.hops[1].from.id < b.hops[1].from.id
end

--- The shortest ways from people of ours to a person: { ways, ours, left_out }. Whoever is one of ours needs no way.
function M.find(person, limit)
  local today = px.date.today()
  local search = {
    reached = { [person] = { object = "person", id = person, level = 0 } }, names = {}, fresh = {}, level = 0,
    left_out = { people = 0, organisations = 0, large_organisations = 0 },
  }
  if with_us({ person }, today)[person] then
    return { ours = true, ways = px.json.list {}, left_out = search.left_out }
  end
  local ways, frontier = px.json.list {}, { person }
  for level = 1, MAX_HOPS do
    search.level, search.fresh = level, {}
    through_interactions(search, frontier)
    through_relationships(search, frontier)
    through_organisations(search, frontier)
    local goals, further = split(search, search.fresh, today)
    for _, goal in ipairs(goals) do
      ways[#ways + 1] = way(search, goal)
    end
    if #ways >= limit or #further == 0 then
      break
    end
    frontier = further
  end
  table.sort(ways, better)
  for i = #ways, limit + 1, -1 do
    ways[i] = nil
  end
  for _, found in ipairs(ways) do
    for _, step in ipairs(found.hops) do
      step.from.name = name_of(search, step.from.object, step.from.id)
      step.to.name = name_of(search, step.to.object, step.to.id)
    end
  end
  return { ours = false, ways = ways, left_out = search.left_out }
end

return M
