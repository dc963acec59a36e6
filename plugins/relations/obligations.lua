-- Obligations of contracts: a task for each, missed when its day has passed, and the next one of a row, once each.
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

local M = {}

local MISSED_AT_ONCE <const> = 1000
local TITLE_MAX <const> = 200

local function task_origin(id)
  return "contract_obligation:" .. id
end

-- What we owe is to be done; what they owe is to be looked after.
local function raise_task(obligation)
  local contract = px.store.get("contract", obligation.contract)
  if not contract then
    return
  end
  px.store.upsert("task", { origin = task_origin(obligation.id) }, {
    title = px.i18n.t(obligation.owed_by == "us" and "obligations_task_us" or "obligations_task_them",
      { title = px.text.sub(obligation.title, 1, TITLE_MAX) }, { language = px.config.get("language") }),
    kind = "obligation", due = obligation.due_on,
    owner = obligation.owner or contract.owner, organisation = contract.party, relationship = contract.relationship,
    contract = contract.id, obligation = obligation.id,
  })
end

local function finish_task(id, state)
  kept_task.close(task_origin(id), state)
end

local function raise_next(id, obligation)
  if not obligation.every_months then
    return
  end
  local first = obligation.first_due_on or obligation.due_on
  local times = obligation.occurrence or 1
  local due = first + ("P" .. obligation.every_months * times .. "M")
  local contract = px.store.get("contract", obligation.contract)
  local last = obligation.until_on
  if not contract or contract.stage == "ended" or contract.stage == "terminated" or last and due > last then
    return
  end
  px.store.upsert("contract_obligation", { origin = "contract_obligation:" .. id .. ":next" }, {
    title = obligation.title, contract = obligation.contract, owed_by = obligation.owed_by, clause = obligation.clause,
    owner = obligation.owner, due_on = due, every_months = obligation.every_months, until_on = last,
    first_due_on = first, occurrence = times + 1,
  })
end

px.on("contract_obligation.created", function(event)
  raise_task(px.store.get("contract_obligation", event.id) or event.after)
end)

px.on("contract_obligation.updated", function(event)
  local obligation = px.store.get("contract_obligation", event.id)
  if obligation and obligation.state == "open" and event.before.due_on ~= event.after.due_on then
    raise_task(obligation)
  end
end)

px.on("contract_obligation.state.done", function(event)
  finish_task(event.id, "done")
  raise_next(event.id, event.after)
end)

px.on("contract_obligation.state.waived", function(event)
  finish_task(event.id, "dropped")
  raise_next(event.id, event.after)
end)

-- The task of a missed one stays open: it is still owed.
px.on("contract_obligation.state.missed", function(event)
  raise_next(event.id, event.after)
end)

-- Called once a day.
function M.miss()
  local late = px.store.find("contract_obligation", {
    filter = { state = "open", due_on = { "lt", today() } }, order = "due_on", fields = { "id" }, limit = MISSED_AT_ONCE,
  })
  for _, obligation in ipairs(late) do
    px.store.update("contract_obligation", obligation.id, { state = "missed" })
  end
  if #late == MISSED_AT_ONCE then
    px.bus.emit("relations.obligations_swept")
  end
end

px.on("relations.obligations_swept", M.miss)

return M
