-- What makes an interaction a meeting: its UID and version, its hours, its link, whom it concerns and when it happens.
local M = {}

local MEETING <const> = "meeting"
-- What RFC 5546 calls a significant change: the answers given so far are for another meeting.
local SIGNIFICANT <const> = { "at", "ends_at", "all_day", "zone", "rrule", "exdates" }
-- What those invited should hear of, without having to answer again.
local TOLD <const> = { "subject", "location", "agenda", "join_url" }
local EXDATES_MAX <const> = 1000
local DAY_LOOK_BACK <const> = "7d"

--- Of a draft: px.null is nothing.
local function value(draft, field, old)
  local given = draft[field]
  if given == nil then
    given = old and old[field]
  end
  if given == px.null then
    return nil
  end
  return given
end

--- nil when it is right, else the field and what is wrong.
function M.fault(meeting)
  local exdates = meeting.exdates or {}
  if type(exdates) ~= "table" or #exdates > EXDATES_MAX then
    return "exdates", px.i18n.t("meeting.exdates")
  end
  for _, text in ipairs(exdates) do
    if type(text) ~= "string" or not px.try(px.date.parse, text) then
      return "exdates", px.i18n.t("meeting.exdates")
    end
  end
  local _, err = px.try(function()
    return #px.ical.occurrences { start = meeting.at, rrule = meeting.rrule, zone = meeting.zone, limit = 1 }
  end)
  if err then
    return err.field or "rrule", err.detail
  end
end

--- An unguessable room in the configured provider's URL.
function M.join_url()
  return (px.config.get("meeting_url"):gsub("{room}", px.crypto.random(16, { encoding = "hex" })))
end

--- A new meeting's draft, completed; also what an import makes.
function M.complete(draft, actor)
  draft.uid = draft.uid or px.crypto.random(16, { encoding = "hex" })
  draft.sequence = draft.sequence or 0
  draft.zone = draft.zone or px.config.get("zone")
  draft.organizer = draft.organizer or draft.owner or actor
  if draft.teleconference and not draft.join_url then
    draft.join_url = M.join_url()
  end
  if draft.at and not draft.ends_at and draft.duration_minutes then
    draft.ends_at = draft.at + (draft.duration_minutes .. "m")
  end
end

local function same(a, b)
  if type(a) == "table" or type(b) == "table" then
    return a ~= nil and b ~= nil and px.json.encode(a) == px.json.encode(b)
  end
  return a == b
end

local function differs(fields, before, after)
  for _, field in ipairs(fields) do
    if not same(before[field], after[field]) then
      return true
    end
  end
  return false
end

--- A change's draft over the record as it is: what both are together, and whether answers must be asked for again.
function M.merged(draft, old)
  local whole = { uid = old.uid }
  for _, field in ipairs(SIGNIFICANT) do
    whole[field] = value(draft, field, old)
  end
  return whole, differs(SIGNIFICANT, old, whole)
end

--- Must those who were invited hear of this change?
function M.is_told(before, after)
  return before.sequence ~= after.sequence or differs(TOLD, before, after)
end

px.before("interaction.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.kind == MEETING then
      M.complete(draft, px.actor.user())
      local field, fault = M.fault(draft)
      if field then
        px.refuse(field, fault)
      end
    end
  end
end)

px.before("interaction.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local old = px.store.get("interaction", draft.id)
    if old and old.uid then
      local whole, significant = M.merged(draft, old)
      local field, fault = M.fault(whole)
      if field then
        px.refuse(field, fault)
      end
      if draft.uid and draft.uid ~= old.uid then
        px.refuse("uid", px.i18n.t("meeting.uid"))
      end
      local cancelled = draft.status == "cancelled" and old.status ~= "cancelled"
      draft.sequence = (significant or cancelled) and old.sequence + 1 or old.sequence
      if draft.teleconference == true and not old.join_url and not draft.join_url then
        draft.join_url = M.join_url()
      end
    end
  end
end)

-- A meeting that people were invited to does not vanish: they would come.
px.before("interaction.delete", function(drafts)
  for _, draft in ipairs(drafts) do
    local old = px.store.get("interaction", draft.id)
    if old and old.invited_at and old.status == "planned" then
      px.refuse("status", px.i18n.t("meeting.cancel_first"))
    end
  end
end)

--- How long it takes: from and to of one occurrence. Of one that says neither end nor length only the first minute is known.
local function span(meeting, at)
  local minutes = meeting.ends_at and px.date.diff(meeting.ends_at, meeting.at, "minutes") or meeting.duration_minutes or 1
  return { from = at, to = at + (math.max(minutes, 1) .. "m"), meeting = meeting }
end

--- The occurrences of a meeting that touch from … to.
function M.occurrences(meeting, from, to, limit)
  local found = {}
  local list, more = px.ical.occurrences {
    start = meeting.at, rrule = meeting.rrule, zone = meeting.zone or "UTC", exdates = meeting.exdates,
    from = from - DAY_LOOK_BACK, to = to, limit = limit or 1000,
  }
  for _, at in ipairs(list) do
    local one = span(meeting, at)
    if one.to > from then
      found[#found + 1] = one
    end
  end
  return found, more
end

--- Filter of meetings that may happen between from and to, under a prefix of paths.
function M.when(from, to, prefix)
  prefix = prefix or ""
  return {
    { [prefix .. "at"] = { "between", { from - DAY_LOOK_BACK, to } } },
    { [prefix .. "rrule"] = { "is", "not_null" }, [prefix .. "at"] = { "le", to } },
  }
end

local function is_on(meeting)
  return meeting.kind == MEETING and meeting.status ~= "cancelled" and meeting.status ~= "not_held"
end

--- The meetings of a user in a stretch: those that he organises, and those that he attends and has not declined. Each once.
function M.of_user(user, from, to)
  local found, seen = {}, {}
  local function take(meeting)
    if meeting and not seen[meeting.id] and is_on(meeting) then
      seen[meeting.id] = true
      found[#found + 1] = meeting
    end
  end
  for meeting in px.store.each("interaction", { filter = { kind = MEETING, organizer = user, ["or"] = M.when(from, to) }, limit = 500 }) do
    take(meeting)
  end
  local attended = { user = user, partstat = { "ne", "declined" }, ["or"] = M.when(from, to, "interaction.") }
  for row in px.store.each("attendance", { filter = attended, include = { "interaction" }, limit = 500 }) do
    take(row.interaction)
  end
  return found
end

--- What a user does between from and to, in its order: { from, to, meeting } each.
function M.spans(user, from, to, limit)
  local all, more = {}, false
  for _, meeting in ipairs(M.of_user(user, from, to)) do
    local some, cut = M.occurrences(meeting, from, to, limit)
    more = more or cut
    table.move(some, 1, #some, #all + 1, all)
  end
  table.sort(all, function(a, b)
    return a.from < b.from or a.from == b.from and a.to < b.to
  end)
  return all, more
end

--- Stretches of time joined where they touch, cut to from … to: what may be shown to colleagues.
function M.joined(spans, from, to)
  local joined = {}
  for _, one in ipairs(spans) do
    local begin, finish = one.from < from and from or one.from, one.to > to and to or one.to
    local last = joined[#joined]
    if last and begin <= last.to then
      last.to = finish > last.to and finish or last.to
    elseif begin < finish then
      joined[#joined + 1] = { from = begin, to = finish }
    end
  end
  return joined
end

return M
