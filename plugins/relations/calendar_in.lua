-- iCalendar in: answers to our invitations, and files of events. What is wrong is said with its place; what is right is taken.
local meetings <const> = require "meetings"

local EVENTS_MAX <const> = 2000
local ANSWERS <const> = { ["NEEDS-ACTION"] = "needs_action", ACCEPTED = "accepted", DECLINED = "declined",
  TENTATIVE = "tentative", DELEGATED = "delegated" }
local STATES <const> = { TENTATIVE = "planned", CONFIRMED = "planned", CANCELLED = "cancelled" }

local function properties(component)
  local map = {}
  for _, one in ipairs(component.properties) do
    map[one.name] = map[one.name] or one
  end
  return map
end

local function text_of(map, name)
  local one = map[name]
  return one and one.value ~= "" and one.value or nil
end

local function parameter(one, name)
  local value = one and one.parameters and one.parameters[name]
  return type(value) == "table" and value[1] or value
end

local function address(one)
  local found = one and tostring(one.value):match("^[Mm][Aa][Ii][Ll][Tt][Oo]:(.+)$")
  return found and px.text.lower(found)
end

--- The file's VCALENDARs; nil and the answer of the route.
local function decode(body)
  local calendars, err = px.try(px.ical.decode, body)
  if not calendars then
    return nil, px.http.problem(422, "invalid", err.detail, { pointer = err.field or "file" })
  end
  return calendars
end

local function fault(field, detail)
  return { field = field, detail = detail }
end

-- ---- answers ----

--- Whose row the answer is for: the attendee's address is a person's or a colleague's of this meeting.
local function row_of(meeting, email)
  local rows = px.store.find("attendance", { filter = { interaction = meeting.id }, include = { "person", "user" }, limit = 200 })
  for _, row in ipairs(rows) do
    local party = row.person or row.user
    if party and party.email and px.text.lower(party.email) == email then
      return row
    end
  end
end

--- Takes one answer; what is wrong with it, or nil.
local function take_answer(event, list)
  local map = properties(event)
  local uid, attendee = text_of(map, "UID"), map.ATTENDEE
  local meeting = uid and px.store.first("interaction", { filter = { uid = uid } })
  if not meeting then
    return fault("UID", px.i18n.t("reply.uid"))
  end
  local sequence = map.SEQUENCE and map.SEQUENCE.value or 0
  if sequence < (meeting.sequence or 0) then
    return fault("SEQUENCE", px.i18n.t("reply.old", { sequence = sequence, now = meeting.sequence }))
  end
  local row = row_of(meeting, address(attendee))
  if not row then
    return fault("ATTENDEE", px.i18n.t("reply.attendee"))
  end
  local answer = ANSWERS[(parameter(attendee, "PARTSTAT") or ""):upper()]
  if not answer then
    return fault("ATTENDEE", px.i18n.t("reply.partstat"))
  end
  local at = map.DTSTAMP and px.date.parse(map.DTSTAMP.value) or px.date.now()
  if row.answered_at and at < row.answered_at then
    return fault("DTSTAMP", px.i18n.t("reply.earlier"))
  end
  local delegate = parameter(attendee, "DELEGATED-TO")
  px.store.update("attendance", row.id, {
    partstat = answer, answered_at = at, delegated_to = delegate and address { value = delegate } or nil,
  })
  list[#list + 1] = { meeting = meeting.id, attendance = row.id, partstat = answer }
end

-- POST /x/relations/calendar/replies, a text/calendar as mail programs send it back: METHOD:REPLY.
px.route("POST", "/calendar/replies", function(request)
  local calendars, refusal = decode(request.body)
  if not calendars then
    return refusal
  end
  local taken, refused = px.json.list(), px.json.list()
  px.store.tx(function()
    taken, refused = px.json.list(), px.json.list()
    for i, calendar in ipairs(calendars) do
      local method = text_of(properties(calendar), "METHOD")
      local wrong = method ~= "REPLY" and fault("METHOD", px.i18n.t("reply.method")) or nil
      for j, event in ipairs(wrong and {} or calendar.components or {}) do
        local found = event.name == "VEVENT" and take_answer(event, taken)
        if found then
          refused[#refused + 1] = { pointer = ("%d.VEVENT.%d.%s"):format(i, j, found.field), detail = found.detail }
        end
      end
      if wrong then
        refused[#refused + 1] = { pointer = i .. ".METHOD", detail = wrong.detail }
      end
    end
  end)
  if #taken == 0 then
    local first = refused[1] or { pointer = "VEVENT", detail = px.i18n.t("reply.none") }
    return px.http.problem(422, "invalid", first.detail, { pointer = first.pointer })
  end
  return px.http.json { taken = taken, refused = refused }
end)

-- ---- files of events ----

--- The IANA name behind a TZID: some programs put their own path in front.
local function zone_of(one)
  local name = parameter(one, "TZID")
  if not name then
    return px.config.get("zone")
  end
  for _, candidate in ipairs { name, name:match("([^/]+/[^/]+)$") or name, name:match("([^/]+)$") } do
    if px.try(px.ical.occurrences, { start = "2027-01-01T00:00:00Z", zone = candidate, limit = 1 }) then
      return candidate
    end
  end
  return nil
end

--- A day or time of the file as an instant; whether it is a day.
local function instant(one, zone)
  local day = #one.value == 10
  local start = day and one.value .. "T00:00:00" or one.value
  return px.ical.occurrences({ start = start, zone = zone })[1], day
end

local function each_value(event, name)
  local all = {}
  for _, one in ipairs(event.properties) do
    if one.name == name then
      for _, value in ipairs(one.value) do
        all[#all + 1] = { value = value, parameters = one.parameters }
      end
    end
  end
  return all
end

local function exdates(event, zone)
  local list = {}
  for _, one in ipairs(each_value(event, "EXDATE")) do
    list[#list + 1] = #one.value == 10 and one.value or tostring((instant(one, zone)))
  end
  return #list > 0 and list or nil
end

local function ends_at(map, start, day, zone)
  if map.DTEND then
    return (instant(map.DTEND, zone_of(map.DTEND) or zone))
  elseif map.DURATION then
    return start + map.DURATION.value
  end
  return day and start + "1d" or nil
end

--- One VEVENT as fields of a meeting; nil and what is wrong.
local function fields_of(event)
  local map = properties(event)
  local uid, start = text_of(map, "UID"), map.DTSTART
  if not uid then
    return nil, fault("UID", px.i18n.t("import.uid"))
  elseif not start then
    return nil, fault("DTSTART", px.i18n.t("import.start"))
  end
  local zone = zone_of(start)
  if not zone then
    return nil, fault("DTSTART", px.i18n.t("import.zone", { zone = parameter(start, "TZID") }))
  end
  local at, day = instant(start, zone)
  local which = map["RECURRENCE-ID"]
  return {
    kind = "meeting", uid = which and uid .. "#" .. which.value or uid, series = which and uid, excepted = which and which.value,
    sequence = map.SEQUENCE and map.SEQUENCE.value or 0, subject = text_of(map, "SUMMARY") or px.i18n.t("import.no_subject"),
    at = at, ends_at = ends_at(map, at, day, zone), all_day = day, zone = zone, location = text_of(map, "LOCATION"),
    agenda = text_of(map, "DESCRIPTION"), rrule = text_of(map, "RRULE"), exdates = exdates(event, zone),
    status = STATES[text_of(map, "STATUS") or ""] or (at > px.date.now() and "planned" or "held"),
  }
end

--- People that the file names and that we know attend; others stay names in their own calendars.
local function attend(meeting, event)
  for _, one in ipairs(event.properties) do
    local email = one.name == "ATTENDEE" and address(one)
    local person = email and px.store.first("person", { filter = { email = email } })
    if person and not px.store.first("attendance", { filter = { interaction = meeting, person = person.id } }) then
      px.store.create("attendance", {
        interaction = meeting, person = person.id, partstat = ANSWERS[(parameter(one, "PARTSTAT") or ""):upper()],
      })
    end
  end
end

--- A changed occurrence stands for itself: its series leaves it out.
local function leave_out(fields)
  local series = px.store.first("interaction", { filter = { uid = fields.series } })
  if not series then
    return
  end
  local day = #fields.excepted == 10
  local text = day and fields.excepted or tostring(px.ical.occurrences({ start = fields.excepted, zone = series.zone })[1])
  local list = series.exdates or {}
  list[#list + 1] = text
  px.store.update("interaction", series.id, { exdates = list })
end

local function import_event(event, counts)
  local fields, wrong = fields_of(event)
  if not fields then
    return wrong
  end
  local series, old = fields.series, px.store.first("interaction", { filter = { uid = fields.uid } })
  local exception = { series = series, excepted = fields.excepted }
  fields.series, fields.excepted = nil, nil
  local field, detail = meetings.fault(fields)
  if field then
    return fault(field:upper(), detail)
  end
  if old and (old.sequence or 0) > fields.sequence then
    return fault("SEQUENCE", px.i18n.t("import.older", { sequence = fields.sequence, now = old.sequence }))
  end
  local made
  if old then
    made = px.store.update("interaction", old.id, fields)
    counts.updated = counts.updated + 1
  else
    meetings.complete(fields, px.actor.user())
    made = px.store.create("interaction", fields)
    counts.created = counts.created + 1
  end
  attend(made.id, event)
  if series and not old then
    leave_out(exception)
  end
end

--- Every event of the file in, or refused with its place; masters before their exceptions.
local function import_all(calendars, counts)
  local events = {}
  for i, calendar in ipairs(calendars) do
    for j, event in ipairs(calendar.components or {}) do
      if event.name == "VEVENT" and calendar.name == "VCALENDAR" then
        events[#events + 1] = { place = ("%d.VEVENT.%d"):format(i, j), event = event, later = properties(event)["RECURRENCE-ID"] ~= nil }
      end
    end
  end
  counts.events = #events
  if #events > EVENTS_MAX then
    px.refuse("file", px.i18n.t("import.too_many", { count = EVENTS_MAX }))
  end
  for _, later in ipairs { false, true } do
    for _, one in ipairs(events) do
      if one.later == later then
        local wrong
        local _, err = px.try(function()
          wrong = import_event(one.event, counts)
          return true
        end)
        if err then
          wrong = fault((err.field or ""):gsub("^/", ""), err.detail or err.message)
        end
        if wrong then
          counts.refused[#counts.refused + 1] = { pointer = one.place .. "." .. wrong.field, detail = wrong.detail }
        end
      end
    end
  end
end

-- POST /x/relations/calendar/import, a text/calendar: one change-set, which can be reverted as a whole.
px.route("POST", "/calendar/import", function(request)
  local calendars, refusal = decode(request.body)
  if not calendars then
    return refusal
  end
  local counts
  px.store.changeset(px.i18n.t("import.changeset"), function(id)
    counts = { changeset = id, created = 0, updated = 0, refused = px.json.list() }
    import_all(calendars, counts)
  end)
  if counts.created + counts.updated == 0 then
    counts.changeset = nil
  end
  return px.http.json(counts)
end)

