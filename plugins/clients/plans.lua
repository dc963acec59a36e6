-- T2: readings become the measure's actual value; the next review is a task; one question shows the whole plan.
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

local LIST_MAX <const> = 200

-- ---- reviews ----

local function review_origin(plan)
  return "account_plan:" .. plan .. ":review"
end

local function close_review(plan, state)
  kept_task.close(review_origin(plan), state)
end

px.on("account_plan.*", { name = "plan_reviews" }, function(event)
  local plan = event.after
  if not plan then
    return
  end
  if plan.state ~= "active" or not plan.review_on then
    close_review(event.id, "dropped")
    return
  end
  px.store.upsert("task", { origin = review_origin(event.id) }, {
    title = px.i18n.t("task_plan_review", { name = plan.name }, { language = px.config.get("language") }), state = "open", due = plan.review_on,
    owner = plan.owner, organisation = plan.organisation, account_plan = event.id,
  })
end)

px.before("account_plan.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.state == "active" then
      local plan = px.store.get("account_plan", draft.id)
      local review_on = draft.review_on or plan and plan.review_on
      if not review_on or review_on == px.null then
        px.refuse("review_on", "a plan in force is looked at again: give the day of its next review")
      end
    end
  end
end)

px.before("plan_review.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.held_on and draft.held_on > today() then
      px.refuse("held_on", "a review is written down when it has been held")
    end
  end
end)

px.on("plan_review.created", { key = "account_plan", name = "plan_reviewed" }, function(event)
  local review = event.after
  close_review(review.account_plan, "done")
  if px.store.get("account_plan", review.account_plan) then
    px.store.update("account_plan", review.account_plan, { review_on = review.next_on or px.null })
  end
end)

-- ---- measures ----

px.on("measure_reading.*", { key = "measure", name = "measure_actual" }, function(event)
  local reading = event.after or event.before
  local measure = px.store.get("plan_measure", reading.measure)
  if not measure then
    return
  end
  local newest = px.store.first("measure_reading", { filter = { measure = measure.id }, order = "-read_on" })
  px.store.update("plan_measure", measure.id, { actual = newest and newest.value or px.null,
    measured_on = newest and newest.read_on or px.null })
end)

local function actual_follows_readings(drafts)
  for _, draft in ipairs(drafts) do
    for _, field in ipairs { "actual", "measured_on" } do
      local value = draft[field]
      if value ~= nil and value ~= px.null then
        local kept = px.store.get("plan_measure", draft.id)
        if not kept or kept[field] ~= value then
          px.refuse(field, "an actual value follows from readings: add a record to measure_readings instead")
        end
      end
    end
  end
end

px.before("plan_measure.create", actual_follows_readings)
px.before("plan_measure.update", actual_follows_readings)

px.before("measure_reading.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.read_on and draft.read_on > today() then
      px.refuse("read_on", "a reading is of today or before")
    end
  end
end)

--- In per cent of the way from the start to the target; nil while nothing was measured.
local function progress_of(measure)
  local baseline = measure.baseline or px.decimal(0)
  if not measure.actual or measure.target == baseline then
    return nil
  end
  return tonumber(tostring(px.decimal.div((measure.actual - baseline) * 100, measure.target - baseline, 1)))
end

-- ---- the whole plan ----

local function measures_of(objective, counts)
  local rows = {}
  for i, measure in ipairs(px.store.find("plan_measure", { filter = { objective = objective }, order = "id", limit = LIST_MAX })) do
    local progress = progress_of(measure)
    if not measure.actual then
      counts.unknown = counts.unknown + 1
    end
    rows[i] = { id = measure.id, name = measure.name, unit = measure.unit, baseline = measure.baseline, target = measure.target,
      actual = measure.actual, measured_on = measure.measured_on, progress = progress }
  end
  return px.json.list(rows)
end

local function actions_of(filter, counts)
  local rows = {}
  for i, task in ipairs(px.store.find("task", { filter = filter, order = "due", limit = LIST_MAX })) do
    local overdue = task.state == "open" and task.due ~= nil and task.due < today()
    counts.overdue = counts.overdue + (overdue and 1 or 0)
    rows[i] = { id = task.id, title = task.title, state = task.state, due = task.due, owner = task.owner, overdue = overdue }
  end
  return px.json.list(rows)
end

-- GET /x/clients/account-plans/:id
px.route("GET", "/account-plans/:id", function(request)
  local plan = px.store.get("account_plan", request.params.id)
  if not plan then
    return px.http.problem(404, "not_found", "no account plan with this id that you may read")
  end
  local counts, objectives = { overdue = 0, unknown = 0 }, {}
  for i, objective in ipairs(px.store.find("plan_objective", { filter = { account_plan = plan.id }, order = "id", limit = LIST_MAX })) do
    objectives[i] = { id = objective.id, name = objective.name, state = objective.state, due = objective.due,
      needs = objective.needs, stakeholders = objective.stakeholders,
      actions = actions_of({ objective = objective.id }, counts), measures = measures_of(objective.id, counts) }
  end
  return { json = {
    id = plan.id, name = plan.name, organisation = plan.organisation, state = plan.state, strategy = plan.strategy,
    starts_on = plan.starts_on, ends_on = plan.ends_on, review_on = plan.review_on,
    review_overdue = plan.review_on ~= nil and plan.review_on < today(),
    objectives = px.json.list(objectives),
    other_actions = actions_of({ account_plan = plan.id, objective = { "is", "null" } }, counts),
    overdue_actions = counts.overdue, measures_unknown = counts.unknown,
  } }
end)
