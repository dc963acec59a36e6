-- B6: each duty has one open filing, which escalates before and after its day; permits expire and are renewed in time.
local ask <const> = require "ask"
local duties <const> = require "duties"
local kept <const> = require "kept"
local recurring <const> = require "recurring"
local series <const> = require "series"
local work <const> = require "work"

kept.fields("filing", { "escalation", "origin" })
kept.fields("reputation_entry", { "polarity_by" })

duties.track { object = "filing", due = "due_on", state = "state", open = "open", done = { "filed" }, title = "authorities.file", name = "title",
  organisation = "authority" }
duties.track { object = "permit", due = "renew_on", state = "state", open = "valid", done = {}, title = "authorities.renew", name = "title",
  organisation = "authority" }
duties.track { object = "consultation", due = "deadline", state = "state", open = "open", done = { "submitted" }, title = "authorities.consult",
  name = "title", organisation = "authority" }
duties.track { object = "public_commitment", due = "due_on", state = "state", open = "open", done = { "kept", "broken" },
  title = "authorities.keep", name = "title", organisation = "party" }
duties.track { object = "reputation_entry", due = "follow_up_on", state = "closed", open = false, done = { true }, title = "authorities.follow_up",
  name = "title", organisation = "party" }

px.before("filing.create", function()
  px.refuse("duty", px.i18n.t("authorities.by_itself"))
end)

local function due_of(duty, occurrence)
  return recurring.due(duty, occurrence, px.clock.calendar(px.config.get("calendar")))
end

--- The filing of this time, unless there is one or the duty is over.
local function open(duty, occurrence)
  local due = duty.active and due_of(duty, occurrence)
  local origin = "duty:" .. duty.id .. ":" .. occurrence
  if due and not px.store.first("filing", { filter = { origin = origin } }) then
    px.store.create("filing", {
      title = px.text.sub(duty.title .. ", " .. tostring(due), 1, 300), duty = duty.id, authority = duty.authority, owner = duty.owner,
      occurrence = occurrence, due_on = due, origin = origin,
    })
  end
end

px.on("authority_duty.created", { key = "id" }, function(event)
  open(px.store.get("authority_duty", event.id), 1)
end)

-- A duty that changes moves its open filing; one that is over drops it.
px.on("authority_duty.updated", { key = "id" }, function(event)
  local duty = px.store.get("authority_duty", event.id)
  local filing = px.store.first("filing", { filter = { duty = event.id, state = "open" } })
  local due = duty and duty.active and filing and due_of(duty, filing.occurrence)
  if filing and due then
    px.store.update("filing", filing.id, { due_on = due, owner = duty.owner or px.null })
  elseif filing then
    px.store.update("filing", filing.id, { state = "waived" })
  elseif duty and duty.active then
    local last = px.store.first("filing", { filter = { duty = event.id }, order = "-occurrence" })
    open(duty, last and last.occurrence + 1 or 1)
  end
end)

local function next_time(event)
  local duty = px.store.get("authority_duty", event.after.duty)
  if duty then
    open(duty, event.after.occurrence + 1)
  end
end

px.on("filing.state.filed", { key = "duty" }, next_time)
px.on("filing.state.waived", { key = "duty" }, next_time)

--- Level 1 before the day, level 2 behind it; each once: the level is on the filing, in the same unit of work.
local function escalate(filing, today)
  local duty = px.store.get("authority_duty", filing.duty)
  local level = today > filing.due_on and 2 or 1
  if not duty or filing.escalation >= level or level == 1 and today + (duty.escalate_days .. "d") < filing.due_on then
    return
  end
  local unit = duty.unit and px.store.get("organisation", duty.unit)
  px.store.update("filing", filing.id, { escalation = level })
  work.keep("filing:" .. filing.id .. ":escalation", {
    title = px.text.sub(px.i18n.t(level == 2 and "authorities.overdue" or "authorities.soon", { name = filing.title }), 1, 300),
    owner = unit and unit.head or filing.owner, organisation = filing.authority, due = filing.due_on,
  })
  px.bus.emit("business.filing_escalated", { filing = filing.id, level = level })
end

px.on("filing.updated", { key = "id", name = "escalation_done", filter = "before.state ~= after.state" }, function(event)
  work.done("filing:" .. event.id .. ":escalation")
end)

px.schedule("authorities", "45 6 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local today = work.today()
  for filing in px.store.each("filing", { filter = { state = "open", escalation = { lt = 2 }, due_on = { le = today + "365d" } } }) do
    escalate(filing, today)
  end
  for permit in px.store.each("permit", { filter = { state = "valid", expires_on = { lt = today } } }) do
    px.store.update("permit", permit.id, { state = "expired" })
    px.bus.emit("business.permit_expired", { permit = permit.id })
    work.keep("permit:" .. permit.id .. ":expired", {
      title = px.i18n.t("authorities.expired", { name = permit.title }), owner = permit.owner, organisation = permit.authority, due = today })
  end
end)

-- Who says how good or bad it is: a person, by name; nothing is guessed.
local function judged(drafts)
  for _, draft in ipairs(drafts) do
    if kept.value(draft.polarity) then
      draft.polarity_by = px.actor.name()
    elseif draft.polarity == px.null then
      draft.polarity_by = px.null
    end
  end
end

px.before("reputation_entry.create", judged)
px.before("reputation_entry.update", judged)

local function due_within(days, limit, after)
  local today, name, rows = work.today(), ask.names(), {}
  local found, next_page = px.store.find("filing", {
    filter = { state = "open", due_on = { le = today + (days .. "d") } }, order = "due_on", limit = limit, after = after })
  for i, filing in ipairs(found) do
    rows[i] = {
      id = filing.id, title = filing.title, authority = name("organisation", filing.authority) or px.null, due_on = filing.due_on,
      days = px.date.diff(filing.due_on, today), overdue = filing.due_on < today, owner = name("user", filing.owner) or px.null,
    }
  end
  return rows, next_page
end

-- GET /x/business/obligations?days=30: what is due to authorities, what is overdue first.
px.route("GET", "/obligations", function(request)
  local rows, next_page = due_within(ask.number(request, "days", 30, 3660), ask.limit(request), request.query.after)
  return px.http.json { data = px.json.list(rows), next = next_page or px.null }
end)

-- GET /x/business/spokespeople?party=: who may speak to this party today.
px.route("GET", "/spokespeople", function(request)
  local party, today, name, rows = ask.organisation(request.query.party, "party"), work.today(), ask.names(), {}
  for one in px.store.each("spokesperson", { filter = { party = party.id } }) do
    if (not one.starts_on or one.starts_on <= today) and (not one.ends_on or one.ends_on >= today) and #rows < 1000 then
      rows[#rows + 1] = { person = one.person, name = name("user", one.person) or px.null, topics = one.topics or px.null }
    end
  end
  return px.http.json { party = party.id, data = px.json.list(rows) }
end)

-- GET /x/business/reports/reputation?from=&to=&by=month: mean polarity of what persons judged, null where nobody did; and how many.
px.route("GET", "/reports/reputation", function(request)
  local asked = series.asked(request)
  local rows = px.store.aggregate("reputation_entry", {
    group = { { "happened_on", asked.by } }, measures = { n = true, mean = { "avg", "polarity" } },
    filter = { happened_on = { between = { asked.from, asked.to } }, polarity = { is = "not_null" } } })
  local by = {}
  for _, row in ipairs(rows) do
    by[row.happened_on] = row
  end
  return series.answer("reputation", "polarity −2 to 2", {
    series.line("polarity", asked.periods, function(period) return by[period.label] and by[period.label].mean end),
    series.line("entries", asked.periods, function(period) return by[period.label] and by[period.label].n or 0 end),
  }, px.store.count("reputation_entry", { filter = { happened_on = { between = { asked.from, asked.to } }, polarity = px.null } }))
end)

-- `proxenos obligations days=30`
px.command("obligations", {
  help = { en = "what is due to authorities, overdue first", el = "τι οφείλεται σε αρχές, πρώτα τα εκπρόθεσμα" },
  args = {
    { "days", "integer", default = 30, named = true, help = { en = "within so many days", el = "μέσα σε τόσες ημέρες" } },
    { "limit", "integer", default = 50, named = true, help = { en = "how many at most", el = "πόσα το πολύ" } },
  },
}, function(args, out)
  out.table({ { "title", px.i18n.t("authorities.column_title") }, { "authority", px.i18n.t("authorities.column_authority") },
    { "due_on", px.i18n.t("authorities.column_due") }, { "days", px.i18n.t("authorities.column_days") },
    { "owner", px.i18n.t("authorities.column_owner") } }, (due_within(args.days, args.limit)))
end)
