-- Services for clients (C7): what is used of an entitlement, the next visit of a plan, the places of a course.
local body <const> = require "body"
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

-- ---- entitlements ----

local function months_between(from, to)
  local months = (to.year - from.year) * 12 + to.month - from.month
  return px.date.diff(from + ("P" .. months .. "M"), to) > 0 and months - 1 or months
end

-- The period of an entitlement on a day: counted from its first day, so that it does not drift over short months.
local function period_on(entitlement, day)
  local n = months_between(entitlement.starts_on, day) // entitlement.period_months
  local starts = entitlement.starts_on + ("P" .. n * entitlement.period_months .. "M")
  local ends = entitlement.starts_on + ("P" .. (n + 1) * entitlement.period_months .. "M") + "-1d"
  if entitlement.ends_on and entitlement.ends_on < ends then
    ends = entitlement.ends_on
  end
  return { starts_on = starts, ends_on = ends }
end

local function covers(entitlement, day)
  return entitlement.starts_on <= day and (not entitlement.ends_on or day <= entitlement.ends_on)
end

local function day_of(said, name)
  if said == nil then
    return today()
  end
  local day = px.try(px.date.parse, tostring(said))
  if not day or #tostring(said) ~= 10 then
    px.refuse(name, "a day such as 2026-01-31")
  end
  return day
end

local function not_found(what)
  return px.http.problem(404, "not_found", "there is no such " .. what)
end

local function use(entitlement, day, said)
  local period = period_on(entitlement, day)
  local key = { entitlement = entitlement.id, starts_on = period.starts_on }
  local kept = px.store.first("entitlement_period", { filter = key })
  kept = kept or px.store.create("entitlement_period", { entitlement = entitlement.id, starts_on = period.starts_on,
    ends_on = period.ends_on, quantity = entitlement.quantity })
  local after = px.store.update("entitlement_period", kept.id, { used = kept.used + said.quantity })
  px.store.create("service_use", { period = after.id, used_on = day, quantity = said.quantity, case = said.case, note = said.note })
  return { period = after.id, starts_on = period.starts_on, ends_on = period.ends_on, quantity = after.quantity, used = after.used,
    left = after.quantity - after.used, unit = entitlement.unit }
end

-- POST /x/clients/entitlements/:id/use { quantity, used_on, case, note }. Two at once cannot both take the last one: the period
-- is one record, and the second comes again.
px.route("POST", "/entitlements/:id/use", function(request)
  local said = body.of(request)
  local entitlement = px.store.get("entitlement", request.params.id)
  if not entitlement then
    return not_found("entitlement")
  elseif math.type(said.quantity) ~= "integer" or said.quantity < 1 then
    px.refuse("quantity", "a whole number, 1 or more")
  end
  local day = day_of(said.used_on, "used_on")
  if not covers(entitlement, day) then
    px.refuse("used_on", "the entitlement does not cover this day")
  end
  return px.http.json(px.store.tx(function()
    return use(entitlement, day, said)
  end), { status = 201 })
end)

local function refuse_by_hand(drafts)
  if #drafts > 0 then
    px.refuse("used", "uses are counted by POST /x/clients/entitlements/{id}/use")
  end
end

for _, object in ipairs { "service_use", "entitlement_period" } do
  px.before(object .. ".create", refuse_by_hand)
  px.before(object .. ".update", refuse_by_hand)
end

-- A use that was a mistake is deleted, and is left again.
px.on("service_use.deleted", { key = "period" }, function(event)
  local period = px.store.get("entitlement_period", event.before.period)
  if period then
    px.store.update("entitlement_period", period.id, { used = math.max(0, period.used - event.before.quantity) })
  end
end)

-- GET /x/clients/entitlements?organisation=…&on=…: what a client may have, had, and has left in the period of that day.
px.route("GET", "/entitlements", function(request)
  local day = day_of(request.query.on, "on")
  local rows = px.json.list {}
  local found, next_page = px.store.find("entitlement", { filter = { organisation = request.query.organisation, contract = request.query.contract, starts_on = { le = day } },
    order = "name", limit = 200, after = request.query.after })
  for _, entitlement in ipairs(found) do
    if covers(entitlement, day) then
      local period = period_on(entitlement, day)
      local kept = px.store.first("entitlement_period", { filter = { entitlement = entitlement.id, starts_on = period.starts_on } })
      local quantity, used = kept and kept.quantity or entitlement.quantity, kept and kept.used or 0
      rows[#rows + 1] = { id = entitlement.id, name = entitlement.name, organisation = entitlement.organisation, unit = entitlement.unit,
        starts_on = period.starts_on, ends_on = period.ends_on, quantity = quantity, used = used, left = quantity - used }
    end
  end
  return px.http.json { data = rows, next = next_page }
end)

-- ---- visits ----

local function keep_visit_task(plan, visit)
  local origin = "service_visit:" .. visit.id
  if visit.state ~= "due" then
    return kept_task.close(origin, visit.state == "done" and "done" or "dropped")
  end
  px.store.upsert("task", { origin = origin }, {
    title = px.i18n.t("service_visit_due", { plan = plan.name }, { language = px.config.get("language") }), kind = "visit", due = visit.due_on, owner = plan.owner, organisation = plan.organisation,
    service_visit = visit.id, effort_hours = plan.effort_hours, state = "open",
  })
end

-- The first visit on or after a day, counted from the plan's first one.
local function next_due(plan, day)
  local n = 0
  if day > plan.first_on then
    n = (months_between(plan.first_on, day) + plan.every_months - 1) // plan.every_months
  end
  local due = plan.first_on + ("P" .. n * plan.every_months .. "M")
  return due < day and plan.first_on + ("P" .. (n + 1) * plan.every_months .. "M") or due
end

-- There is always one visit ahead; when its day comes, the one behind it is made, whether it took place or not.
local function plan_next(plan, from)
  local due = next_due(plan, from)
  if not plan.active or plan.ends_on and due > plan.ends_on then
    return
  end
  local key = { plan = plan.id, due_on = due }
  if px.store.first("service_visit", { filter = key }) then
    return
  end
  local visit = px.store.create("service_visit", { plan = plan.id, due_on = due, organisation = plan.organisation, owner = plan.owner })
  keep_visit_task(plan, visit)
  local left = px.date.diff(due, today())
  px.bus.emit("clients.service_visit_reached", { plan = plan.id, due = px.date.format(due) },
    { key = plan.id, delay = left >= 1 and left .. "d" or nil })
end

px.on("service_plan.*", { key = "id", name = "service_plans" }, function(event)
  local plan = event.after and px.store.get("service_plan", event.id)
  if plan then
    local day = today()
    plan_next(plan, plan.first_on > day and plan.first_on or day)
  end
end)

px.on("clients.service_visit_reached", { key = "data.plan" }, function(event)
  local plan = px.store.get("service_plan", event.data.plan)
  if plan then
    plan_next(plan, px.date.parse(event.data.due) + "1d")
  end
end)

px.on("service_visit.updated", { key = "id" }, function(event)
  local visit = px.store.get("service_visit", event.id)
  local plan = visit and px.store.get("service_plan", visit.plan)
  if plan then
    keep_visit_task(plan, visit)
  end
end)

-- GET /x/clients/services/due?days=30&organisation=…: visits that are overdue, and those to come.
px.route("GET", "/services/due", function(request)
  local days = math.tointeger(tonumber(request.query.days or "30"))
  if not days or days < 0 or days > 3660 then
    px.refuse("days", "a whole number from 0 to 3660")
  end
  local day, rows, late = today(), px.json.list {}, 0
  local found, next_page = px.store.find("service_visit", {
    filter = { state = "due", organisation = request.query.organisation, due_on = { le = day + (days .. "d") } },
    order = "due_on", limit = 500, after = request.query.after, include = { "plan" } })
  for _, visit in ipairs(found) do
    local behind = px.date.diff(day, visit.due_on)
    late = late + (behind > 0 and 1 or 0)
    rows[#rows + 1] = { id = visit.id, plan = visit.plan and visit.plan.name, kind = visit.plan and visit.plan.kind, organisation = visit.organisation,
      due_on = visit.due_on, overdue_days = math.max(0, behind) }
  end
  return px.http.json { data = rows, overdue = late, next = next_page }
end)

-- ---- training ----

-- Who came first has a place; the others wait, and move up when one is free. One session is looked at by one at a time.
px.on("training_attendance.*", { key = "session", name = "training_places" }, function(event)
  local one = event.after or event.before
  local session = px.store.get("training_session", one.session)
  if not session or session.state ~= "planned" then
    return
  end
  local free = session.capacity
  local query = { filter = { session = session.id, status = { "in", { "registered", "waiting" } } }, order = "id" }
  for attendance in px.store.each("training_attendance", query) do
    local status = free > 0 and "registered" or "waiting"
    free = free - 1
    if attendance.status ~= status then
      px.store.update("training_attendance", attendance.id, { status = status })
    end
  end
end)

px.on("training_session.*", { key = "id", name = "training_tasks" }, function(event)
  local session = event.after and px.store.get("training_session", event.id)
  local origin = "training_session:" .. event.id
  if not session then
    return
  elseif session.state ~= "planned" then
    return kept_task.close(origin, session.state == "held" and "done" or "dropped")
  end
  local parts = px.date.zone(session.starts_at, px.config.get("zone"))
  px.store.upsert("task", { origin = origin }, {
    title = px.i18n.t("training_due", { title = session.title }, { language = px.config.get("language") }), kind = "training", owner = session.owner, organisation = session.organisation,
    training_session = session.id, state = "open",
    due = px.date.parse(string.format("%04d-%02d-%02d", parts.year, parts.month, parts.day)),
  })
end)
