-- Prospect lists, and outreach that stops when somebody answers, and never begins with who does not want it.
local consent <const> = require "consent"

local MAX <const> = 500

local function language_of(request)
  local asked = request.query.language or request.headers["accept-language"] or "en"
  return asked:lower():match("^el%f[^%a]") and "el" or "en"
end

-- Lists.

local function audience(list)
  local filter = { ended_on = { "is", "null" } }
  filter["organisation.industry"] = list.industry
  filter["organisation.country"] = list.country
  filter["organisation.roles"] = list.role and { "has", list.role } or nil
  filter["person.language"] = list.language
  filter.job_title = list.job_title and { "contains", list.job_title } or nil
  return px.store.find("affiliation", { filter = filter, include = { "person", "organisation" }, limit = MAX })
end

--- Who fits a list: { person, organisation } to add, those that are in it, and those whom we may not write to, with the reason.
local function chosen(list, language)
  local add, excluded, already, seen = px.json.list {}, px.json.list {}, 0, {}
  local rows = audience(list)
  for _, row in ipairs(rows) do
    local person, firm = row.person, row.organisation
    if person and not seen[person.id] then
      seen[person.id] = true
      local allowed, key, values = consent.may(person)
      if px.store.first("prospect", { filter = { list = list.id, person = person.id } }) then
        already = already + 1
      elseif allowed then
        add[#add + 1] = { person = person.id, name = person.name, organisation = firm and firm.id }
      else
        excluded[#excluded + 1] = { person = person.id, name = person.name, reason = consent.reason(key, values, language) }
      end
    end
  end
  return { add = add, excluded = excluded, already = already, whole = #rows < MAX }
end

-- POST /x/clients/prospect_lists/:id/select { dry_run? }
px.route("POST", "/prospect_lists/:id/select", function(request)
  local list = px.store.get("prospect_list", request.params.id)
  if not list then
    return px.http.problem(404, "not_found", "there is no such list")
  end
  local found = chosen(list, language_of(request))
  found.dry_run = type(request.json) == "table" and request.json.dry_run == true
  if not found.dry_run then
    px.store.changeset("prospects for " .. list.name, function(id)
      found.changeset = id
      for _, one in ipairs(found.add) do
        px.store.create("prospect", { list = list.id, person = one.person, organisation = one.organisation })
      end
    end)
  end
  return { json = found }
end)

-- GET /x/clients/people/:id/contactable: may we write to this person, and why not
px.route("GET", "/people/:id/contactable", function(request)
  local person = px.store.get("person", request.params.id)
  if not person then
    return px.http.problem(404, "not_found", "there is no such person")
  end
  local allowed, key, values = consent.may(person, request.query.by or "email")
  return { json = {
    person = person.id, allowed = allowed, basis = person.lawful_basis,
    reason = not allowed and consent.reason(key, values, language_of(request)) or nil,
  } }
end)

-- Outreach.

px.before("outreach.create", function(drafts)
  for _, draft in ipairs(drafts) do
    local person = draft.person and px.store.get("person", draft.person)
    if person then
      local allowed, key, values = consent.may(person)
      if not allowed then
        px.refuse("person", consent.reason(key, values, "en"))
      end
    end
  end
end)

local function running(person)
  return px.store.find("outreach", { filter = { person = person, state = "running" }, limit = 50 })
end

local function run_of(outreach)
  return px.flows.find({ flow = "outreach", key = outreach.id, limit = 1 })[1]
end

local function stop_all(person, state, reason)
  for _, outreach in ipairs(running(person)) do
    px.store.update("outreach", outreach.id, { state = state, reason = reason })
    local prospect = state == "replied" and outreach.prospect and px.store.get("prospect", outreach.prospect)
    if prospect and (prospect.state == "new" or prospect.state == "contacted") then
      px.store.update("prospect", prospect.id, { state = "replied" })
    end
    local run = run_of(outreach)
    if run then
      px.flows.signal(run.id, "stop", state, { dedup = "stop " .. outreach.id })
    end
  end
end

-- Whoever writes, calls or meets us has answered.
px.on("interaction.created", function(event)
  local interaction = event.after
  if interaction.direction == "inbound" or interaction.kind == "meeting" then
    for _, person in ipairs(interaction.people or {}) do
      stop_all(person, "replied", interaction.subject)
    end
  end
end)

px.on("person.updated", { key = "id" }, function(event)
  local person = event.after
  if person.do_not_contact or person.consent_withdrawn_on then
    local _, key, values = consent.may(person)
    stop_all(event.id, "opted_out", consent.reason(key, values, px.config.get("language") or "en"))
  end
end)

px.on("mail.failed", function(event)
  local data = event.data
  if data.plugin == "clients" and data.template == "outreach" and data.related then
    stop_all(data.related, "stopped", "mail: " .. (data.code or "failed"))
  end
end)

px.on("outreach.created", function(event)
  px.flows.start("outreach", { id = event.id }, { key = event.id })
end)

local function steps_of(sequence)
  local steps = {}
  for i, step in ipairs(px.store.find("outreach_step", { filter = { sequence = sequence }, order = "position", limit = 50 })) do
    steps[i] = { wait_days = step.wait_days, channel = step.channel, template = step.template }
  end
  return steps
end

local function finish(outreach, state, reason)
  px.store.update("outreach", outreach.id, { state = state, reason = reason })
end

local function ask_owner(outreach, person, key, values)
  local language = px.config.get("language") or "en"
  values.name = person.name
  px.store.upsert("task", { origin = "outreach:" .. outreach.id .. ":" .. (outreach.steps_done + 1) }, {
    title = px.i18n.t(key, values, { language = language }), owner = outreach.owner, person = person.id, outreach = outreach.id,
    kind = "outreach", due = px.date.today(px.config.get("zone")) + "1d",
  })
end

local function contacted(outreach)
  px.store.update("outreach", outreach.id, {
    steps_done = outreach.steps_done + 1, last_step_on = px.date.today(px.config.get("zone")),
  })
  local prospect = outreach.prospect and px.store.get("prospect", outreach.prospect)
  if prospect and prospect.state == "new" then
    px.store.update("prospect", prospect.id, { state = "contacted" })
  end
end

local function send(outreach, person, letter)
  px.mail.send {
    to = person.email, name = person.name, template = "outreach", language = letter.language, related = person.id,
    data = { subject = letter.subject or "", body = letter.body }, idempotency_key = "outreach:" .. outreach.id .. ":" .. outreach.steps_done,
  }
end

--- One step, judged anew when its day has come: done, or the end with its reason. True when the sequence goes on.
local function take(id, step, letter)
  local outreach = px.store.get("outreach", id)
  local person = outreach and px.store.get("person", outreach.person)
  if not person or outreach.state ~= "running" then
    return false
  end
  local allowed, key, values = consent.may(person, step.channel)
  if not allowed then
    finish(outreach, "opted_out", consent.reason(key, values, px.config.get("language") or "en"))
    return false
  end
  if step.channel ~= "email" then
    ask_owner(outreach, person, "task_outreach_" .. step.channel, {})
  elseif not letter or letter.refused or #letter.missing > 0 then
    local lacks = letter and letter.missing and table.concat(letter.missing, ", ") or step.template
    ask_owner(outreach, person, "task_outreach_template", { lacks = lacks })
    finish(outreach, "stopped", px.i18n.t("outreach_lacks", { lacks = lacks }, { language = px.config.get("language") or "en" }))
    return false
  else
    send(outreach, person, letter)
  end
  contacted(outreach)
  return true
end

px.flow("outreach", function(flow, input)
  local begun = flow:step("begin", function()
    local outreach = px.store.get("outreach", input.id)
    return { steps = steps_of(outreach.sequence), person = outreach.person, owner = outreach.owner }
  end)
  for i, step in ipairs(begun.steps) do
    if step.wait_days > 0 and flow:wait("stop", { timeout = step.wait_days .. "d" }) then
      return { steps = i - 1 }
    end
    local letter = step.channel == "email" and flow:call("letter " .. i, function()
      return px.plugin("relations").letter { key = step.template, person = begun.person, sender = begun.owner }
    end)
    if not flow:step("take " .. i, function() return take(input.id, step, letter) end) then
      return { steps = i - 1 }
    end
  end
  flow:step("end", function()
    local outreach = px.store.get("outreach", input.id)
    if outreach and outreach.state == "running" then
      finish(outreach, "finished")
    end
  end)
  return { steps = #begun.steps }
end)

-- GET /x/clients/reports/outreach?sequence=: how many run, answered, want no contact
px.route("GET", "/reports/outreach", function(request)
  local filter = request.query.sequence and { sequence = request.query.sequence } or nil
  local points, total, answered = px.json.list {}, 0, 0
  for i, row in ipairs(px.store.aggregate("outreach", { group = { "state" }, measures = { n = true }, filter = filter })) do
    points[i] = { x = row.state, y = row.n }
    total = total + row.n
    answered = row.state == "replied" and row.n or answered
  end
  return { json = {
    report = "outreach", unit = "outreaches", series = px.json.list { { name = "state", points = points } },
    unknown = 0, reply_rate = total > 0 and answered / total or px.null,
  } }
end)
