-- C2: attitudes follow from dated evidence; gaps of the map are kept while they last and become tasks when they do.
local coverage <const> = require "coverage"
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

local MEMBERS_MAX <const> = 200
local PAGE <const> = 100
local OPEN_STAGES <const> = { "prospecting", "engaging" }

local function words(name)
  local list, set = {}, {}
  for _, word in ipairs(px.config.get(name)) do
    list[#list + 1] = word
    set[word] = true
  end
  return list, set
end

-- ---- attitude ----

local function newest_evidence(stakeholder)
  return px.store.first("attitude_evidence", { filter = { stakeholder = stakeholder }, order = "-observed_on" })
end

px.on("attitude_evidence.*", { key = "stakeholder", name = "attitude" }, function(event)
  local evidence = event.after or event.before
  local stakeholder = px.store.get("stakeholder", evidence.stakeholder)
  if not stakeholder then
    return
  end
  local newest = newest_evidence(stakeholder.id)
  local attitude, observed_on = newest and newest.attitude, newest and newest.observed_on
  if attitude ~= stakeholder.attitude or observed_on ~= stakeholder.attitude_on then
    px.store.update("stakeholder", stakeholder.id,
      { attitude = attitude or px.null, attitude_on = observed_on or px.null })
  end
end)

-- A draft holds what is set: an attitude in it that is not the one kept was typed by somebody.
local function attitude_follows_evidence(drafts)
  for _, draft in ipairs(drafts) do
    for _, field in ipairs { "attitude", "attitude_on" } do
      local value = draft[field]
      if value ~= nil and value ~= px.null then
        local kept = px.store.get("stakeholder", draft.id)
        if not kept or kept[field] ~= value then
          px.refuse(field, "an attitude follows from evidence: add a record to attitude_evidence instead")
        end
      end
    end
  end
end

px.before("stakeholder.create", attitude_follows_evidence)
px.before("stakeholder.update", attitude_follows_evidence)

px.before("attitude_evidence.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.observed_on and draft.observed_on > today() then
      px.refuse("observed_on", "evidence is of today or before: give the day on which it was observed")
    end
  end
end)

-- ---- the map ----

local function last_contact(person)
  local interaction = px.store.first("interaction", {
    filter = { people = { "has", person }, kind = { "ne", "note" }, at = { "le", px.date.now() },
      status = { "nin", { "not_held", "cancelled" } } }, order = "-at" })
  return interaction and px.date.parse(px.date.format(interaction.at, "yyyy-mm-dd")), interaction
end

--- true, false, or nil where nothing says that this person ever worked there.
local function is_employed(person, organisation)
  if not organisation then
    return nil
  end
  local known
  for affiliation in px.store.each("affiliation", { filter = { person = person, organisation = organisation } }) do
    if not affiliation.ended_on or affiliation.ended_on >= today() then
      return true
    end
    known = false
  end
  return known
end

local function member_of(stakeholder, organisation)
  local person = px.store.get("person", stakeholder.person)
  local contact, interaction = last_contact(stakeholder.person)
  return {
    id = stakeholder.id, person = stakeholder.person, name = person and person.name or stakeholder.person,
    role = stakeholder.role, department = stakeholder.department, influence = stakeholder.influence,
    champion = stakeholder.champion or false, attitude = stakeholder.attitude, attitude_on = stakeholder.attitude_on,
    last_contact = contact, last_interaction = interaction and interaction.id,
    known_since = px.date.parse(px.date.format(stakeholder.created_at, "yyyy-mm-dd")),
    employed = is_employed(stakeholder.person, organisation),
  }
end

local function read_map(object, record)
  local required_roles = words("required_roles")
  local _, key_departments = words("key_departments")
  local map = {
    today = today(), members = {}, required_roles = required_roles, key_departments = key_departments,
    contact_days = px.config.get("contact_days"), threads = px.config.get("contact_threads"),
  }
  for _, stakeholder in ipairs(px.store.find("stakeholder", { filter = { [object] = record.id }, order = "id", limit = MEMBERS_MAX })) do
    map.members[#map.members + 1] = member_of(stakeholder, record.organisation)
  end
  return map
end

local function is_open(object, record)
  if object == "account_plan" then
    return record.state == "active"
  end
  return record.stage == "prospecting" or record.stage == "engaging"
end

-- ---- gaps that last ----

--- In the reader's language, or in the one given.
local function sentence(gap, language)
  local options = language and { language = language } or {}
  local values = { who = gap.who or "", days = gap.days or "", people = gap.people or "", wanted = gap.wanted or "",
    role = gap.role and px.i18n.t("role_" .. gap.role, {}, options) or "" }
  local key = "gap_" .. gap.kind
  if gap.kind == "no_contact" and not gap.days then
    key = "gap_no_contact_ever"
  end
  return px.i18n.t(key, values, options)
end

local function key_of(record, gap)
  return table.concat({ record.id, gap.kind, gap.stakeholder or gap.role or "" }, ":")
end

local function close_gap(gap, state)
  px.store.update("coverage_gap", gap.id, { closed_on = today() })
  kept_task.close("coverage:" .. gap.key, state)
end

local function raise_task(object, record, gap, key)
  local origin = "coverage:" .. key
  if px.store.first("task", { filter = { origin = origin, state = "open" } }) then
    return
  end
  local language = px.config.get("language")
  px.store.upsert("task", { origin = origin }, {
    title = px.i18n.t("task_gap", { name = record.name, gap = sentence(gap, language) }, { language = language }),
    owner = record.owner, organisation = record.organisation or px.null, due = today() + "7d", state = "open", [object] = record.id,
  })
end

local function keep_gap(object, record, gap, kept)
  local key = key_of(record, gap)
  if not kept then
    px.store.upsert("coverage_gap", { key = key }, { [object] = record.id, stakeholder = gap.stakeholder or px.null,
      kind = gap.kind, first_seen_on = today(), closed_on = px.null })
  elseif px.date.diff(today(), kept.first_seen_on) >= px.config.get("gap_days") then
    raise_task(object, record, gap, key)
  end
end

--- Compares the gaps there are with those that were: new ones are noted, lasting ones become tasks, past ones are closed.
local function settle(object, id)
  local record = px.store.get(object, id)
  if not record then
    return
  end
  local open, gaps = is_open(object, record), {}
  if open then
    gaps = coverage.judge(read_map(object, record))
  end
  local kept = {}
  for gap in px.store.each("coverage_gap", { filter = { [object] = id, closed_on = { "is", "null" } } }) do
    kept[gap.key] = gap
  end
  for _, gap in ipairs(gaps) do
    local key = key_of(record, gap)
    keep_gap(object, record, gap, kept[key])
    kept[key] = nil
  end
  for _, gap in pairs(kept) do
    close_gap(gap, open and "done" or "dropped")
  end
end

local function settle_each(stakeholders)
  local done = {}
  for _, stakeholder in ipairs(stakeholders) do
    for _, object in ipairs { "opportunity", "account_plan" } do
      local id = stakeholder[object]
      if id and not done[id] then
        done[id] = true
        settle(object, id)
      end
    end
  end
end

px.on("stakeholder.*", { name = "coverage_of_map" }, function(event)
  settle_each { event.after or event.before }
end)

px.on("interaction.created", { name = "coverage_of_contact" }, function(event)
  local people = event.after.people
  if people and #people > 0 then
    settle_each(px.store.find("stakeholder", { filter = { person = { "in", people } }, limit = MEMBERS_MAX }))
  end
end)

for _, pattern in ipairs { "opportunity.stage.won", "opportunity.stage.lost" } do
  px.on(pattern, { name = "coverage_end_" .. pattern }, function(event)
    settle("opportunity", event.id)
  end)
end

px.on("account_plan.updated", { name = "coverage_of_plan" }, function(event)
  if event.before.state ~= event.after.state then
    settle("account_plan", event.id)
  end
end)

-- Days pass without an event: each morning all maps are looked at, a page at a time.
local function sweep(after)
  local page, next_page = px.store.find("stakeholder", { order = "id", limit = PAGE, after = after, filter = { ["or"] = {
    { ["opportunity.stage"] = { "in", OPEN_STAGES } }, { ["account_plan.state"] = "active" } } } })
  if next_page then
    px.bus.emit("clients.coverage_swept", { after = next_page }, { delay = "1s" })
  end
  settle_each(page)
end

px.schedule("coverage", "30 5 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  sweep()
end)

px.on("clients.coverage_swept", function(event)
  sweep(event.data.after)
end)

-- ---- asked by a person ----

px.route("GET", "/coverage", function(request)
  local object = request.query.account_plan and "account_plan" or "opportunity"
  local id = request.query[object]
  if not id then
    return px.http.problem(422, "required", "say which map: ?opportunity=ID or ?account_plan=ID", { pointer = "/opportunity" })
  end
  local record = px.store.get(object, id)
  if not record then
    return px.http.problem(404, "not_found", "no " .. object .. " with this id that you may read")
  end
  local map = read_map(object, record)
  local gaps, unknown = coverage.judge(map)
  for _, gap in ipairs(gaps) do
    gap.says = sentence(gap)
    local kept = px.store.first("coverage_gap", { filter = { key = key_of(record, gap), closed_on = { "is", "null" } } })
    gap.since = kept and kept.first_seen_on
  end
  return { json = {
    [object] = record.id, name = record.name, open = is_open(object, record), contact_days = map.contact_days,
    stakeholders = px.json.list(map.members), gaps = px.json.list(gaps), unknown = px.json.list(unknown),
  } }
end)
