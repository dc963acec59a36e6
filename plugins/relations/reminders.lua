-- A meeting with a reminder becomes a task of its organiser so many minutes before it begins; of a recurring one, each time anew.
local calendar_text <const> = require "calendar_text"

local NEARS <const> = "relations.meeting_nears"
local HORIZON <const> = "1500d" -- events wait no longer than five years

local function wants_reminder(meeting)
  return meeting.kind == "meeting" and meeting.reminder_minutes and meeting.organizer and meeting.status == "planned"
end

--- The next time it begins with its reminder still to come.
local function next_start(meeting)
  local earliest = px.date.now() + (meeting.reminder_minutes .. "m") + "1s"
  return px.ical.occurrences({
    start = meeting.at, rrule = meeting.rrule, zone = meeting.zone or "UTC", exdates = meeting.exdates,
    from = earliest, to = earliest + HORIZON, limit = 1,
  })[1]
end

local function wait_for(id, meeting)
  local start = wants_reminder(meeting) and next_start(meeting)
  if start then
    local delay = px.date.diff(start - (meeting.reminder_minutes .. "m"), px.date.now(), "seconds")
    local data = { meeting = id, at = tostring(start), sequence = meeting.sequence, minutes = meeting.reminder_minutes }
    px.bus.emit(NEARS, data, { delay = math.max(delay, 1) .. "s", key = id })
  end
end

px.on("interaction.created", { key = "id", name = "reminder_of_new" }, function(event)
  wait_for(event.id, event.after)
end)

px.on("interaction.updated", { key = "id", name = "reminder_of_changed" }, function(event)
  local before, after = event.before, event.after
  if before.sequence ~= after.sequence or before.reminder_minutes ~= after.reminder_minutes or before.status ~= after.status then
    wait_for(event.id, after)
  end
end)

-- Of a meeting that was moved, cancelled or given another reminder, what was waiting is stale.
px.on(NEARS, { key = "data.meeting" }, function(event)
  local data = event.data
  local meeting = px.store.get("interaction", data.meeting)
  if not meeting or not wants_reminder(meeting) or meeting.sequence ~= data.sequence or meeting.reminder_minutes ~= data.minutes then
    return
  end
  local at = px.date.parse(data.at)
  local zone = meeting.zone or "UTC"
  px.store.upsert("task", { origin = "meeting:" .. meeting.id .. ":" .. data.at }, {
    title = px.text.sub(px.i18n.t("reminder.title", { time = calendar_text.local_time(at, zone):sub(12, 16), subject = meeting.subject },
      { language = px.config.get("language") }), 1, 300),
    owner = meeting.organizer, due = px.date.parse(calendar_text.local_day(at, zone)), kind = "meeting",
  })
  if meeting.rrule then
    wait_for(meeting.id, meeting)
  end
end)
