-- Which template speaks to somebody: his language and audience first, then what is nearest; and the values it is merged with.
local merge <const> = require "merge"

local M = {}

local FALLBACK <const> = "en"
local GENERAL <const> = "general"

local function base(language)
  return language:match("^%a+"):lower()
end

--- Greater is nearer: language before audience, the fallback language before any other.
local function nearness(template, language, audience)
  local score = 0
  if template.language == language then
    score = 40
  elseif base(template.language) == base(language) then
    score = 30
  elseif base(template.language) == FALLBACK then
    score = 20
  end
  if template.audience == audience then
    return score + 2
  end
  return template.audience == GENERAL and score + 1 or score
end

--- The template of a key for a reader, and how it differs from what was wanted: { language?, audience? }; nil when there is none.
function M.choose(key, language, audience)
  local best, most = nil, -1
  local found = px.store.find("template", { filter = { key = key, active = true }, order = "language,audience", limit = 200 })
  for _, template in ipairs(found) do
    local score = nearness(template, language, audience)
    if score > most then
      best, most = template, score
    end
  end
  if not best then
    return nil
  end
  return best, {
    language = base(best.language) ~= base(language) and best.language or nil,
    audience = best.audience ~= audience and best.audience or nil,
  }
end

local function first_affiliation(person)
  return px.store.first("affiliation", {
    filter = { person = person, ended_on = { "is", "null" } }, order = "-is_primary,-started_on", include = { "organisation" },
  })
end

local function salutation(person, language)
  if not person then
    return px.i18n.t("letter.to_all", nil, { language = language })
  end
  return person.salutation or px.i18n.t("letter.to_one", { name = person.name }, { language = language })
end

--- The values for a person or an organisation, by a sender, in a language. What is not known is not there.
function M.values(person, organisation, sender, language)
  local place = person and first_affiliation(person.id)
  local firm = organisation or place and place.organisation
  local us = px.store.first("organisation", { filter = { roles = { "has", "own_company" } }, order = "created_at" })
  local party = person or organisation
  return {
    name = party and party.name, given_name = person and person.given_name, family_name = person and person.family_name,
    salutation = salutation(person, language), job_title = place and place.job_title, organisation = firm and firm.name,
    sender = sender and sender.name, our_company = us and us.name,
    today = px.date.format(px.date.today(px.config.get("zone")), "dd/mm/yyyy"),
  }
end

--- A template merged: { subject, body, missing } where missing are the fields without a value.
function M.write(template, values)
  local missing, names = {}, px.json.list {}
  local letter = {
    subject = template.subject and merge.fill(template.subject, values, missing),
    body = merge.fill(template.body, values, missing),
  }
  for name in pairs(missing) do
    names[#names + 1] = name
  end
  table.sort(names)
  letter.missing = names
  return letter
end

return M
