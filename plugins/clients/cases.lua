-- Cases (C3): their numbers, clocks, breaches on the moment, and the task that brings them into the queue.

local clocks <const> = require "case_clocks"
local numbers <const> = require "numbers"
local signals <const> = require "signals"

-- What only the clocks write. Hooks see what people and imports send, never what stands below.
local KEPT <const> = {
  "number", "policy", "response_by", "response_clock", "first_response_at", "response_state", "resolve_by", "resolution_clock",
  "resolved_at", "resolution_state", "waited_minutes", "waiting_since", "closed_at", "times_reopened", "escalation_level",
}

local function refuse_kept(drafts)
  for _, draft in ipairs(drafts) do
    for _, field in ipairs(KEPT) do
      local said = draft[field]
      if said ~= nil and said ~= px.null and said ~= 0 then
        px.refuse(field, "is kept by the case's clocks: change status, priority or service level instead")
      end
    end
    if draft.reported_at and draft.reported_at ~= px.null and px.date.diff(draft.reported_at, px.date.now(), "seconds") > 60 then
      px.refuse("reported_at", "a case was reported in the past")
    end
  end
end

px.before("case.create", refuse_kept)
px.before("case.update", refuse_kept)

local function where()
  return { zone = px.config.get("zone"), calendar = px.config.get("calendar") }
end

local function merge(into, changes)
  for field, value in pairs(changes) do
    into[field] = value
  end
end

local function policy_of(case)
  local filter = { active = true, ["or"] = { { organisation = case.organisation }, { organisation = { "is", "null" } } } }
  return clocks.choose(px.store.find("sla_policy", { filter = filter, limit = 1000 }), case)
end

-- A deadline is an event of the store that comes at its time, also after a restart.
local function await(case, name)
  local fields = clocks.fields[name]
  if case[fields.state] == "running" then
    local left = px.date.diff(case[fields.by], px.date.now(), "seconds")
    px.bus.emit("clients.case_time_ended", { case = case.id, clock = name, due = px.date.format(case[fields.by]) },
      { key = case.id, delay = left >= 1 and left .. "s" or nil })
  end
end

local function due_day(case)
  local at
  for _, name in ipairs(clocks.names) do
    local by = case[clocks.fields[name].by]
    if by and case[clocks.fields[name].state] == "running" and (not at or px.date.diff(by, at, "seconds") < 0) then
      at = by
    end
  end
  at = at or case.resolve_by
  if not at or case.status == "waiting" then
    return px.null
  end
  local day = px.date.zone(at, px.config.get("zone"))
  return px.date.parse(string.format("%04d-%02d-%02d", day.year, day.month, day.day))
end

-- One task per case, in its owner's queue for as long as the case is open.
local function keep_task(case)
  local origin = "case:" .. case.id
  local task = px.store.first("task", { filter = { origin = origin } })
  if not clocks.is_open(case.status) then
    if task and task.state == "open" then
      px.store.update("task", task.id, { state = "done" })
    end
    return
  end
  px.store.upsert("task", { origin = origin }, {
    title = px.i18n.t("case_task", { number = case.number or "", subject = px.text.sub(case.subject, 1, 240) },
      { language = px.config.get("language") }),
    kind = "case",
    case = case.id, organisation = case.organisation, relationship = case.relationship, owner = case.owner, due = due_day(case),
    state = "open",
  })
end

-- What the times say of the bond: nothing while neither is decided.
local function tell_health(case, at)
  local kept, decided = 0, 0
  for _, name in ipairs(clocks.names) do
    local state = case[clocks.fields[name].state]
    decided = decided + ((state == "met" or state == "breached") and 1 or 0)
    kept = kept + (state == "met" and 1 or 0)
  end
  if decided > 0 then
    signals.tell("case", case, "cases", tostring(kept / decided), at)
  end
end

local function write(case, changes, at)
  local after = next(changes) and px.store.update("case", case.id, changes) or case
  for _, name in ipairs(clocks.names) do
    local by = clocks.fields[name].by
    if changes[by] then
      await(after, name)
    end
  end
  keep_task(after)
  if changes.resolution_state == "met" or changes.resolution_state == "breached" then
    tell_health(after, at)
  end
end

local function start_clocks(case, from, changes)
  local policy = policy_of(case)
  changes.policy = policy and policy.id or px.null
  for _, name in ipairs(clocks.names) do
    merge(changes, clocks.start(case, policy, name, from, where()))
  end
end

local function on_created(case, event)
  local changes = { number = case.number or numbers.take("CASE", "C-") }
  changes.reported_at = case.reported_at or event.at
  -- One that was imported closed says nothing of its times: they stay unknown.
  if clocks.is_open(case.status) then
    start_clocks(case, changes.reported_at, changes)
  end
  write(case, changes, event.at)
end

local MOVES <const> = {}

function MOVES.waiting(case, at, changes)
  changes.waiting_since = at
  for _, name in ipairs(clocks.names) do
    merge(changes, clocks.pause(case, name, at, "waiting"))
  end
end

function MOVES.resolved(case, at, changes)
  changes.resolved_at = at
  merge(changes, clocks.pause(case, "response", at, "resolved"))
  merge(changes, clocks.pause(case, "resolution", at, "resolved"))
  local clock = changes.resolution_clock or case.resolution_clock
  if clock and case.resolution_state ~= "breached" then
    changes.resolution_state = clocks.judge(clock, at)
  end
end

function MOVES.closed(_, at, changes)
  changes.closed_at = at
end

function MOVES.reopened(case, at, changes)
  changes.times_reopened = case.times_reopened + 1
  changes.resolved_at, changes.closed_at = px.null, px.null
  case.resolved_at = nil
  for _, name in ipairs(clocks.names) do
    merge(changes, clocks.resume(case, name, at))
  end
end

local function leave_waiting(case, at, changes)
  if case.waiting_since then
    changes.waited_minutes = case.waited_minutes + math.max(0, px.date.diff(at, case.waiting_since, "minutes"))
    changes.waiting_since = px.null
  end
  for _, name in ipairs(clocks.names) do
    merge(changes, clocks.resume(case, name, at))
  end
  merge(case, changes)
end

local function on_status(case, from, to, at, changes)
  if from == "waiting" then
    leave_waiting(case, at, changes)
  end
  if MOVES[to] then
    MOVES[to](case, at, changes)
  end
end

local function differs(event, names)
  for _, name in ipairs(names) do
    if event.before[name] ~= event.after[name] then
      return true
    end
  end
  return false
end

px.on("case.*", { key = "id", name = "case_clocks" }, function(event)
  local case = event.after and px.store.get("case", event.id)
  if not case then
    return
  elseif not event.before then
    return on_created(case, event)
  end
  local changes = {}
  local moved = event.before.status ~= event.after.status
  if moved then
    on_status(case, event.before.status, event.after.status, event.at, changes)
  end
  if differs(event, { "priority", "organisation", "contract", "kind" }) and clocks.is_open(case.status) then
    merge(case, changes)
    start_clocks(case, case.reported_at, changes)
  end
  if next(changes) or moved or differs(event, { "owner", "subject", "relationship" }) then
    write(case, changes, event.at)
  end
end)

-- ---- the moment itself ----

local function escalate(case, step)
  local word = { number = case.number, level = step.level, subject = px.text.sub(case.subject, 1, 200) }
  px.store.upsert("task", { origin = "case:" .. case.id .. ":" .. step.clock .. ":" .. step.level }, {
    title = px.i18n.t("case_escalated_" .. step.clock, word, { language = px.config.get("language") }), kind = "escalation",
    owner = step.escalate_to or case.owner, case = case.id, organisation = case.organisation, relationship = case.relationship,
    due = px.date.today(px.config.get("zone")),
  })
  if step.level > case.escalation_level then
    px.store.update("case", case.id, { escalation_level = step.level })
  end
  px.bus.emit("clients.case_escalated", { case = case.id, clock = step.clock, level = step.level }, { key = case.id })
end

local function await_steps(case, name, due)
  local policy = case.policy and px.store.get("sla_policy", case.policy)
  local rule = policy and clocks.rule(policy, name, where())
  if not rule then
    return
  end
  for step in px.store.each("escalation_step", { filter = { policy = policy.id, clock = name }, order = "level" }) do
    local at = due
    if step.after_minutes > 0 then
      at = px.clock.deadline(due, { count = step.after_minutes, unit = "minutes", calendar = rule.calendar, zone = rule.zone,
        hours = { policy.opens, policy.closes } }).due
    end
    local left = px.date.diff(at, px.date.now(), "seconds")
    px.bus.emit("clients.case_escalation_reached", { case = case.id, step = step.id },
      { key = case.id, delay = left >= 1 and left .. "s" or nil })
  end
end

-- A deadline that was moved meanwhile has an event of its own: this one is then no longer meant.
px.on("clients.case_time_ended", { key = "data.case" }, function(event)
  local case = px.store.get("case", event.data.case)
  local fields = clocks.fields[event.data.clock]
  if not case or case[fields.state] ~= "running" or px.date.format(case[fields.by]) ~= event.data.due then
    return
  elseif px.date.diff(case[fields.by], px.date.now(), "seconds") > 0 then
    return await(case, event.data.clock)
  end
  local after = px.store.update("case", case.id, { [fields.state] = "breached" })
  tell_health(after, px.date.now())
  px.bus.emit("clients.case_breached", { case = case.id, clock = event.data.clock, due = event.data.due }, { key = case.id })
  await_steps(after, event.data.clock, after[fields.by])
end)

px.on("clients.case_escalation_reached", { key = "data.case" }, function(event)
  local case = px.store.get("case", event.data.case)
  local step = px.store.get("escalation_step", event.data.step)
  if case and step and not case[clocks.fields[step.clock].done] then
    escalate(case, step)
  end
end)

-- ---- the first answer ----

local SILENT <const> = { note = true }
local NOT_OURS <const> = { inbound = true, internal = true }

-- Something that reached the client: not a note, not what came in, not what is only planned.
local function is_response(contact, at)
  return not SILENT[contact.kind] and not NOT_OURS[contact.direction or ""] and (contact.status or "held") == "held"
    and px.date.diff(contact.at, at, "seconds") <= 0
end

-- The time of the contact counts, not when it was written down: who notes a call in the evening has still called in time.
px.on("interaction.*", { key = "id", name = "case_first_response" }, function(event)
  local contact = event.after
  if not contact or not is_response(contact, event.at) then
    return
  end
  for _, id in ipairs(contact.cases or {}) do
    local case = px.store.get("case", id)
    local known = case and case.first_response_at
    local early = case and case.reported_at and px.date.diff(contact.at, case.reported_at, "seconds") < 0
    if case and not early and (not known or px.date.diff(contact.at, known, "seconds") < 0) then
      local changes = { first_response_at = contact.at }
      changes.response_state = case.response_clock and clocks.judge(case.response_clock, contact.at) or nil
      keep_task(px.store.update("case", id, changes))
    end
  end
end)
