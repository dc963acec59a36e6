-- Health of bonds: kept up to date event by event, all of them at night in pages that go on where they stopped.
local body <const> = require "body"
local rules <const> = require "health_formula"
local store <const> = require "health_store"
require "health_routes"
require "health_history"
require "health_command"
require "health_answers"

local PAGES_A_UNIT <const> = 2 -- of 1000 bonds, two writes each at most; a unit holds 64 MiB and 10,000 writes
local LANES <const> = 4        -- one lane's unit is written while the next one's is computed
local CHAIN <const> = 13       -- causes in a row; a delayed event begins a new chain, 16 would be too long
local RUN <const>, LANE <const> = "health_run", "health_lane_"

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

-- ---- all of them, in lanes of pages ----

-- An event of its own for each, so that their units come in batches of their own and do not fill one another's room.
local function due_of(lane)
  return "relations.health_lane" .. lane .. "_due"
end

local function begin(week)
  local run = { id = px.crypto.uuid(), bonds = 0, written = 0, started_at = tostring(px.date.now()), week = week and tostring(week) }
  px.store.kv.set(RUN, run)
  px.bus.emit("relations.health_run_begun", { run = run.id })
  return run
end

-- The ids at which the bonds fall apart into lanes, as equal as whole pages allow.
px.on("relations.health_run_begun", function(event)
  local run = px.store.kv.get(RUN)
  if not run or run.id ~= event.data.run then
    return -- another run began meanwhile
  end
  local ends = store.page_ends(store.today())
  local after
  run.lanes = math.min(LANES, #ends)
  for lane = 1, run.lanes do
    local till = ends[lane * #ends // run.lanes]
    px.bus.emit(due_of(lane), { run = run.id, lane = lane, after = after, till = till, hop = 1 })
    after = till
  end
  run.ended_at = run.lanes == 0 and tostring(px.date.now()) or nil
  px.store.kv.set(RUN, run)
end)

-- What is read first and what is written then; a crash or a conflict makes the unit again, the place moves with it.
local function do_pages(event)
  local due, run, formula = event.data, px.store.kv.get(RUN), store.formula()
  if not run or run.id ~= due.run or not formula then
    return
  end
  local today, after, writes = store.today(), due.after, {}
  local part = due.hop > 1 and px.store.kv.get(LANE .. due.lane) or { run = run.id, bonds = 0, written = 0 }
  for _ = 1, PAGES_A_UNIT do
    local bonds = store.page(today, after, due.till)
    table.move(store.prepare(formula, bonds, { week = run.week }), 1, store.PAGE * 2, #writes + 1, writes)
    part.bonds = part.bonds + #bonds
    after = #bonds == store.PAGE and bonds[#bonds].id or nil
    if not after then
      break
    end
  end
  part.written = part.written + store.write(writes)
  if after then
    px.bus.emit(due_of(due.lane), { run = run.id, lane = due.lane, after = after, till = due.till, hop = due.hop + 1 },
      due.hop % CHAIN == 0 and { delay = "1s" } or nil)
  else
    part.ended_at = tostring(px.date.now())
  end
  px.store.kv.set(LANE .. due.lane, part)
end

for lane = 1, LANES do
  px.on(due_of(lane), do_pages)
end

--- The run with what its lanes have done so far.
local function progress()
  local run = px.store.kv.get(RUN)
  if not run then
    return nil
  end
  local ended, unended = run.ended_at, false
  for lane = 1, run.lanes or 0 do
    local part = px.store.kv.get(LANE .. lane)
    local known = part and part.run == run.id
    run.bonds, run.written = run.bonds + (known and part.bonds or 0), run.written + (known and part.written or 0)
    if not known or not part.ended_at then
      unended = true
    elseif not ended or part.ended_at > ended then
      ended = part.ended_at
    end
  end
  run.ended_at = not unended and ended or nil
  return run
end

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
    run = begin(body.of(request).week and store.monday(store.today()) or nil)
  end)
  return { status = 202, json = run }
end)

px.route("GET", "/health/run", function()
  return { json = progress() or px.null }
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
