-- A private address for phones and calendar programs: who knows the token reads his meetings and due tasks, with his rights, and
-- writes nothing. The token itself is shown once; only its hash is kept.
local calendar_text <const> = require "calendar_text"
local invitations <const> = require "invitations"
local meetings <const> = require "meetings"

local BEHIND <const> = "60d"
local AHEAD <const> = "400d"
local EVENTS_MAX <const> = 2000
local TOKEN_BYTES <const> = 32

local function token_key(token)
  return "calendar_token:" .. px.crypto.hash(token)
end

local function user_key(user)
  return "calendar_user:" .. user
end

local function drop(user)
  local old = px.store.kv.get(user_key(user))
  if old then
    px.store.kv.set(old, nil)
    px.store.kv.set(user_key(user), nil)
  end
  return old ~= nil
end

--- A new address; the one before is none any more.
local function renew(user)
  local token = px.crypto.random(TOKEN_BYTES, { encoding = "hex" })
  px.store.tx(function()
    drop(user)
    px.store.kv.set(token_key(token), user)
    px.store.kv.set(user_key(user), token_key(token))
  end)
  return "/x/relations/calendar/" .. token .. ".ics"
end

px.route("POST", "/calendar/feed", function()
  return px.http.json({ path = renew(px.actor.user()) }, { status = 201 })
end)

px.route("DELETE", "/calendar/feed", function()
  if not drop(px.actor.user()) then
    return px.http.problem(404, "not_found", px.i18n.t("calendar.no_feed"))
  end
  return { status = 204 }
end)

px.command("calendar feed", {
  help = { en = "a new private address of one's calendar; the old one ends", el = "νέα ιδιωτική διεύθυνση ημερολογίου· η παλιά παύει" },
}, function(_, out)
  out.line(renew(px.actor.user()))
end)

px.command("calendar revoke", {
  help = { en = "end the private address of one's calendar", el = "κατάργηση της ιδιωτικής διεύθυνσης ημερολογίου" },
}, function(_, out)
  local dropped = drop(px.actor.user())
  out.line(px.i18n.t(dropped and "calendar.revoked" or "calendar.no_feed"))
  return dropped and 0 or 1
end)

--- The stamps are the records' own, so that the file changes when they do and not by being asked for.
local function components(user)
  local now = px.date.now()
  local list, zones = {}, {}
  for _, meeting in ipairs(meetings.of_user(user, now - BEHIND, now + AHEAD)) do
    if #list < EVENTS_MAX then
      list[#list + 1] = calendar_text.event(meeting, { organizer = invitations.organizer(meeting) },
        { stamp = meeting.updated_at, alarm = true })
      if not meeting.all_day and meeting.zone and meeting.zone ~= "UTC" then
        zones[meeting.zone] = true
      end
    end
  end
  local due = { owner = user, state = "open", due = { "between", { (now - BEHIND).date, (now + AHEAD).date } } }
  for task in px.store.each("task", { filter = due, limit = 500 }) do
    if #list < EVENTS_MAX then
      list[#list + 1] = calendar_text.day("task-" .. task.id, task.due, task.title, task.updated_at)
    end
  end
  return list, zones
end

local function none()
  return px.http.problem(404, "not_found", px.i18n.t("calendar.no_feed"))
end

-- GET /x/relations/calendar/<token>.ics
px.route("GET", "/calendar/:file", { public = true }, function(request)
  local token = request.params.file:match("^(%x+)%.ics$")
  local user = token and #token == 2 * TOKEN_BYTES and px.store.kv.get(token_key(token))
  if not user then
    return none()
  end
  local text, err = px.try(px.actor.as, user, function()
    return calendar_text.calendar("PUBLISH", components(user))
  end)
  if not text then
    if err.code == "forbidden" or err.code == "not_found" or err.code == "unauthenticated" then
      return none() -- he is no user any more
    end
    error(err, 0)
  end
  local etag = '"' .. px.crypto.hash(text):sub(1, 32) .. '"'
  local headers = { etag = etag, ["cache-control"] = "private, max-age=300" }
  if request.headers["if-none-match"] == etag then
    return { status = 304, headers = headers, text = "" }
  end
  return { content_type = "text/calendar; charset=utf-8", headers = headers, text = text }
end)
