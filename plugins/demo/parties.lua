-- Who there is: our company with its units, organisations at home and abroad, the people in them, and what binds them to us. A third of
-- those that supply us buy from us, too.
local chance <const> = require "chance"
local make <const> = require "make"
local names <const> = require "names"

local M = {}

M.US = "organisation:us"
local UNITS <const> = { { "sales", "Πωλήσεις" }, { "supply", "Προμήθειες" }, { "operations", "Λειτουργίες" }, { "finance", "Οικονομικά" } }

-- Of a hundred organisations in a row, so many are this.
local ROLES <const> = {
  { 40, { "client" } }, { 15, { "client", "supplier" } }, { 14, { "supplier" } }, { 5, { "service_provider" } }, { 5, { "partner" } },
  { 12, { "prospect" } }, { 4, { "competitor" } }, { 3, { "authority" } }, { 2, { "community" } },
}

--- What the i-th organisation is to us; the same mix at any size.
function M.roles_of(i)
  local place = (i * 37) % 100
  for _, entry in ipairs(ROLES) do
    if place < entry[1] then
      return entry[2]
    end
    place = place - entry[1]
  end
end

function M.has_role(i, role)
  for _, one in ipairs(M.roles_of(i)) do
    if one == role then
      return true
    end
  end
  return false
end

--- The words of whoever is abroad are English; a third are.
function M.words_of(i)
  return i % 3 == 0 and names.en or names.el
end

function M.us()
  if make.find("organisation", "organisation:us") then
    return
  end
  px.store.tx(function()
    local us = make.create("organisation", M.US, {
      name = "Πρόξενος Εμπορική ΑΕ", legal_name = "Πρόξενος Εμπορική Ανώνυμη Εταιρεία", roles = { "own_company" }, country = "GR", locality = "Αθήνα",
    })
    for _, unit in ipairs(UNITS) do
      make.create("organisation", "unit:" .. unit[1], { name = unit[2], roles = { "business_unit" }, parent = us, country = "GR" })
    end
  end)
end

local function name_of(i, roles, words, draw, trade)
  local place = words.place[draw.upto(#words.place)]
  if roles[1] == "authority" then
    return words.authority .. " " .. place
  end
  if roles[1] == "community" then
    return words.municipality .. " " .. place
  end
  return string.format("%s %s %s", words.trade[trade], place, draw.pick(words.form))
end

function M.organisation(i)
  local draw, words, roles = chance.stream("organisation:" .. i), M.words_of(i), M.roles_of(i)
  local trade = draw.upto(#names.industry)
  make.create("organisation", "organisation:" .. i, {
    name = name_of(i, roles, words, draw, trade), roles = roles, industry = names.industry[trade], locality = draw.pick(words.town),
    country = draw.pick(words.country), year_established = 1950 + draw.upto(70), employees = draw.upto(900),
  })
end

--- ids: key → id of the organisations.
function M.person(i, organisations, ids)
  local at = (i * 7) % organisations + 1
  local draw, words = chance.stream("person:" .. i), M.words_of(at)
  local given, family = draw.pick(words.given), draw.pick(words.family)
  local person = make.create("person", "person:" .. i, {
    name = given .. " " .. family, given_name = given, family_name = family, language = words.language,
    phone = words.language == "el" and string.format("+3021%08d", draw.upto(99999999)) or string.format("+4420%08d", draw.upto(99999999)),
    email = string.format("person%d@example.org", i),
  })
  make.create("affiliation", "affiliation:" .. i, {
    person = person, organisation = ids["organisation:" .. at], job_title = draw.pick(words.title), is_primary = true,
    started_on = string.format("20%02d-%02d-01", 10 + draw.upto(12), draw.upto(12)),
  })
end

return M
