-- Whom something concerns: roles, units, teams and named people, as the active users that they are now.
local M = {}

local function add(found, ids)
  for _, id in ipairs(ids or {}) do
    found[id] = true
  end
end

--- Active users of an audience, each once, in the order of their ids.
function M.users(audience)
  local wanted = {}
  add(wanted, audience.people)
  for _, id in ipairs(audience.teams or {}) do
    local team = px.store.get("team", id)
    add(wanted, team and team.members)
    add(wanted, team and team.leader and { team.leader })
  end
  for _, id in ipairs(audience.units or {}) do
    local unit = px.store.get("organisation", id)
    add(wanted, unit and unit.staff)
    add(wanted, unit and unit.head and { unit.head })
  end
  for _, role in ipairs(audience.roles or {}) do
    for user in px.store.each("user", { filter = { roles = { has = role } }, fields = { "name" } }) do
      wanted[user.id] = true
    end
  end
  local users = {}
  for id in pairs(wanted) do
    local user = px.store.get("user", id)
    if user and user.state == "active" then
      users[#users + 1] = user
    end
  end
  table.sort(users, function(a, b) return a.id < b.id end)
  return users
end

function M.is_empty(audience)
  for _, name in ipairs { "roles", "units", "teams", "people" } do
    if audience[name] and audience[name] ~= px.null and #audience[name] > 0 then
      return false
    end
  end
  return true
end

--- Is this user away at this moment?
function M.away(user, now)
  return user.away_until ~= nil and user.away_until > now and (user.away_from == nil or user.away_from <= now)
end

return M
