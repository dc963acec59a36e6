-- A made-up Greek trading company with clients and suppliers at home and abroad: its parties and three years of dealings that end on the
-- day it is made. Nothing is made twice, what is there is left alone, and what was begun goes on after a crash.
local dealings <const> = require "dealings"
local inside <const> = require "inside"
local keeping <const> = require "keeping"
local make <const> = require "make"
local parties <const> = require "parties"
local plan <const> = require "plan"

local LONG_AGO_DAYS <const> = 14

--- The day on which it was begun: dates are counted back from it.
local function last_day()
  local last = px.store.kv.get("last_day")
  if not last then
    last = px.date.format(px.date.today())
    px.store.kv.set("last_day", last)
  end
  return px.date.parse(last)
end

local function types_by_code()
  local types = {}
  for _, kind in ipairs(px.store.find("relationship_type", { fields = { "id", "code" }, limit = 100 })) do
    types[kind.code] = kind.id
  end
  return types
end

--- organisation (its number) → ids of the people in it.
local function people_by_organisation(count, organisations)
  local people, ids = {}, make.ids("person")
  for i = 1, count do
    local at = (i * 7) % organisations + 1
    people[at] = people[at] or {}
    table.insert(people[at], ids["person:" .. i])
  end
  return people
end

local function numbers_with(organisations, role)
  local numbers = {}
  for i = 1, organisations do
    if parties.has_role(i, role) then
      numbers[#numbers + 1] = i
    end
  end
  return numbers
end

local function make_parties(counts)
  parties.us()
  make.stage("organisations", counts.organisations, parties.organisation)
  local ids = make.ids("organisation")
  make.stage("people", counts.people, function(i)
    parties.person(i, counts.organisations, ids)
  end)
end

local function make_dealings(counts, last)
  make.stage("products", counts.products, dealings.product)
  local ids = { organisation = make.ids("organisation"), product = make.ids("product"), type = types_by_code(),
    pipeline_stage = px.store.find("pipeline_stage", { filter = { code = { "prefix", "sales." }, stage = "engaging" }, order = "place", limit = 20 }) }
  local bonds = dealings.bonds(counts.organisations)
  local people = people_by_organisation(counts.people, counts.organisations)
  local admin = px.store.first("user", { filter = { name = "admin" }, fields = { "id" } })
  make.stage("bonds", #bonds, function(i)
    dealings.bond(i, bonds[i], ids, last, admin and admin.id)
  end)
  make.stage("contacts", #bonds, function(i)
    dealings.contacts(bonds[i], ids, last, people)
  end)
  local buyers = numbers_with(counts.organisations, "client")
  make.stage("opportunities", counts.opportunities, function(i)
    dealings.opportunity(i, buyers, ids, last, counts.products)
  end)
end

local function make_keeping(counts, last)
  local ids = { organisation = make.ids("organisation"), bond = make.ids("relationship") }
  local bonds = dealings.bonds(counts.organisations)
  local admin = px.store.first("user", { filter = { name = "admin" }, fields = { "id" } })
  local function keeper(index)
    return dealings.is_kept(index) and admin and admin.id or nil
  end
  local questionnaire = keeping.questionnaire()
  make.stage("promises", #bonds, function(i)
    keeping.promises(i, bonds[i], ids, last, keeper)
  end)
  make.stage("answers", #bonds, function(i)
    keeping.answer(i, bonds[i], ids, last, questionnaire)
  end)
  make.stage("contracts", #bonds, function(i)
    keeping.contract(i, bonds[i], ids, last, keeper)
  end)
  keeping.service_level()
  make.stage("cases", #bonds, function(i)
    keeping.case(i, bonds[i], ids, last, keeper)
  end)
end

local function make_inside(counts, last)
  local ids, authorities = { organisation = make.ids("organisation") }, numbers_with(counts.organisations, "authority")
  make.stage("budgets", 4, function(i)
    inside.budget(i, ids, last)
  end)
  make.stage("deliveries", counts.organisations, function(i)
    inside.deliveries(i, ids, last)
  end)
  make.stage("duties", inside.DUTIES, function(i)
    inside.duty(i, authorities, ids, last)
  end)
  make.stage("trends", inside.TRENDS, function(i)
    inside.trend(i, last)
  end)
end

px.start(function()
  if px.store.kv.get("made") then
    return
  end
  local counts, last = plan.counts(px.config.get("parties")), last_day()
  px.log.info("making the demonstration company")
  make.stage("rates", inside.RATES, function(i)
    inside.rate(i, last)
  end)
  make_parties(counts)
  make_dealings(counts, last)
  make_keeping(counts, last)
  make_inside(counts, last)
  px.store.kv.set("made", true)
  px.log.info("the demonstration company is there", counts)
end)

-- The welcome calls of deals that were won long ago were made long ago.
px.on("task.created", function(event)
  local task = event.after
  local deal = task.opportunity and px.store.get("opportunity", task.opportunity)
  local ours = deal and deal.external_id and string.sub(deal.external_id, 1, #make.PREFIX) == make.PREFIX
  if ours and deal.closed_on and deal.closed_on < px.date.today() - (LONG_AGO_DAYS .. "d") then
    px.store.update("task", event.id, { state = "done" })
  end
end)
