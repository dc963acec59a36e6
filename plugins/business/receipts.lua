-- Something that each person of an audience acknowledges for himself: receipts, made once, and reminders until then.
local audience <const> = require "audience"
local kept <const> = require "kept"
local work <const> = require "work"

local M = {}

local CHUNK <const> = 200 -- receipts made, or people reminded, in one unit of work

--- Nobody acknowledges for somebody else, and nothing else of a receipt is changed.
local function guard(spec)
  kept.fields(spec.receipt, { "reminders", "next_reminder_on", "acknowledged_at", "origin" })
  px.before(spec.receipt .. ".create", function()
    px.refuse(spec.parent_field, px.i18n.t("receipts.by_themselves"))
  end)
  px.before(spec.receipt .. ".update", function(drafts)
    for _, draft in ipairs(drafts) do
      local receipt = px.store.get(spec.receipt, draft.id)
      for name in pairs(draft) do
        if name ~= "id" and name ~= "acknowledged" then
          px.refuse(name, px.i18n.t("receipts.only_acknowledge"))
        end
      end
      if receipt and receipt.person ~= px.actor.user() then
        px.refuse("acknowledged", px.i18n.t("receipts.not_yours"))
      elseif receipt and receipt.acknowledged and not draft.acknowledged then
        px.refuse("acknowledged", px.i18n.t("receipts.already"))
      end
      if draft.acknowledged then
        draft.acknowledged_at = px.date.now()
      end
    end
  end)
end

local function receive(spec, parent, user, today, key)
  local due = spec.due(parent) or today
  local fields = {
    title = parent.title, [spec.parent_field] = parent.id, person = user.id, owner = user.id, origin = key,
    next_reminder_on = today + (parent.remind_every .. "d"),
  }
  if spec.due_field then
    fields[spec.due_field] = due
  end
  px.store.create(spec.receipt, fields)
  work.keep(key, { title = px.i18n.t(spec.task, { title = parent.title }), owner = user.id, due = due })
end

--- Makes the receipts that are missing, a chunk at a time; people who came later get theirs on the next morning.
local function spread(spec, id)
  local parent, today, made = px.store.get(spec.parent, id), work.today(), 0
  if not parent or not spec.active(parent, today) then
    return
  end
  for _, user in ipairs(audience.users(spec.audience(parent))) do
    local key = spec.prefix .. ":" .. id .. ":" .. user.id
    if not px.store.first(spec.receipt, { filter = { origin = key } }) then
      if made == CHUNK then
        px.bus.emit(spec.spreading, { id = id }, { key = id, delay = "1s" })
        return
      end
      receive(spec, parent, user, today, key)
      made = made + 1
    end
  end
end

--- Is this the time to remind, and when is the next? Who is away is reminded when he is back; what is over, no more.
function M.decide(parent, user, active, today, now)
  if not active then
    return false, px.null
  elseif audience.away(user, now) then
    return false, user.away_until.date + "1d"
  end
  return true, today + (parent.remind_every .. "d")
end

--- Once for each reminder: its number is in the receipt, in the same unit of work.
local function remind(spec, receipt, today, now)
  local user, parent = px.store.get("user", receipt.person), px.store.get(spec.parent, receipt[spec.parent_field])
  if not user or not parent then
    return
  end
  local reminds, next_on = M.decide(parent, user, spec.active(parent, today), today, now)
  local number = receipt.reminders + (reminds and 1 or 0)
  px.store.update(spec.receipt, receipt.id, { reminders = number, next_reminder_on = next_on })
  if reminds then
    px.bus.emit(spec.reminded, { [spec.parent_field] = parent.id, user = user.id, number = number })
  end
end

local function remind_all(spec)
  local today, now = work.today(), px.date.now()
  local due, more = px.store.find(spec.receipt, {
    filter = { acknowledged = false, next_reminder_on = { le = today } }, order = "next_reminder_on", limit = CHUNK })
  for _, receipt in ipairs(due) do
    remind(spec, receipt, today, now)
  end
  if more then
    px.bus.emit(spec.reminding, {}, { key = spec.receipt, delay = "1s" })
  end
end

--- What is over asks nobody any more.
function M.release(spec, id)
  for receipt in px.store.each(spec.receipt, { filter = { [spec.parent_field] = id, acknowledged = false } }) do
    work.drop(receipt.origin)
    px.store.update(spec.receipt, receipt.id, { next_reminder_on = px.null })
  end
end

function M.shown(receipt, now)
  local user = px.store.get("user", receipt.person)
  return {
    id = receipt.id, person = receipt.person, name = user and (user.label or user.name) or px.null, reminders = receipt.reminders,
    away = user ~= nil and audience.away(user, now), title = receipt.title, due = receipt.due or px.null,
  }
end

--- Each morning's work: call it from a schedule, after what is over was ended.
function M.morning(spec, filter)
  for parent in px.store.each(spec.parent, { filter = filter }) do
    px.bus.emit(spec.spreading, { id = parent.id }, { key = parent.id })
  end
  px.bus.emit(spec.reminding, {}, { key = spec.receipt })
end

--- spec: parent, parent_field, receipt, prefix (of origins), task (key of its title), due(parent), due_field?, active(parent, today),
--- audience(parent), spreading, reminding, reminded (events)
function M.define(spec)
  guard(spec)
  px.on(spec.spreading, { name = spec.parent .. "_spreading" }, function(event)
    spread(spec, event.data.id)
  end)
  px.on(spec.reminding, { name = spec.parent .. "_reminding" }, function()
    remind_all(spec)
  end)
  px.on(spec.receipt .. ".updated", { key = "id", filter = "after.acknowledged and not before.acknowledged" }, function(event)
    work.done(event.after.origin)
  end)
  spec.spread = function(id)
    spread(spec, id)
  end
  return spec
end

return M
