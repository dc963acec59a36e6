-- Health of bonds: kept up to date event by event, all of them at night in pages that go on where they stopped.
local rules <const> = require "health_formula"
local store <const> = require "health_store"
require "health_routes"
require "health_history"
require "health_command"
require "health_answers"

local PAGES_A_UNIT <const> = 3 -- of 1000 bonds: two writes each at most; a unit holds 64 MiB and 10,000 writes
local CHAIN <const> = 12       -- causes in a row; a delayed event begins a new chain, 16 would be too long
local RUN <const> = "health_run"

-- ---- the formula ----

-- A formula that was in use stays what it was: scores name its version.
local function check_factors(draft)
  local place, sentence = rules.fault(draft.factors)
  if place then
    px.refuse("factors" .. place, sentence)
  end
end

px.before("health_formula.create", function(drafts)
  for _, draft in ipairs(drafts) do
    check_factors(draft)
  end
end)

px.before("health_formula.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local old = draft.factors ~= nil and px.store.get("health_formula", draft.id)
    if old and old.state ~= "draft" then
      px.refuse("factors", "a formula that was in use does not change; make a new one with the next number")
    elseif old then
      check_factors(draft)
    end
  end
end)

-- ---- scores are computed, never written by hand ----

for _, object in ipairs { "health_score", "health_point" } do
  for _, verb in ipairs { "create", "update" } do
    px.before(object .. "." .. verb, function()
      px.refuse("score", "health is computed; tell what you know as a health_signal")
    end)
  end
end

-- ---- one bond, at one event ----

local function joined(event, field)
  local list, seen = {}, {}
  for _, side in ipairs { event.before or {}, event.after or {} } do
    for _, id in ipairs(side[field] or {}) do
      if not seen[id] then
        seen[id] = true
        list[#list + 1] = id
      end
    end
  end
  return list
end

for _, verb in ipairs { "created", "updated", "deleted" } do
  px.on("interaction." .. verb, function(event)
    store.renew(store.bonds_with(joined(event, "organisations"), joined(event, "people")))
  end)

  px.on("health_signal." .. verb, { key = "relationship" }, function(event)
    store.renew { (event.after or event.before).relationship }
  end)

  px.on("promise." .. verb, function(event)
    local promise = event.after or event.before
    if promise.relationship then
      store.renew { promise.relationship }
    else
      store.renew(store.bonds_with({ promise.organisation }, { promise.person }))
    end
  end)
end

local SEEN <const> = { "managed", "source", "source_person", "ended_on" }

local function concerns(before, after)
  for _, field in ipairs(SEEN) do
    if before[field] ~= after[field] then
      return true
    end
  end
  return false
end

px.on("relationship.created", function(event)
  if event.after.managed then
    store.renew { event.id }
  end
end)

px.on("relationship.updated", function(event)
  if concerns(event.before, event.after) then
    store.renew { event.id }
  end
end)

-- ---- all of them, in pages ----

local function begin(week)
  local run = { id = px.crypto.uuid(), bonds = 0, written = 0, started_at = tostring(px.date.now()), week = week and tostring(week) }
  px.store.kv.set(RUN, run)
  px.bus.emit("relations.health_pages_due", { run = run.id, hop = 1 })
  return run
end

-- What is read first and what is written then; a crash or a conflict makes the unit again, the cursor moves with it.
px.on("relations.health_pages_due", function(event)
  local run, formula = px.store.kv.get(RUN), store.formula()
  if not run or run.id ~= event.data.run or not formula then
    return -- another run began meanwhile
  end
  local today, after, writes = store.today(), event.data.after, {}
  for _ = 1, PAGES_A_UNIT do
    local bonds
    bonds, after = store.page(today, after)
    table.move(store.prepare(formula, bonds, { week = run.week }), 1, store.PAGE * 2, #writes + 1, writes)
    run.bonds = run.bonds + #bonds
    if not after then
      break
    end
  end
  run.written = run.written + store.write(writes)
  if after then
    px.bus.emit("relations.health_pages_due", { run = run.id, after = after, hop = event.data.hop + 1 },
      event.data.hop % CHAIN == 0 and { delay = "1s" } or nil)
  else
    run.ended_at = tostring(px.date.now())
  end
  px.store.kv.set(RUN, run)
end)

-- The first run of a week also keeps its points.
px.schedule("health_nightly", "40 2 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local week = store.monday(store.today())
  local last = px.store.kv.get("health_week")
  px.store.kv.set("health_week", tostring(week))
  begin(last ~= tostring(week) and week or nil)
end)

px.on("health_formula.state.active", function(event)
  for formula in px.store.each("health_formula", { filter = { state = "active", id = { "ne", event.id } } }) do
    px.store.update("health_formula", formula.id, { state = "retired" })
  end
  begin()
end)

-- POST /x/relations/health/recompute: { week = true } keeps this week's points, too
px.route("POST", "/health/recompute", { role = "admin" }, function(request)
  local run
  px.store.tx(function()
    run = begin(request.json and request.json.week and store.monday(store.today()) or nil)
  end)
  return { status = 202, json = run }
end)

px.route("GET", "/health/run", function()
  return { json = px.store.kv.get(RUN) or px.null }
end)

-- ---- what comes with the program ----

px.start(function()
  if px.store.first("health_formula") then
    return
  end
  px.store.tx(function()
    local formula = px.store.create("health_formula", {
      name = "Standard", number = 1, minimum_coverage = 30, factors = rules.DEFAULT,
      description = px.i18n.t("health.default_formula", {}, { language = "en" }),
    })
    px.store.update("health_formula", formula.id, { state = "active" })
  end)
end)
