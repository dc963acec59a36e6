-- Handing over: the pack, the move as one revertible change-set, the way back, and what comes late.
local kept_task <const> = require "kept_task"
local pack <const> = require "handover_pack"

local MOST <const> = 2000 -- in one unit of work, within the time of a run
local PART <const> = 500

-- What was moved is written by the move alone: else a hand-over could say that it was done, and was not.
px.before("handover.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.state then
      px.refuse("state", "POST /x/relations/handovers/{id}/move hands over, …/back gives back")
    end
  end
end)

local function wanted(request, state)
  local handover = px.store.get("handover", request.params.id)
  if not handover then
    return nil, px.http.problem(404, "not_found", "there is no such hand-over")
  elseif state and not state[handover.state] then
    return nil, px.http.problem(422, "state", "the hand-over is " .. handover.state, { pointer = "/state" })
  end
  return handover
end

-- GET /x/relations/handovers/:id/pack
px.route("GET", "/handovers/:id/pack", function(request)
  local handover, refusal = wanted(request)
  if not handover then
    return refusal
  end
  local answer = pack.of(handover.from)
  answer.handover, answer.notes = handover.id, handover.notes
  return { json = answer }
end)

local function keep(handover, object, ids)
  for from = 1, #ids, PART do
    local part = table.move(ids, from, math.min(#ids, from + PART - 1), 1, {})
    px.store.create("handover_part", { handover = handover, object = object, records = px.json.list(part), count = #part })
  end
end

local function move(handover, list)
  local answer = { moved = px.json.list {}, total = 0 }
  px.store.changeset("hand-over " .. handover.id, function(id)
    answer.changeset = id
    for _, kind in ipairs(list) do
      for _, record in ipairs(kind.ids) do
        px.store.update(kind.object, record, { owner = handover.to })
      end
      keep(handover.id, kind.object, kind.ids)
      answer.moved[#answer.moved + 1] = { object = kind.object, count = #kind.ids }
      answer.total = answer.total + #kind.ids
    end
    if handover.state == "draft" then
      px.store.update("handover", handover.id, { state = "moved", moved_on = px.date.today(px.config.get("zone")) })
    end
  end)
  return answer
end

-- POST /x/relations/handovers/:id/move: all or nothing; once more for what came later
px.route("POST", "/handovers/:id/move", function(request)
  local handover, refusal = wanted(request, { draft = true, moved = true })
  if not handover then
    return refusal
  end
  local counts, unseen = pack.counts(handover.from)
  if #unseen > 0 then
    return px.http.problem(403, "forbidden", "you may not see all of it: " .. table.concat(unseen, ", "))
  end
  local list, total = pack.ids(handover.from, MOST)
  if not list then
    return px.http.problem(422, "limit", tostring(total) .. " records are more than " .. MOST
      .. " at once: move the greatest types with POST /api/v1/{objects}/bulk/edit first")
  end
  local answer = move(handover, list)
  answer.stays = px.json.list {}
  for _, count in ipairs(counts) do
    if count.stays > 0 then
      answer.stays[#answer.stays + 1] = { object = count.object, count = count.stays }
    end
  end
  return { json = answer }
end)

--- Gives back what still belongs to who took over; what went on to others stays with them, and is named.
local function give_back(handover, answer)
  for part in px.store.each("handover_part", { filter = { handover = handover.id } }) do
    for _, id in ipairs(part.records) do
      local record = px.store.get(part.object, id)
      if not record then
        answer.gone = answer.gone + 1
      elseif record.owner == handover.to then
        px.store.update(part.object, id, { owner = handover.from })
        answer.returned = answer.returned + 1
      elseif record.owner ~= handover.from then
        answer.went_on[#answer.went_on + 1] = { object = part.object, id = id, owner = record.owner }
      end
    end
  end
end

-- POST /x/relations/handovers/:id/back
px.route("POST", "/handovers/:id/back", function(request)
  local handover, refusal = wanted(request, { moved = true })
  if not handover then
    return refusal
  end
  local answer = { returned = 0, gone = 0, went_on = px.json.list {} }
  px.store.changeset("hand-over back " .. handover.id, function(id)
    answer.changeset = id
    give_back(handover, answer)
    px.store.update("handover", handover.id, { state = "returned" })
  end)
  return { json = answer }
end)

local function remind(id, what, due, owner)
  px.store.upsert("task", { origin = "handover:" .. id .. ":" .. what }, {
    title = px.i18n.t("task.handover_" .. what, nil, { language = px.config.get("language") }), owner = owner, due = due,
    kind = "handover", handover = id,
  })
end

-- Whoever moved may have seen less than there is, and work may still come to who is gone: whoever took over is told.
local function tell_what_is_left(id, handover)
  local today, left = px.date.today(px.config.get("zone")), 0
  for _, count in ipairs((pack.counts(handover.from))) do
    left = left + count.moves
  end
  local task = left > 0 and px.store.first("task", { filter = { origin = "handover:" .. id .. ":late" } })
  if left > 0 and not task then
    remind(id, "late", today + "1d", handover.to)
  elseif task and task.state ~= "open" then
    px.store.update("task", task.id, { state = "open", due = today + "1d" })
  end
end

px.on("handover.state.moved", function(event)
  local handover = event.after
  if handover.returns_on then
    remind(event.id, "return", handover.returns_on, handover.to)
  end
  tell_what_is_left(event.id, handover)
end)

px.on("handover.state.returned", function(event)
  for _, what in ipairs { "return", "late" } do
    kept_task.close("handover:" .. event.id .. ":" .. what, "done")
  end
end)

px.schedule("handovers", "30 6 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  for handover in px.store.each("handover", { filter = { state = "moved" } }) do
    tell_what_is_left(handover.id, handover)
  end
end)

px.command("pack", {
  help = { en = "what somebody looks after, for who takes over", el = "τι φροντίζει κάποιος, για όποιον αναλαμβάνει" },
  args = { { "user", required = true, help = { en = "the user's name", el = "το όνομα του χρήστη" } } },
}, function(args, out)
  local language = { language = out.language }
  local user = px.store.first("user", { filter = { name = args.user } })
  if not user then
    px.refuse("args/user", px.i18n.t("pack.nobody", { name = args.user }, language))
  end
  local shown, columns, rows = pack.of(user.id), {}, {}
  for _, count in ipairs(shown.counts) do
    out.line(px.i18n.t("pack.counts", count, language))
  end
  for i, column in ipairs { "party", "type", "health", "value" } do
    columns[i] = { column, px.i18n.t("pack." .. column, nil, language) }
  end
  for i, bond in ipairs(shown.bonds) do
    rows[i] = {
      party = bond.party, type = bond.type, health = bond.health == px.null and "?" or bond.health,
      value = bond.value_at_stake and tostring(bond.value_at_stake) or "?",
    }
  end
  out.table(columns, rows)
end)
