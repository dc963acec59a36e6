-- B1: comments on any record. Who may not see the record may neither read nor write its thread; a comment has the record's owner and
-- compartment, so that lists follow the same rows.
local ask <const> = require "ask"
local kept <const> = require "kept"
local work <const> = require "work"

kept.fields("comment", { "title" })

local function seen(object, id)
  return px.try(px.store.get, object, id)
end

local function named(record)
  return record.name or record.title or record.subject
end

px.before("comment.create", function(drafts)
  for _, draft in ipairs(drafts) do
    local record = type(draft.object) == "string" and type(draft.record) == "string" and seen(draft.object, draft.record)
    if not record then
      px.refuse("record", px.i18n.t("threads.no_record"))
    end
    draft.owner = record.owner
    draft.title = named(record) and px.text.sub(tostring(named(record)), 1, 200) or nil
    draft.compartment = record.compartment
    local answered = kept.value(draft.answers) and px.store.get("comment", draft.answers)
    if answered and answered.record ~= draft.record then
      px.refuse("answers", px.i18n.t("threads.other_record"))
    end
  end
end)

px.before("comment.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local comment = px.store.get("comment", draft.id)
    if draft.object ~= nil or draft.record ~= nil then
      px.refuse("record", px.i18n.t("threads.stays"))
    end
    if comment and comment.created_by ~= px.actor.name() then
      px.refuse("body", px.i18n.t("threads.not_yours"))
    end
  end
end)

--- Who wrote it, by name; whoever is not a user (a plugin, an operator), as the log names him.
local function author(actor)
  return actor:match("^user:(.+)$") or actor
end

-- The task names the record's kind, not the record: whether he may see it, the thread says.
local function mention(event)
  local before = {}
  for _, id in ipairs(event.before and event.before.mentions or {}) do
    before[id] = true
  end
  for _, user in ipairs(event.after.mentions or {}) do
    if not before[user] then
      work.keep("comment:" .. event.id .. ":" .. user, {
        title = px.i18n.t("threads.mention", { who = author(event.actor) }), owner = user, due = work.today(),
        description = "/x/business/threads/" .. event.after.object .. "/" .. event.after.record,
      })
    end
  end
end

px.on("comment.created", { key = "id" }, mention)
px.on("comment.updated", { key = "id" }, mention)

-- The thread goes where its record goes.
px.on("*.updated", { name = "owners", filter = "before.owner ~= after.owner" }, function(event)
  for comment in px.store.each("comment", { filter = { object = event.object, record = event.id } }) do
    px.store.update("comment", comment.id, { owner = event.after.owner or px.null })
  end
end)

px.on("*.deleted", { name = "gone" }, function(event)
  for comment in px.store.each("comment", { filter = { object = event.object, record = event.id } }) do
    px.store.delete("comment", comment.id)
  end
end)

-- GET /x/business/threads/:object/:record: oldest first, for who sees the record.
px.route("GET", "/threads/:object/:record", function(request)
  local object, id = request.params.object, request.params.record
  local record = seen(object, id)
  if not record then
    return px.http.problem(404, "not_found", px.i18n.t("threads.no_record"))
  end
  local rows = {}
  local found, next_page = px.store.find("comment", {
    filter = { object = object, record = id }, order = "created_at", limit = ask.limit(request), after = request.query.after })
  for i, comment in ipairs(found) do
    rows[i] = {
      id = comment.id, at = comment.created_at, author = author(comment.created_by),
      body = comment.body, mentions = px.json.list(comment.mentions or {}), answers = comment.answers or px.null,
    }
  end
  return px.http.json { object = object, record = id, data = px.json.list(rows), next = next_page or px.null }
end)
