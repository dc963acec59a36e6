-- Playbooks: something happens to a bond, steps follow one after the other for weeks, and later it is judged whether the bond was kept.
local body <const> = require "body"
local retention <const> = require "retention"
local today <const> = require("days").today

local PAGE <const> = 500
local SILENCE_DAYS <const> = 7 -- a silence is noticed within a week after it has become long enough
local STEP_DAYS <const> = 30   -- a step that nobody ends is left behind after so long

-- Once for each cause; and not again while it runs.
local function begin(playbook, bond, cause, reason)
  if bond.ended_on or px.store.first("playbook_run", {
    filter = { playbook = playbook.id, relationship = bond.id, state = { "in", { "running", "observed" } } },
  }) then
    return nil
  end
  local origin = playbook.id .. ":" .. bond.id .. ":" .. cause
  local run = px.store.first("playbook_run", { filter = { origin = origin } })
  return run or px.store.create("playbook_run", {
    playbook = playbook.id, relationship = bond.id, origin = origin, reason = reason, started_on = today(), owner = bond.owner,
  })
end

local function active(trigger)
  return px.store.find("playbook", { filter = { trigger = trigger, active = true }, limit = PAGE })
end

local function text(key, values)
  return px.i18n.t("playbooks_" .. key, values, { language = px.config.get("language") })
end

-- ---- what begins them ----

local function bonds_of(organisation)
  return px.store.find("relationship", {
    filter = { source = organisation, managed = true, ended_on = { "is", "null" } }, limit = PAGE,
  })
end

-- Who was never spoken with is unknown, not silent.
local function look_for_silence()
  for _, playbook in ipairs(active("no_contact")) do
    local until_ = px.date.now() - (playbook.threshold .. "d")
    local silent = px.store.find("last_contact", {
      filter = { at = { "between", { until_ - (SILENCE_DAYS .. "d"), until_ } }, organisation = { "is", "not_null" } },
      order = "at", limit = PAGE,
    })
    for _, last in ipairs(silent) do
      for _, bond in ipairs(bonds_of(last.organisation)) do
        begin(playbook, bond, last.interaction, text("no_contact", { days = playbook.threshold }))
      end
    end
  end
end

local function look_for_renewals()
  for _, playbook in ipairs(active("renewal_near")) do
    local contracts = px.store.find("contract", {
      filter = {
        last_notice_on = { "between", { today(), today() + (playbook.threshold .. "d") } },
        relationship = { "is", "not_null" }, stage = { "in", { "in_force", "renewed" } },
      },
      order = "last_notice_on", limit = PAGE, include = { "relationship" },
    })
    for _, contract in ipairs(contracts) do
      if contract.relationship then
        begin(playbook, contract.relationship, contract.id .. ":" .. tostring(contract.last_notice_on),
          text("renewal_near", { name = contract.name, day = tostring(contract.last_notice_on) }))
      end
    end
  end
end

px.schedule("playbooks", "30 5 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  look_for_silence()
  look_for_renewals()
end)

px.on("case.created", { name = "playbooks_of_complaint" }, function(event)
  local case = event.after
  if case.type ~= "complaint" then
    return
  end
  local bonds = case.relationship and { px.store.get("relationship", case.relationship) }
    or case.organisation and bonds_of(case.organisation) or {}
  for _, playbook in ipairs(active("complaint")) do
    for _, bond in ipairs(bonds) do
      begin(playbook, bond, event.id, text("complaint", { subject = case.subject }))
    end
  end
end)

local function look_at_health(event)
  local score = event.after
  if not retention.has_fallen(score, 1) then
    return
  end
  for _, playbook in ipairs(active("health_fall")) do
    local bond = retention.has_fallen(score, playbook.threshold) and px.store.get("relationship", score.relationship)
    if bond then
      begin(playbook, bond, "health:" .. tostring(score.computed_on), text("health_fall", { points = -score.change }))
    end
  end
end

-- Of a night in which every score is written only those that fell come here.
local FELL <const> = "after.change < 0"
px.on("health_score.created", { name = "playbooks_of_health", key = "after.relationship", filter = FELL }, look_at_health)
px.on("health_score.updated", { name = "playbooks_of_falling_health", key = "after.relationship", filter = FELL }, look_at_health)

-- POST /x/clients/playbooks/:id/start { relationship, reason? }
px.route("POST", "/playbooks/:id/start", function(request)
  local given = body.of(request)
  local playbook = px.store.get("playbook", request.params.id)
  local bond = body.record("relationship", given.relationship)
  if not playbook then
    return px.http.problem(404, "not_found", "there is no such playbook", { pointer = "/id" })
  elseif not bond then
    return px.http.problem(422, "required", "say for which bond: relationship", { pointer = "/relationship" })
  elseif bond.ended_on then
    return px.http.problem(422, "refused", "this bond has ended", { pointer = "/relationship" })
  end
  local run = px.store.tx(function()
    return begin(playbook, bond, "by hand:" .. tostring(px.date.now()), given.reason or text("manual"))
  end)
  if not run then
    return px.http.problem(409, "conflict", "this playbook runs for this bond already", { pointer = "/relationship" })
  end
  return { status = 201, json = run }
end)

-- ---- the run ----

px.on("playbook_run.created", { name = "playbook_begins" }, function(event)
  px.flows.start("playbook", { run = event.id }, { key = event.id })
end)

local function still_running(id)
  local run = px.store.get("playbook_run", id)
  local bond = run and px.store.get("relationship", run.relationship)
  return run and bond and not bond.ended_on and run.state == "running" and run or nil, bond
end

local function plan_of(id)
  local run = px.store.get("playbook_run", id)
  if not run then
    return { steps = {}, window_days = 1 }
  end
  local steps = {}
  for i, step in ipairs(px.store.find("playbook_step", { filter = { playbook = run.playbook }, order = "place", limit = 50 })) do
    steps[i] = { title = step.title, wait_days = step.wait_days, due_days = step.due_days,
      effort_hours = step.effort_hours and tostring(step.effort_hours) }
  end
  return { steps = steps, window_days = px.store.get("playbook", run.playbook).window_days }
end

local function open_task(id, place, step)
  local run, bond = still_running(id)
  if not run then
    return false
  end
  return px.store.upsert("task", { origin = "playbook:" .. id .. ":" .. place }, {
    title = step.title, description = run.reason, kind = "playbook", owner = bond.owner, playbook_run = id,
    due = today() + (step.due_days .. "d"), effort_hours = step.effort_hours and px.decimal(step.effort_hours),
    organisation = bond.source, person = bond.source_person, relationship = bond.id, value_at_stake = bond.value_at_stake,
  }).id
end

local function count_step(id, task)
  local done = px.store.get("task", task)
  local run = px.store.get("playbook_run", id)
  if run and done and done.state == "done" then
    px.store.update("playbook_run", id, { steps_done = run.steps_done + 1 })
  end
end

local function set_state(id, state)
  local run = still_running(id)
  if run then
    px.store.update("playbook_run", id, { state = state })
  end
end

local function judge(id)
  local run = px.store.get("playbook_run", id)
  if not run or run.state == "ended" or run.state == "stopped" then
    return
  end
  px.store.update("playbook_run", id, {
    state = "ended", judged_on = today(), outcome = retention.outcome(px.store.get("relationship", run.relationship)),
  })
end

px.flow("playbook", function(flow, input)
  local plan = flow:step("plan", function() return plan_of(input.run) end)
  for place, step in ipairs(plan.steps) do
    if step.wait_days > 0 then
      flow:sleep(step.wait_days .. "d")
    end
    local task = flow:step("open " .. place, function() return open_task(input.run, place, step) end)
    if not task then
      break
    end
    flow:any {
      done = function() return flow:wait("task.state.done", { key = task, timeout = STEP_DAYS .. "d" }) ~= nil end,
      dropped = function() return flow:wait("task.state.dropped", { key = task, timeout = STEP_DAYS .. "d" }) ~= nil end,
    }
    flow:step("count " .. place, function() count_step(input.run, task) end)
  end
  flow:step("observe", function() set_state(input.run, "observed") end)
  flow:sleep(plan.window_days .. "d")
  flow:step("judge", function() judge(input.run) end)
end)

-- A bond that is lost meanwhile is judged at once.
px.on("relationship.updated", { name = "playbooks_of_ended" }, function(event)
  if not event.after.ended_on or event.before.ended_on then
    return
  end
  for _, run in ipairs(px.store.find("playbook_run", {
    filter = { relationship = event.id, state = { "in", { "running", "observed" } } }, limit = PAGE,
  })) do
    judge(run.id)
  end
end)

-- GET /x/clients/reports/playbooks?from=&to=: bonds kept, by playbook, beside those that had none.
px.route("GET", "/reports/playbooks", function(request)
  local from = px.try(px.date.parse, request.query.from or tostring(today() - "365d"))
  local to = px.try(px.date.parse, request.query.to or tostring(today()))
  if not from or not to then
    return px.http.problem(400, "type", "from and to are days such as 2026-01-31", { pointer = from and "/to" or "/from" })
  end
  return { json = retention.report(from, to) }
end)
