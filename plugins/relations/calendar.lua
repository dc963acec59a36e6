-- The calendar of a user: meetings made, people invited, what is on, who is free when.
local body <const> = require "body"
local invitations <const> = require "invitations"
local meetings <const> = require "meetings"
local calendar_text <const> = require "calendar_text"
local reader <const> = require "reader"

require "calendar_feed"
require "calendar_in"

local WINDOW_DAYS_MAX <const> = 400
local ENTRIES_MAX <const> = 1000

local function problem(status, code, field, detail)
  return px.http.problem(status, code, detail, { pointer = field and "/" .. field })
end

--- { id, version … } of the record, as the handlers of events see it.
local function whole(event)
  local record = event.after
  record.id, record.version = event.id, event.version
  return record
end

px.on("interaction.updated", { key = "id" }, function(event)
  local meeting = whole(event)
  if meeting.invited_at and event.before.invited_at and meetings.is_told(event.before, meeting) then
    invitations.renew(event.before, meeting)
  end
end)

px.on("attendance.created", { key = "after.interaction" }, function(event)
  local meeting = px.store.get("interaction", event.after.interaction)
  if not meeting or not meeting.invited_at or meeting.status == "cancelled" or event.after.invited_sequence then
    return
  end
  local list = invitations.attendees(meeting.id)
  for _, one in ipairs(list) do
    if one.id == event.id and invitations.organizer(meeting) then
      invitations.send("REQUEST", meeting, { one }, list)
    end
  end
end)

px.on("attendance.deleted", { key = "before.interaction" }, function(event)
  local row = event.before
  local meeting = px.store.get("interaction", row.interaction)
  if meeting and meeting.status ~= "cancelled" then
    row.id = event.id
    invitations.withdraw(meeting, row)
  end
end)

-- ---- meetings ----

--- What else its organiser and colleagues do at that time: only that they are busy, and with what if the caller may see it.
local function conflicts_of(meeting)
  local found = px.json.list()
  local users = { meeting.organizer }
  for _, row in ipairs(px.store.find("attendance", { filter = { interaction = meeting.id, user = { "is", "not_null" } }, limit = 200 })) do
    users[#users + 1] = row.user ~= meeting.organizer and row.user or nil
  end
  local until_ = meeting.at + "366d"
  for _, mine in ipairs((meetings.occurrences(meeting, meeting.at, until_, 50))) do
    for _, user in ipairs(users) do
      for _, other in ipairs((meetings.spans(user, mine.from, mine.to))) do
        if other.meeting.id ~= meeting.id and other.from < mine.to and other.to > mine.from and #found < 50 then
          found[#found + 1] = { user = user, from = other.from, to = other.to, meeting = other.meeting.id, subject = other.meeting.subject }
        end
      end
    end
  end
  return found
end

local function holiday_on(meeting, language)
  local day = calendar_text.local_day(meeting.at, meeting.zone or "UTC")
  for _, one in ipairs(px.clock.calendar(px.config.get("calendar")).holidays(tonumber(day:sub(1, 4)))) do
    if tostring(one.date) == day then
      return one[language]
    end
  end
end

local function warnings(meeting, request)
  return { conflicts = conflicts_of(meeting), holiday = holiday_on(meeting, reader.language(request)) }
end

local function find_meeting(request)
  local meeting = px.store.get("interaction", request.params.id)
  if not meeting or meeting.kind ~= "meeting" then
    return nil, problem(404, "not_found", nil, px.i18n.t("meeting.none"))
  end
  return meeting
end

local function attend(meeting, asked)
  for _, key in ipairs { "person", "user" } do
    for _, id in ipairs(asked[key] or {}) do
      px.store.create("attendance", { interaction = meeting, [key] = id })
    end
  end
end

-- POST /x/relations/meetings { meeting = { subject, at, … }, people = { … }, users = { … } }: the meeting and who attends, or nothing.
-- What a plugin writes no hook sees: what they would do is done here.
px.route("POST", "/meetings", function(request)
  local asked = body.of(request)
  if type(asked.meeting) ~= "table" then
    return problem(422, "required", "meeting", px.i18n.t("meeting.required"))
  end
  local draft = asked.meeting
  draft.kind, draft.status, draft.people = "meeting", draft.status or "planned", asked.people
  local made = px.store.tx(function()
    meetings.complete(draft, px.actor.user())
    local made = px.store.create("interaction", draft)
    local field, fault = meetings.fault(made)
    if field then
      px.refuse(field, fault)
    end
    attend(made.id, { person = asked.people, user = asked.users })
    return made
  end)
  local kept = px.store.get("interaction", made.id)
  return px.http.json({ meeting = kept, warnings = warnings(kept, request) }, { status = 201 })
end)

-- GET /x/relations/meetings/:id/conflicts
px.route("GET", "/meetings/:id/conflicts", function(request)
  local meeting, refusal = find_meeting(request)
  return refusal or px.http.json(warnings(meeting, request))
end)

local function invite(meeting)
  if meeting.status == "cancelled" then
    px.refuse("status", px.i18n.t("meeting.is_cancelled"))
  end
  local list = invitations.attendees(meeting.id)
  if #list == 0 then
    px.refuse("attendance", px.i18n.t("meeting.nobody"))
  end
  local waiting = {}
  for _, one in ipairs(list) do
    waiting[#waiting + 1] = one.row.invited_sequence ~= meeting.sequence and one or nil
  end
  local outcome = invitations.send("REQUEST", meeting, waiting, list)
  px.store.update("interaction", meeting.id, { invited_at = px.date.now() })
  return outcome
end

-- POST /x/relations/meetings/:id/invite: those who were not invited yet, or to another version of it.
px.route("POST", "/meetings/:id/invite", function(request)
  local meeting, refusal = find_meeting(request)
  if refusal then
    return refusal
  end
  local outcome
  px.store.tx(function()
    outcome = invite(px.store.get("interaction", meeting.id))
  end)
  return px.http.json(outcome)
end)

px.command("meeting invite", {
  help = { en = "send the invitations of a meeting", el = "αποστολή των προσκλήσεων μιας συνάντησης" },
  args = { { "meeting", required = true, help = { en = "its id", el = "το id της" } } },
}, function(args, out)
  local outcome
  px.store.tx(function()
    local meeting = px.store.get("interaction", args.meeting)
    if not meeting or meeting.kind ~= "meeting" then
      px.refuse("meeting", px.i18n.t("meeting.none"))
    end
    outcome = invite(meeting)
  end)
  out.line(px.i18n.t("meeting.sent", { count = outcome.sent }))
  for _, one in ipairs(outcome.skipped) do
    out.line(px.i18n.t("meeting.skipped." .. one.reason, { name = one.name }))
  end
end)

-- ---- what is on ----

--- from and to of a request: days on the configured zone's clocks or instants; seven days from now unless said.
local function window(query)
  local zone = px.config.get("zone")
  local function instant(text)
    return px.ical.occurrences({ start = #text == 10 and text .. "T00:00:00" or text, zone = zone })[1]
  end
  local from = query.from and instant(query.from) or px.date.now()
  local to = query.to and instant(query.to) or from + "7d"
  if to <= from or px.date.diff(to, from) > WINDOW_DAYS_MAX then
    px.refuse("to", px.i18n.t("calendar.window", { days = WINDOW_DAYS_MAX }))
  end
  return from, to
end

local function holidays(from, to, language)
  local list = px.json.list()
  local zone = px.config.get("zone")
  local first, last = calendar_text.local_day(from, zone), calendar_text.local_day(to, zone)
  for year = tonumber(first:sub(1, 4)), tonumber(last:sub(1, 4)) do
    for _, one in ipairs(px.clock.calendar(px.config.get("calendar")).holidays(year)) do
      local day = tostring(one.date)
      if day >= first and day <= last then
        list[#list + 1] = { date = day, name = one[language] }
      end
    end
  end
  return list
end

local function on_for(user, from, to)
  local list = px.json.list()
  local spans, more = meetings.spans(user, from, to, ENTRIES_MAX)
  for _, one in ipairs(spans) do
    if #list < ENTRIES_MAX then
      local meeting = one.meeting
      list[#list + 1] = { id = meeting.id, subject = meeting.subject, from = one.from, to = one.to, all_day = meeting.all_day,
        location = meeting.location, join_url = meeting.join_url, recurring = meeting.rrule ~= nil }
    end
  end
  return list, more or #spans > ENTRIES_MAX
end

-- GET /x/relations/calendar?from=&to=: the caller's meetings, tasks due, and the holidays of the working calendar.
px.route("GET", "/calendar", function(request)
  local from, to = window(request.query)
  local user = px.actor.user()
  local list, more = on_for(user, from, to)
  local tasks = px.json.list()
  local due = { owner = user, state = "open", due = { "between", { from.date, to.date } } }
  for _, task in ipairs((px.store.find("task", { filter = due, order = "due", limit = 200 }))) do
    tasks[#tasks + 1] = { id = task.id, title = task.title, due = task.due }
  end
  return px.http.json {
    from = from, to = to, meetings = list, more = more, tasks = tasks, holidays = holidays(from, to, reader.language(request)),
  }
end)

px.command("calendar", {
  help = { en = "what is on: meetings and holidays", el = "τι έχω: συναντήσεις και αργίες" },
  args = { { "from", help = { en = "a day; now", el = "ημέρα· τώρα" } }, { "days", "integer", default = 7, named = true } },
}, function(args, out)
  local from = window { from = args.from }
  local to = from + (math.min(math.max(args.days, 1), WINDOW_DAYS_MAX) .. "d")
  local zone = px.config.get("zone")
  local rows = {}
  for _, one in ipairs((on_for(px.actor.user(), from, to))) do
    rows[#rows + 1] = { when = calendar_text.local_time(one.from, zone):sub(1, 16):gsub("T", " "), subject = one.subject,
      place = one.location or one.join_url }
  end
  for _, one in ipairs(holidays(from, to, out.language == "el" and "el" or "en")) do
    rows[#rows + 1] = { when = one.date, subject = one.name }
  end
  table.sort(rows, function(a, b)
    return a.when < b.when
  end)
  local greek = out.language == "el"
  out.table({ { "when", greek and "Πότε" or "When" }, { "subject", greek and "Θέμα" or "Subject" }, { "place", greek and "Τόπος" or "Place" } }, rows)
end)

-- GET /x/relations/freebusy?user=&from=&to=&format=: when a colleague is busy, and nothing else of what he does.
px.route("GET", "/freebusy", function(request)
  local from, to = window(request.query)
  local user = px.store.get("user", request.query.user or px.actor.user())
  if not user or user.state ~= "active" then
    return problem(404, "not_found", "user", px.i18n.t("calendar.no_user"))
  end
  local busy, more = px.actor.as(user.id, function()
    local spans, cut = meetings.spans(user.id, from, to)
    if user.away_from and user.away_from < to and (not user.away_until or user.away_until > from) then
      spans[#spans + 1] = { from = user.away_from, to = user.away_until or to }
      table.sort(spans, function(a, b)
        return a.from < b.from
      end)
    end
    return meetings.joined(spans, from, to), cut
  end)
  if request.query.format == "ics" then
    return { content_type = "text/calendar; charset=utf-8", text = calendar_text.busy(user, from, to, busy, px.date.now()) }
  end
  return px.http.json { user = user.id, from = from, to = to, busy = px.json.list(busy), more = more }
end)
