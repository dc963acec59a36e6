-- A meeting as iCalendar (RFC 5545, 5546): pure, from records to components and back to none of them.
local M = {}

local PRODID <const> = "-//Proxenos//Relations 1//EN"

local function property(name, value, parameters)
  return { name = name, value = value, parameters = parameters }
end

--- "2027-03-31T10:00:00" on the zone's clocks.
function M.local_time(instant, zone)
  local at = px.date.zone(instant, zone)
  return ("%04d-%02d-%02dT%02d:%02d:%02d"):format(at.year, at.month, at.day, at.hour, at.minute, at.second)
end

--- The day of an instant on the zone's clocks.
function M.local_day(instant, zone)
  return M.local_time(instant, zone):sub(1, 10)
end

local function moment(name, instant, meeting)
  local zone = meeting.zone or "UTC"
  if meeting.all_day then
    return property(name, M.local_day(instant, zone), { VALUE = "DATE" })
  elseif zone == "UTC" then
    return property(name, tostring(instant))
  end
  return property(name, M.local_time(instant, zone), { TZID = zone })
end

--- Exceptions are kept as texts: days, or instants.
local function exceptions(meeting)
  local values = {}
  local zone = meeting.zone or "UTC"
  for _, text in ipairs(meeting.exdates or {}) do
    local day = #text == 10
    if meeting.all_day then
      values[#values + 1] = day and text or M.local_day(px.date.parse(text), zone)
    else
      -- A day alone leaves out what happens on it, at the hour at which all of them happen.
      values[#values + 1] = day and text .. M.local_time(meeting.at, zone):sub(11) or M.local_time(px.date.parse(text), zone)
    end
  end
  if #values == 0 then
    return nil
  end
  return property("EXDATE", values, meeting.all_day and { VALUE = "DATE" } or { TZID = zone })
end

local function mailto(one)
  return "mailto:" .. one.email
end

--- In a parameter there is no way to write a quote or a line end.
local function plain(text)
  return (text:gsub('[%c"]', " "))
end

local function attendee(one)
  return property("ATTENDEE", mailto(one), {
    CN = plain(one.name), ROLE = one.role:upper():gsub("_", "-"), PARTSTAT = one.partstat:upper():gsub("_", "-"),
    CUTYPE = "INDIVIDUAL", RSVP = one.partstat == "needs_action" and "TRUE" or "FALSE",
  })
end

local function description(meeting)
  local parts = {}
  if meeting.agenda then
    parts[#parts + 1] = meeting.agenda
  end
  if meeting.join_url then
    parts[#parts + 1] = meeting.join_url
  end
  return #parts > 0 and table.concat(parts, "\n\n") or nil
end

local function alarm(meeting)
  return { name = "VALARM", properties = {
    property("ACTION", "DISPLAY"), property("DESCRIPTION", meeting.subject),
    property("TRIGGER", "-PT" .. meeting.reminder_minutes .. "M"),
  } }
end

--- people: { organizer = { name, email }?, attendees = { { name, email, role, partstat } … } }; options: cancelled, alarm, stamp.
function M.event(meeting, people, options)
  local list = {
    property("UID", meeting.uid), property("SEQUENCE", meeting.sequence or 0),
    property("DTSTAMP", tostring(options.stamp)), moment("DTSTART", meeting.at, meeting),
    property("SUMMARY", meeting.subject),
    property("STATUS", options.cancelled and "CANCELLED" or "CONFIRMED"),
  }
  local function add(one)
    list[#list + 1] = one
  end
  if meeting.ends_at then
    add(moment("DTEND", meeting.ends_at, meeting))
  end
  if meeting.rrule then
    add(property("RRULE", meeting.rrule))
    add(exceptions(meeting))
  end
  if meeting.location then
    add(property("LOCATION", meeting.location))
  end
  if description(meeting) then
    add(property("DESCRIPTION", description(meeting)))
  end
  if meeting.join_url then
    add(property("URL", meeting.join_url))
  end
  if people.organizer then
    add(property("ORGANIZER", mailto(people.organizer), { CN = plain(people.organizer.name) }))
  end
  for _, one in ipairs(people.attendees or {}) do
    add(attendee(one))
  end
  local inner = options.alarm and meeting.reminder_minutes and { alarm(meeting) } or nil
  return { name = "VEVENT", properties = list, components = inner }
end

--- A day's thing that takes no time: a task that is due.
function M.day(uid, day, subject, stamp)
  return { name = "VEVENT", properties = {
    property("UID", uid), property("DTSTAMP", tostring(stamp)), property("DTSTART", tostring(day), { VALUE = "DATE" }),
    property("SUMMARY", subject), property("TRANSP", "TRANSPARENT"),
  } }
end

--- The components' calendar, with the zones that they name.
function M.calendar(method, components, zones)
  local list = { property("VERSION", "2.0"), property("PRODID", PRODID), property("CALSCALE", "GREGORIAN") }
  if method then
    list[#list + 1] = property("METHOD", method)
  end
  local inner = {}
  for zone in pairs(zones) do
    inner[#inner + 1] = px.ical.zone(zone)
  end
  for _, component in ipairs(components) do
    inner[#inner + 1] = component
  end
  return px.ical.encode { name = "VCALENDAR", properties = list, components = inner }
end

--- Busy times alone, of somebody: no subject, no place, no other.
function M.busy(person, from, to, intervals, stamp)
  local periods = {}
  for _, one in ipairs(intervals) do
    local function compact(instant)
      return M.local_time(instant, "UTC"):gsub("[-:]", "") .. "Z"
    end
    periods[#periods + 1] = compact(one.from) .. "/" .. compact(one.to)
  end
  local list = {
    property("UID", person.id .. "-" .. tostring(from)), property("DTSTAMP", tostring(stamp)),
    property("DTSTART", tostring(from)), property("DTEND", tostring(to)),
  }
  if person.email then
    list[#list + 1] = property("ATTENDEE", mailto(person))
  end
  if #periods > 0 then
    list[#list + 1] = property("FREEBUSY", periods, { FBTYPE = "BUSY" })
  end
  return M.calendar("PUBLISH", { { name = "VFREEBUSY", properties = list } }, {})
end

return M
