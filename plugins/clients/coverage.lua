-- What a stakeholder map does not cover. Facts in, gaps and unknowns out: no store, no clock.
local M = {}

local DECIDES <const> = {
  primary_decision_maker = true, business_decision_maker = true, technical_decision_maker = true, executive_sponsor = true,
}

local function days_since(map, day)
  return day and px.date.diff(map.today, day)
end

--- Someone nobody may lose touch with: who decides, who champions us, who heads a department that matters.
local function must_be_met(map, member)
  return DECIDES[member.role] or member.champion or map.key_departments[member.department]
end

-- Without any contact on record we cannot tell neglect from a new entry, until the entry itself is old.
local function judge_contact(map, member, found)
  local days = days_since(map, member.last_contact)
  local silent = days or days_since(map, member.known_since)
  if must_be_met(map, member) and silent > map.contact_days then
    found.gap("no_contact", { stakeholder = member.id, who = member.name, role = member.role, department = member.department,
      days = days, last_contact = member.last_contact })
  elseif not days then
    found.unknown("contact", member)
  end
end

local function judge_member(map, member, found)
  judge_contact(map, member, found)
  if not member.attitude then
    found.unknown("attitude", member)
  end
  if member.champion and member.employed == false then
    found.gap("champion_left", { stakeholder = member.id, who = member.name, role = member.role })
  elseif member.champion and member.employed == nil then
    found.unknown("employment", member)
  end
end

local function count_threads(map)
  local count = 0
  for _, member in ipairs(map.members) do
    local days = days_since(map, member.last_contact)
    if days and days <= map.contact_days and member.employed ~= false then
      count = count + 1
    end
  end
  return count
end

--- map: today, members, required_roles, key_departments (a set), contact_days, threads.
function M.judge(map)
  local gaps, unknown, roles = {}, {}, {}
  local found = {
    gap = function(kind, facts)
      facts.kind = kind
      gaps[#gaps + 1] = facts
    end,
    unknown = function(what, member)
      unknown[#unknown + 1] = { what = what, stakeholder = member.id, who = member.name }
    end,
  }
  for _, member in ipairs(map.members) do
    roles[member.role] = true
    judge_member(map, member, found)
  end
  local threads = count_threads(map)
  if threads < map.threads then
    found.gap("single_threaded", { people = threads, wanted = map.threads, days = map.contact_days })
  end
  for _, role in ipairs(map.required_roles) do
    if not roles[role] then
      found.gap("role_missing", { role = role })
    end
  end
  return gaps, unknown
end

return M
