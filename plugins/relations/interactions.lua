-- An interaction belongs to many records; of each party the last one is kept, so that "silent for 90 days" is one look into an index.
local last_contact <const> = require "last_contact"
require "timeline"

local AFFILIATIONS_MAX <const> = 20

local function add_once(list, seen, id)
  if id and not seen[id] then
    seen[id] = true
    list[#list + 1] = id
  end
end

-- Who was spoken with speaks for where he works now, and a bond for its counterparty.
local function organisations_behind(draft)
  local list, seen = {}, {}
  for _, id in ipairs(draft.relationships or {}) do
    local relationship = px.store.get("relationship", id)
    add_once(list, seen, relationship and relationship.source)
  end
  for _, id in ipairs(draft.people or {}) do
    local places = px.store.find("affiliation", {
      filter = { person = id, ended_on = { "is", "null" } }, limit = AFFILIATIONS_MAX,
    })
    for _, affiliation in ipairs(places) do
      add_once(list, seen, affiliation.organisation)
    end
  end
  return list
end

local function refuse_future(status, at)
  if status == "held" and at and at > px.date.now() then
    px.refuse("at", "what is still to come is not held yet: say status = planned")
  end
end

px.before("interaction.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.at and not draft.status then
      draft.status = draft.at > px.date.now() and "planned" or "held"
    end
    if #(draft.organisations or {}) == 0 then
      draft.organisations = organisations_behind(draft)
    end
    refuse_future(draft.status, draft.at)
  end
end)

-- A draft of an update holds what changes.
px.before("interaction.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.status or draft.at then
      local old = px.store.get("interaction", draft.id) or {}
      refuse_future(draft.status or old.status, draft.at or old.at)
    end
  end
end)

px.on("interaction.created", function(event)
  last_contact.add(event.id, event.after)
end)

px.on("interaction.updated", function(event)
  last_contact.renew(event.before)
  last_contact.renew(event.after)
end)

px.on("interaction.deleted", function(event)
  last_contact.renew(event.before)
end)

for _, object in ipairs { "organisation", "person" } do
  for _, verb in ipairs { "deleted", "merged", "restored" } do
    px.on(object .. "." .. verb, function(event)
      last_contact.settle(object, event.id)
      for _, other in ipairs(event.data and event.data.merged or {}) do
        last_contact.settle(object, other)
      end
    end)
  end
end

-- GET /x/relations/last-contact?organisation=ID or ?person=ID: asked with the rights of who asks.
px.route("GET", "/last-contact", function(request)
  for object in pairs(last_contact.FIELDS) do
    local id = request.query[object]
    if id then
      if not px.store.get(object, id) then
        return px.http.problem(404, "not_found", "no such " .. object, { pointer = "/" .. object })
      end
      return { json = { [object] = id, last_contact = last_contact.of(object, id) or px.null } }
    end
  end
  return px.http.problem(400, "required", "say of whom: organisation=ID or person=ID", { pointer = "/organisation" })
end)
