-- Invitations by mail (RFC 5546 over RFC 6047): asked for once by a person, then sent again by themselves when the meeting changes.
local calendar_text <const> = require "calendar_text"

local M = {}

local ATTENDEES_MAX <const> = 200

local function person_of(row)
  local party = row.user or row.person
  if not party then
    return nil
  end
  return {
    row = row, id = row.id, name = party.label or party.name, email = party.email, language = party.language,
    role = row.role, partstat = row.partstat, closed = party.do_not_contact, is_user = row.user ~= nil, party = party.id,
  }
end

--- Who attends, with names and addresses, in the order in which they were added.
function M.attendees(meeting)
  local list = {}
  local rows = px.store.find("attendance", {
    filter = { interaction = meeting }, include = { "person", "user" }, order = "id", limit = ATTENDEES_MAX,
  })
  for _, row in ipairs(rows) do
    list[#list + 1] = person_of(row)
  end
  return list
end

function M.organizer(meeting)
  local user = meeting.organizer and px.store.get("user", meeting.organizer)
  local email = user and user.email
  return email and { id = user.id, name = user.label or user.name, email = email } or nil
end

--- The file that one message carries: `list` are those named in it.
function M.calendar(method, meeting, organizer, list)
  local named = {}
  for _, one in ipairs(list) do
    if one.email then
      named[#named + 1] = one
    end
  end
  local event = calendar_text.event(meeting, { organizer = organizer, attendees = named },
    { stamp = px.date.now(), cancelled = method == "CANCEL" })
  local zones = {}
  if not meeting.all_day and meeting.zone and meeting.zone ~= "UTC" then
    zones[meeting.zone] = true
  end
  return calendar_text.calendar(method, { event }, zones)
end

local function line(text)
  return (text:gsub("%c", " "))
end

local function hour(meeting, language)
  local layout = language == "el" and "dd/mm/yyyy" or "yyyy-mm-dd"
  local zone = meeting.zone or "UTC"
  local day = px.date.format(calendar_text.local_day(meeting.at, zone), layout)
  return meeting.all_day and day or day .. " " .. calendar_text.local_time(meeting.at, zone):sub(12, 16) .. " (" .. zone .. ")"
end

local function language_of(one)
  return (one.language or px.config.get("language")):match("^%a+"):lower() == "el" and "el" or "en"
end

local function send_one(method, meeting, organizer, one, text)
  local language = language_of(one)
  local _, err = px.try(px.mail.send, {
    to = one.email, name = line(one.name), language = language, related = meeting.id, reply_to = organizer.email,
    template = method == "CANCEL" and "cancellation" or "invitation",
    idempotency_key = table.concat({ method, meeting.id, one.id, meeting.version }, " "),
    data = {
      subject = line(meeting.subject), when = hour(meeting, language), organizer = organizer.name,
      location = meeting.location or "–", agenda = meeting.agenda or "–", join_url = meeting.join_url or "–",
    },
    calendar = { method = method, text = text },
  })
  return err
end

--- Why somebody is not written to; nil when he may be.
local function obstacle(one)
  return one.closed and "do_not_contact" or not one.email and "no_email" or nil
end

--- Sends to those of the list, all of them named in it unless told otherwise; { sent = …, skipped = { { name, reason } … } }.
function M.send(method, meeting, list, named)
  local outcome = { sent = 0, skipped = px.json.list() }
  local organizer = M.organizer(meeting)
  if not organizer then
    px.refuse("organizer", px.i18n.t("meeting.no_organizer"))
  end
  local text = M.calendar(method, meeting, organizer, named or list)
  for _, one in ipairs(list) do
    local reason = obstacle(one)
    if not reason and one.party ~= organizer.id then
      local err = send_one(method, meeting, organizer, one, text)
      if err and err.code ~= "recipient_refused" then
        error(err, 0)
      end
      reason = err and "address_refused" or nil
      outcome.sent = outcome.sent + (err and 0 or 1)
    end
    if reason then
      outcome.skipped[#outcome.skipped + 1] = { attendance = one.id, name = one.name, reason = reason }
    end
    if method == "REQUEST" then
      px.store.update("attendance", one.id, {
        invited_sequence = not reason and meeting.sequence or nil, not_invited = reason or px.null,
      })
    end
  end
  return outcome
end

--- After a significant change nobody's answer holds any more.
local function ask_again(list, meeting)
  for _, one in ipairs(list) do
    if one.party ~= meeting.organizer and one.partstat ~= "needs_action" then
      one.partstat = "needs_action"
      px.store.update("attendance", one.id, { partstat = "needs_action" })
    end
  end
end

--- A change that those invited must hear of.
function M.renew(before, meeting)
  if not M.organizer(meeting) then
    px.log.warn("nobody can be told of a change: the organiser has no address", { meeting = meeting.id })
    return nil
  end
  local list = M.attendees(meeting.id)
  if meeting.status == "cancelled" then
    return before.status ~= "cancelled" and M.send("CANCEL", meeting, list)
  end
  if before.sequence ~= meeting.sequence then
    ask_again(list, meeting)
  end
  return M.send("REQUEST", meeting, list)
end

--- Somebody attends no longer: he alone is told.
function M.withdraw(meeting, row)
  local one = person_of {
    id = row.id, role = row.role, partstat = row.partstat,
    user = row.user and px.store.get("user", row.user), person = row.person and px.store.get("person", row.person),
  }
  if one and row.invited_sequence and M.organizer(meeting) then
    M.send("CANCEL", meeting, { one })
  end
end

return M
