-- A launch: who is chosen and why, a follow-up task for each, and what came of it.
local kept_task <const> = require "kept_task"

local MAX <const> = 500

local function tongue()
  return { language = px.config.get("language") or "en" }
end

--- Organisations that fit, each with the reason; with `owns` those that have that product, else by what they are.
local function candidates(launch)
  local filter = { do_not_contact = { "ne", true } }
  filter.industry, filter.country = launch.industry, launch.country
  filter.roles = launch.role and { "has", launch.role } or nil
  if not launch.owns then
    return px.store.find("organisation", { filter = filter, order = "name", limit = MAX })
  end
  local owned, list = { product = launch.owns, ["until"] = { "is", "null" } }, {}
  for key, value in pairs(filter) do
    owned["organisation." .. key] = value
  end
  for i, row in ipairs(px.store.find("owned_product", { filter = owned, include = { "organisation" }, limit = MAX })) do
    list[i] = row.organisation
  end
  return list
end

local function has_it_already(launch, organisation)
  return px.store.first("owned_product", { filter = { product = launch.product, organisation = organisation, ["until"] = { "is", "null" } } }) ~= nil
end

local function why(launch)
  local parts = {}
  for _, field in ipairs { "role", "industry", "country" } do
    if launch[field] then
      parts[#parts + 1] = launch[field]
    end
  end
  local product = launch.owns and px.store.get("product", launch.owns)
  if product then
    table.insert(parts, 1, px.i18n.t("launch_owns", { name = product.name }, tongue()))
  end
  return #parts > 0 and table.concat(parts, ", ") or px.i18n.t("launch_all", nil, tongue())
end

local function chosen(launch)
  local add, have, already = px.json.list {}, 0, 0
  local found, reason = candidates(launch), why(launch)
  for _, organisation in ipairs(found) do
    if px.store.first("launch_target", { filter = { launch = launch.id, organisation = organisation.id } }) then
      already = already + 1
    elseif has_it_already(launch, organisation.id) then
      have = have + 1
    else
      add[#add + 1] = { organisation = organisation.id, name = organisation.name, reason = reason }
    end
  end
  return { add = add, already = already, have_it = have, whole = #found < MAX }
end

-- POST /x/clients/launches/:id/audience { dry_run? }
px.route("POST", "/launches/:id/audience", function(request)
  local launch = px.store.get("launch", request.params.id)
  if not launch then
    return px.http.problem(404, "not_found", "there is no such launch")
  elseif launch.state == "closed" then
    return px.http.problem(422, "invalid", "the launch is closed", { pointer = "/state" })
  end
  local found = chosen(launch)
  found.dry_run = type(request.json) == "table" and request.json.dry_run == true
  if not found.dry_run then
    px.store.changeset("audience of " .. launch.name, function(id)
      found.changeset = id
      for _, one in ipairs(found.add) do
        px.store.create("launch_target", { launch = launch.id, organisation = one.organisation, reason = one.reason })
      end
    end)
  end
  return { json = found }
end)

--- The follow-up goes to who looks after the organisation, else to who keeps the launch.
local function keeper(launch, organisation)
  local bond = px.store.first("relationship", {
    filter = { source = organisation, managed = true, ended_on = { "is", "null" } }, order = "-value_at_stake.amount",
  })
  return bond and bond.owner or launch.owner, bond and bond.id
end

local function follow_up(launch, target)
  local organisation, product = px.store.get("organisation", target.organisation), px.store.get("product", launch.product)
  local owner, bond = keeper(launch, target.organisation)
  px.store.upsert("task", { origin = "launch_target:" .. target.id }, {
    title = px.i18n.t("task_launch", { product = product.name, organisation = organisation.name }, tongue()), owner = owner,
    organisation = target.organisation, relationship = bond, launch_target = target.id, kind = "launch",
    due = px.date.parse(tostring(launch.starts_on)) + (launch.follow_up_days .. "d"),
  })
end

px.on("launch.state.running", function(event)
  local launch = event.after
  for target in px.store.each("launch_target", { filter = { launch = event.id, state = "chosen" } }) do
    follow_up(launch, target)
  end
end)

px.on("launch_target.created", function(event)
  local launch = px.store.get("launch", event.after.launch)
  if launch and launch.state == "running" then
    local target = event.after
    target.id = event.id
    follow_up(launch, target)
  end
end)

--- What was presented is followed up no more.
local function done(id)
  kept_task.close("launch_target:" .. id, "done")
end

px.on("launch_target.updated", { key = "id" }, function(event)
  if event.after.state ~= "chosen" and event.before.state == "chosen" then
    done(event.id)
  end
end)

-- Interest is an opportunity, for who looks after the organisation.
px.on("launch_target.state.interested", function(event)
  local target = px.store.get("launch_target", event.id)
  local launch = target and not target.opportunity and px.store.get("launch", target.launch)
  if not launch then
    return
  end
  local made = px.store.create("opportunity", {
    name = launch.name, organisation = target.organisation, product = launch.product, owner = (keeper(launch, target.organisation)),
  })
  px.store.update("launch_target", target.id, { opportunity = made.id })
end)

local function values_of(launch)
  local sums, unknown = {}, 0
  local rows = px.store.find("launch_target", {
    filter = { launch = launch, opportunity = { "is", "not_null" } }, include = { "opportunity" }, limit = 1000,
  })
  for _, row in ipairs(rows) do
    local value = row.opportunity and row.opportunity.value
    if value then
      sums[value.currency] = sums[value.currency] and sums[value.currency] + value or value
    else
      unknown = unknown + 1
    end
  end
  local list = px.json.list {}
  for _, sum in pairs(sums) do
    list[#list + 1] = sum
  end
  table.sort(list, function(a, b) return a.currency < b.currency end)
  return list, unknown
end

-- GET /x/clients/launches/:id/outcome
px.route("GET", "/launches/:id/outcome", function(request)
  local launch = px.store.get("launch", request.params.id)
  if not launch then
    return px.http.problem(404, "not_found", "there is no such launch")
  end
  local states = { chosen = 0, presented = 0, interested = 0, declined = 0 }
  for _, row in ipairs(px.store.aggregate("launch_target", { group = { "state" }, measures = { n = true }, filter = { launch = launch.id } })) do
    states[row.state] = row.n
  end
  local values, unknown = values_of(launch.id)
  return { json = {
    launch = launch.id, name = launch.name, state = launch.state, targets = states, opportunity_values = values, values_unknown = unknown,
    open_follow_ups = px.store.count("task", { filter = { ["launch_target.launch"] = launch.id, state = "open" } }),
  } }
end)
