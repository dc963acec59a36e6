-- Contracts: what is said at once when one is entered, and what follows from the calendar, once each.
-- Arithmetic: contract_terms.lua. The decision on a term: renewals.lua.

local obligations <const> = require "obligations"
local terms <const> = require "contract_terms"
local contract_health <const> = require "contract_health"
local renewals <const> = require "renewals"
local today <const> = require("days").today

local SWEEP_PAGE <const> = 1000
local CLOSED <const> = { ended = true, terminated = true }

-- ---- hooks ----

-- The record as it will be; px.null empties a field.
local function merged(before, draft)
  local record = {}
  for name, value in pairs(before or {}) do
    record[name] = value
  end
  for name, value in pairs(draft) do
    if value == px.null then
      record[name] = nil
    else
      record[name] = value
    end
  end
  return record
end

local function check_signatures(id)
  local open = px.store.first("contract_signatory", { filter = { contract = id, status = { "ne", "signed" } } })
  if open then
    px.refuse("stage", open.name .. " has not signed; record each signature first")
  end
end

local function check_notice(before, contract, draft, day)
  draft.notice_given_on = contract.notice_given_on or day
  draft.notice_given_by = contract.notice_given_by or "us"
  local last = terms.last_notice(contract, contract.ends_on)
  if not last or draft.notice_given_on <= last or not contract.auto_renew then
    return
  end
  local next_chance = terms.judge(before, day).next_notice_on
  px.refuse("stage", ("the last day to give notice was %s; %s; to end it by agreement, terminate it"):format(last,
    next_chance and "the next chance is " .. tostring(next_chance) or "there is no later one"))
end

-- Renewing is an act: it names the new last day, or the contract says for how long.
local function check_renewing(before, contract, draft)
  if not before.ends_on then
    px.refuse("ends_on", "a contract without a last day has no term to renew")
  end
  if contract.ends_on == before.ends_on then
    if not contract.renewal_term_months then
      px.refuse("ends_on", "say until when it is renewed")
    end
    local months = (contract.term_months_past or 0) + contract.renewal_term_months
    local anchor = contract.term_anchor_on or before.ends_on
    draft.ends_on, draft.term_anchor_on, draft.term_months_past = terms.add_months(anchor, months), anchor, months
  elseif contract.ends_on < before.ends_on then
    px.refuse("ends_on", "a renewed term ends after " .. tostring(before.ends_on))
  end
  draft.renewals_done = (before.renewals_done or 0) + 1
end

local function check_move(before, contract, draft, day)
  if draft.stage == "signed" then
    check_signatures(before.id)
  elseif draft.stage == "notice_given" then
    check_notice(before, contract, draft, day)
  elseif draft.stage == "renewed" then
    check_renewing(before, contract, draft)
  elseif draft.stage == "in_force" and contract.starts_on and contract.starts_on > day then
    px.refuse("stage", "it starts on " .. tostring(contract.starts_on) .. " and comes into force then by itself")
  elseif draft.stage == "ended" and contract.ends_on and contract.ends_on >= day then
    px.refuse("stage", "the term runs until " .. tostring(contract.ends_on) .. "; to end it before, terminate it")
  end
end

local function keep(draft, contract, day)
  if draft.ends_on ~= nil and draft.term_months_past == nil then
    draft.term_anchor_on, draft.term_months_past = draft.ends_on, 0
    contract.term_anchor_on, contract.term_months_past = contract.ends_on, 0
  end
  local kept = terms.judge(contract, day)
  draft.notice_state = kept.notice_state
  draft.next_notice_on = kept.next_notice_on or px.null
  draft.watch_on = kept.watch_on or px.null
end

px.before("contract.create", function(drafts)
  local day = today()
  for _, draft in ipairs(drafts) do
    draft.lead_days = draft.lead_days or px.config.get("renewal_lead_days")
    keep(draft, merged(nil, draft), day)
  end
end)

px.before("contract.update", function(drafts)
  local day = today()
  for _, draft in ipairs(drafts) do
    local before = px.store.get("contract", draft.id)
    if before then
      if draft.stage and draft.stage ~= before.stage then
        check_move(before, merged(before, draft), draft, day)
      end
      keep(draft, merged(before, draft), day)
    end
  end
end)

-- ---- signatures ----

px.on("contract_signatory.status.signed", function(event)
  local id = event.after.contract
  local contract = px.store.get("contract", id)
  local open = px.store.first("contract_signatory", { filter = { contract = id, status = { "ne", "signed" } } })
  if contract and contract.stage == "in_signature" and not open then
    px.store.update("contract", id, { stage = "signed" })
  end
end)

-- ---- what the calendar brings ----

-- A clause has renewed the contract while nobody gave notice: never silently. Each term is an event that says what follows.
local function renew_by_clause(contract, day)
  local rolled, at = terms.roll(contract, day)
  if #rolled == 0 then
    return false
  end
  for _, term in ipairs(rolled) do
    px.bus.emit("relations.contract_renewed", {
      contract = contract.id, by = "clause", term_ended_on = tostring(term.ended_on), ends_on = tostring(term.ends_on),
      months = contract.renewal_term_months, value = contract.value, value_period = contract.value_period,
    })
  end
  px.store.update("contract", contract.id, {
    stage = contract.stage == "in_force" and "renewed" or nil,
    ends_on = at.ends_on,
    term_anchor_on = contract.term_anchor_on or contract.ends_on,
    term_months_past = at.term_months_past,
    renewals_done = at.renewals_done,
  })
  return true
end

-- One step; the change that it makes brings the next one.
local function move_on(contract, day)
  if contract.stage == "signed" and contract.starts_on and contract.starts_on <= day then
    px.store.update("contract", contract.id, { stage = "in_force" })
    return true
  end
  if not contract.ends_on or contract.ends_on >= day then
    return false
  end
  if contract.stage == "notice_given" then
    px.store.update("contract", contract.id, { stage = "ended" })
    return true
  end
  if not terms.is_live(contract) or contract.auto_renew == nil then
    return false
  end
  if contract.auto_renew and renew_by_clause(contract, day) then
    return true
  end
  px.store.update("contract", contract.id, { stage = "ended" })
  return true
end

local function settle(id)
  local contract = px.store.get("contract", id)
  local day = today()
  if not contract or move_on(contract, day) then
    return
  end
  local kept = terms.judge(contract, day)
  if CLOSED[contract.stage] or contract.stage == "notice_given" or terms.is_live(contract) then
    renewals.follow(contract, kept, day)
  end
  contract_health.tell(contract, kept.notice_state)
  if kept.notice_state ~= contract.notice_state or kept.next_notice_on ~= contract.next_notice_on
    or kept.watch_on ~= contract.watch_on then
    px.store.update("contract", id, {
      notice_state = kept.notice_state,
      next_notice_on = kept.next_notice_on or px.null,
      watch_on = kept.watch_on or px.null,
    })
  end
end

px.on("contract.created", function(event)
  settle(event.id)
end)

px.on("contract.updated", function(event)
  settle(event.id)
end)

px.on("renewal.created", function(event)
  settle(event.after.contract)
end)

px.on("relations.contract_date_reached", function(event)
  settle(event.data.contract)
end)

-- Each contract whose day has come gets an event and so a unit of its own, however many there are.
local function sweep(behind)
  local day = today()
  local due = px.store.find("contract", {
    filter = { watch_on = { "le", day }, id = behind and { "gt", behind } or nil },
    fields = { "id" }, order = "id", limit = SWEEP_PAGE,
  })
  for _, contract in ipairs(due) do
    px.bus.emit("relations.contract_date_reached", { contract = contract.id },
      { dedup = "contract " .. contract.id .. " " .. tostring(day) })
  end
  if #due == SWEEP_PAGE then
    px.bus.emit("relations.contracts_swept", { behind = due[SWEEP_PAGE].id })
  end
end

px.on("relations.contracts_swept", function(event)
  sweep(event.data.behind)
end)

px.schedule("contracts", "10 0 * * *", { zone = px.config.get("zone"), missed = "once" }, function()
  sweep()
  obligations.miss()
end)
