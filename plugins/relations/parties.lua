-- Parties and their bonds: the types that come with us, which bonds are ours to look after, one primary affiliation for each person.
local relationship_types <const> = require "relationship_types"
require "party_routes"

local OURS <const> = { "own_company", "business_unit" }
local SEEDED <const> = "relationship_types"
local LIST <const> = 1000 -- values that one filter takes

--- Each type is made once: what people rename stays renamed, what they delete stays away.
px.start(function()
  px.store.tx(function()
    local seeded = px.store.kv.get(SEEDED) or {}
    local fresh = false
    for _, kind in ipairs(relationship_types) do
      if not seeded[kind.code] then
        seeded[kind.code], fresh = true, true
        if not px.store.first("relationship_type", { filter = { code = kind.code } }) then
          kind.reverse_name, kind.reverse_name_el = kind.reverse_name or kind.name, kind.reverse_name_el or kind.name_el
          px.store.create("relationship_type", kind)
        end
      end
    end
    if fresh then
      px.store.kv.set(SEEDED, seeded)
    end
  end)
end)

--- Of these organisations, those that are we ourselves.
local function ours_among(ids)
  local ours = {}
  for from = 1, #ids, LIST do
    local some = table.move(ids, from, math.min(#ids, from + LIST - 1), 1, {})
    local filter = { id = { "in", some }, roles = { "any", OURS } }
    for _, organisation in ipairs(px.store.find("organisation", { filter = filter, fields = { "name" }, limit = LIST })) do
      ours[organisation.id] = true
    end
  end
  return ours
end

-- A bond to our own company or one of its units is one that we look after, unless its maker says otherwise.
px.before("relationship.create", function(drafts)
  local targets, asked = {}, {}
  for _, draft in ipairs(drafts) do
    if draft.managed == nil and draft.target and not asked[draft.target] then
      asked[draft.target] = true
      targets[#targets + 1] = draft.target
    end
  end
  local ours = ours_among(targets)
  for _, draft in ipairs(drafts) do
    if draft.managed == nil then
      draft.managed = ours[draft.target] or false
    end
  end
end)

-- Hooks do not see what plugins and automations write: their bonds are judged here.
px.on("relationship.created", function(event)
  if event.after.managed == nil then
    px.store.update("relationship", event.id, { managed = event.after.target and ours_among({ event.after.target })[event.after.target] or false })
  end
end)

--- The newest primary affiliation of a person is the only one.
local function keep_one_primary(event)
  local primary = event.after
  if not primary.is_primary then
    return
  end
  local others = { person = primary.person, is_primary = true, id = { "ne", event.id } }
  for other in px.store.each("affiliation", { filter = others }) do
    px.store.update("affiliation", other.id, { is_primary = false })
  end
end

px.on("affiliation.created", { key = "person" }, keep_one_primary)
px.on("affiliation.updated", { key = "person" }, keep_one_primary)

-- Who does not want to hear from us is not written to, whichever plugin wants to.

local CLOSED <const> = { "person", "organisation" }

local function is_closed(party, filter)
  filter.do_not_contact = true
  return px.store.first(party, { filter = filter }) ~= nil
end

px.before("mail.send", function(mails)
  for _, mail in ipairs(mails) do
    for _, party in ipairs(CLOSED) do
      if is_closed(party, { email = mail.to }) or mail.related and is_closed(party, { id = mail.related }) then
        px.refuse("to", "this " .. party .. " is marked as not to be contacted")
      end
    end
    if px.store.first("contact_point", { filter = { email = mail.to, opted_out = true } }) then
      px.refuse("to", "no mail is wanted at this address")
    end
  end
end)
