-- A made-up Greek trading company: some hundred parties and a year of dealings, the same at every start. Nothing is made twice:
-- each record has an external id of its own, and what is there is left alone.
local names <const> = require "names"

local ORGANISATIONS <const> = 120
local PEOPLE <const> = 220
local OPPORTUNITIES <const> = 260
local INTERACTIONS <const> = 400
local BATCH <const> = 40

-- Park–Miller: the demonstration must be the same everywhere.
local seed = 20201
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n + 1
end

local function pick(list)
  return list[random(#list)]
end

local made = {}

--- Makes a record unless one with this external id is there; remembers its id.
local function make(object, key, fields)
  local external_id = "demo:" .. key
  local found = px.store.first(object, { filter = { external_id = external_id } })
  if found then
    made[key] = found.id
    return
  end
  fields.external_id = external_id
  made[key] = px.store.create(object, fields).id
end

local function organisation(i)
  local trade = random(#names.trade)
  local roles = { { "client" }, { "prospect" }, { "supplier" }, { "partner" }, { "client", "supplier" }, { "competitor" }, { "authority" } }
  make("organisation", "organisation:" .. i, {
    name = names.trade[trade] .. " " .. pick(names.place) .. " " .. pick(names.form),
    roles = roles[random(#roles)],
    industry = names.industry[trade],
    location = pick(names.town),
    country = "GR",
    year_established = 1950 + random(70),
    employees = random(900),
  })
end

local function person(i)
  local given, family = pick(names.given), pick(names.family)
  make("person", "person:" .. i, {
    name = given .. " " .. family, given_name = given, family_name = family, language = "el",
    phone = string.format("+3021%08d", random(99999999)),
  })
  make("affiliation", "affiliation:" .. i, {
    person = made["person:" .. i], organisation = made["organisation:" .. random(ORGANISATIONS)],
    job_title = pick(names.title), started_on = string.format("20%02d-%02d-01", 10 + random(14), random(12)),
  })
end

local function product(i)
  make("product", "product:" .. i, {
    name = "Σειρά " .. i, series = pick { "Α", "Β", "Γ" }, price = px.money(random(900) * 1000, "EUR"),
  })
end

local function opportunity(i)
  local month, day = random(12), random(28)
  local value, last = random(400) * 25000, pick { "engaging", "engaging", "won", "won", "lost" }
  local organisation_id, product_id = made["organisation:" .. random(ORGANISATIONS)], made["product:" .. random(8)]
  local key = "opportunity:" .. i
  local found = px.store.first("opportunity", { filter = { external_id = "demo:" .. key } })
  if found then
    made[key] = found.id
    return
  end
  local id = px.store.create("opportunity", {
    external_id = "demo:" .. key, name = "Προσφορά " .. i, organisation = organisation_id, product = product_id,
    value = px.money(value, "EUR"), engaged_on = string.format("2026-%02d-%02d", month, day),
  }).id
  made[key] = id
  px.store.update("opportunity", id, { stage = "engaging" })
  if last ~= "engaging" then
    px.store.update("opportunity", id, { stage = last, closed_on = string.format("2026-%02d-28", math.min(12, month + 1)) })
  end
end

local function interaction(i)
  make("interaction", "interaction:" .. i, {
    kind = pick { "meeting", "call", "email", "visit", "note" },
    subject = pick(names.subject),
    at = string.format("2026-%02d-%02dT%02d:30:00Z", random(12), random(28), 6 + random(10)),
    people = { made["person:" .. random(PEOPLE)] },
    organisations = { made["organisation:" .. random(ORGANISATIONS)] },
  })
end

--- In batches, each of which commits as one.
local function make_all(count, one)
  for from = 1, count, BATCH do
    px.store.tx(function()
      for i = from, math.min(count, from + BATCH - 1) do
        one(i)
      end
    end)
  end
end

px.start(function()
  local last = px.store.first("interaction", { filter = { external_id = "demo:interaction:" .. INTERACTIONS } })
  if last then
    return
  end
  px.log.info("making the demonstration company")
  make_all(ORGANISATIONS, organisation)
  make_all(PEOPLE, person)
  make_all(8, product)
  make_all(OPPORTUNITIES, opportunity)
  make_all(INTERACTIONS, interaction)
  px.log.info("the demonstration company is there", { organisations = ORGANISATIONS, people = PEOPLE })
end)
