-- The ledger of promises: each keeps one task while it is open, falls overdue on the day after, and is counted when it ends.
local today <const> = require("days").today

local BATCH <const> = 1000
local TASK_STATES <const> = {
  open = "open", overdue = "open", kept = "done", broken = "done", withdrawn = "dropped", renegotiated = "dropped",
}

local function is_open(promise)
  return promise.state == "open" or promise.state == "overdue"
end

px.before("promise.create", function(drafts)
  for _, draft in ipairs(drafts) do
    local relationship = draft.relationship and px.store.get("relationship", draft.relationship)
    if relationship and not draft.organisation and not draft.person then
      draft.organisation, draft.person = relationship.source, relationship.source_person
    end
  end
end)

-- Ours is to be done by its day; theirs is asked for on the day after.
local function keep_task(promise)
  local key = { origin = "promise:" .. promise.id }
  if not is_open(promise) and not px.store.first("task", { filter = key }) then
    return
  end
  local ours = promise.direction == "by_us"
  px.store.upsert("task", key, {
    title = px.i18n.t(ours and "promise.keep" or "promise.ask", { text = promise.text },
      { language = px.config.get("language") }),
    kind = "promise",
    state = TASK_STATES[promise.state],
    due = ours and promise.due or promise.due + "1d",
    owner = promise.owner,
    promise = promise.id,
    organisation = promise.organisation,
    person = promise.person,
    relationship = promise.relationship,
    value_at_stake = promise.value_at_stake,
  })
end

-- What the day and the state make of it; nil when it stands as it is.
local function changes(promise)
  if promise.state == "open" and promise.due < today() then
    return { state = "overdue" }
  elseif promise.state == "overdue" and promise.due >= today() then
    return { state = "open" }
  elseif is_open(promise) and promise.closed_on then
    return { closed_on = px.null }
  elseif not is_open(promise) and not promise.closed_on then
    return { closed_on = today() }
  end
end

local function settle(event)
  local promise = px.store.get("promise", event.id)
  if not promise then
    return
  end
  local fields = changes(promise)
  if fields then
    promise = px.store.update("promise", promise.id, fields)
  end
  keep_task(promise)
end

px.on("promise.updated", { key = "id" }, settle)

-- A promise in place of another ends the other: that is what renegotiating is.
px.on("promise.created", { key = "id" }, function(event)
  local old = event.after.replaces and px.store.get("promise", event.after.replaces)
  if old and is_open(old) then
    px.store.update("promise", old.id, { state = "renegotiated" })
  end
  settle(event)
end)

local function mark_overdue()
  local promises = px.store.find("promise", {
    filter = { state = "open", due = { "lt", today() } }, order = "due", limit = BATCH,
  })
  for _, promise in ipairs(promises) do
    px.store.update("promise", promise.id, { state = "overdue" })
  end
  if #promises == BATCH then
    px.bus.emit("relations.promises_remained", {}, { key = "promises" })
  end
end

px.schedule("overdue_promises", "5 0 * * *", { zone = "Europe/Athens", missed = "once" }, mark_overdue)
px.on("relations.promises_remained", { key = "key" }, mark_overdue)

-- GET /x/relations/promises/statistics?relationship=ID, organisation=ID or person=ID.
local SUBJECTS <const> = { "relationship", "organisation", "person" }

local function blank()
  return { open = 0, overdue = 0, kept = 0, kept_late = 0, broken = 0, withdrawn = 0, renegotiated = 0, kept_share = px.null }
end

local function statistics(filter)
  local sides = { by_us = blank(), to_us = blank() }
  local rows = px.store.aggregate("promise", {
    group = { "direction", "state", "late" }, measures = { n = true }, filter = filter,
  })
  for _, row in ipairs(rows) do
    local side = sides[row.direction]
    side[row.state] = side[row.state] + row.n
    if row.state == "kept" and row.late == true then
      side.kept_late = side.kept_late + row.n
    end
  end
  for _, side in pairs(sides) do
    local ended = side.kept + side.broken
    side.kept_share = ended > 0 and side.kept / ended or px.null
  end
  return sides
end

px.route("GET", "/promises/statistics", function(request)
  for _, object in ipairs(SUBJECTS) do
    local id = request.query[object]
    if id then
      if not px.store.get(object, id) then
        return px.http.problem(404, "not_found", "no such " .. object, { pointer = "/" .. object })
      end
      return { json = statistics { [object] = id } }
    end
  end
  return px.http.problem(400, "required", "say of whom: relationship=ID, organisation=ID or person=ID",
    { pointer = "/relationship" })
end)
