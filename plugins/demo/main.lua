-- A made-up Greek trading company with clients and suppliers at home and abroad: its parties and three years of dealings that end on the
-- day it is made. Nothing is made twice, what is there is left alone, and what was begun goes on after a crash.
local dealings <const> = require "dealings"
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

local function buyers_among(organisations)
  local buyers = {}
  for i = 1, organisations do
    if parties.has_role(i, "client") or parties.has_role(i, "prospect") then
      buyers[#buyers + 1] = i
    end
  end
  return buyers
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
  local ids = { organisation = make.ids("organisation"), product = make.ids("product"), type = types_by_code() }
  local bonds = dealings.bonds(counts.organisations)
  local people = people_by_organisation(counts.people, counts.organisations)
  local admin = px.store.first("user", { filter = { name = "admin" }, fields = { "id" } })
  make.stage("bonds", #bonds, function(i)
    dealings.bond(i, bonds[i], ids, last, admin and admin.id)
  end)
  make.stage("contacts", #bonds, function(i)
    dealings.contacts(bonds[i], ids, last, people)
  end)
  local buyers = buyers_among(counts.organisations)
  make.stage("opportunities", counts.opportunities, function(i)
    dealings.opportunity(i, buyers, ids, last, counts.products)
  end)
end

px.start(function()
  if px.store.kv.get("made") then
    return
  end
  local counts, last = plan.counts(px.config.get("parties")), last_day()
  px.log.info("making the demonstration company")
  make_parties(counts)
  make_dealings(counts, last)
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
