-- The renewal of a contract's term: opens itself, is decided by a person, and is told when the chance has passed.

local kept_task <const> = require "kept_task"
local terms <const> = require "contract_terms"
local versions <const> = require "contract_versions"
local today <const> = require("days").today

local M = {}

local PENDING <const> = { "in", { "open", "in_talks" } }
local FOLLOWED <const> = { "term_ends_on", "last_notice_on", "value", "renews_itself", "would_end_on" }

local function say(key, values)
  return px.i18n.t(key, values, { language = px.config.get("language") })
end

local function task_origin(contract, round, what)
  return ("contract:%s:%s:%d"):format(contract, what, round)
end

-- ---- opening and closing by the calendar ----

local function dates_of(contract)
  return {
    term_ends_on = contract.ends_on,
    last_notice_on = terms.last_notice(contract, contract.ends_on) or px.null,
    value = contract.value or px.null,
    renews_itself = contract.auto_renew == nil and px.null or contract.auto_renew,
    would_end_on = terms.next_end(contract) or px.null,
  }
end

local function raise_task(contract, round, renewal)
  local last = terms.last_notice(contract, contract.ends_on)
  px.store.upsert("task", { origin = task_origin(contract.id, round, "notice") }, {
    title = say(last and "renewals_task_notice" or "renewals_task_end",
      { name = px.text.sub(contract.name, 1, 150), day = tostring(last or contract.ends_on) }),
    kind = "renewal",
    due = last or contract.ends_on,
    owner = contract.owner,
    organisation = contract.party,
    relationship = contract.relationship,
    value_at_stake = contract.value,
    contract = contract.id,
    renewal = renewal.id,
  })
end

local function raise_warning(contract, round)
  local until_day = terms.next_end(contract)
  px.store.upsert("task", { origin = task_origin(contract.id, round, "missed") }, {
    title = say("renewals_task_missed", { name = px.text.sub(contract.name, 1, 150), day = tostring(until_day) }),
    kind = "renewal",
    due = contract.ends_on,
    owner = contract.owner,
    organisation = contract.party,
    relationship = contract.relationship,
    value_at_stake = contract.value,
    contract = contract.id,
  })
end

local function open(contract, day)
  local round = (contract.renewals_done or 0) + 1
  local opens_on = terms.opens_on(contract)
  if not terms.is_live(contract) or not opens_on or opens_on > day then
    return nil
  end
  local origin = "contract:" .. contract.id .. ":" .. round
  local renewal = px.store.first("renewal", { filter = { origin = origin } })
  if renewal then
    return renewal
  end
  local fields = dates_of(contract)
  fields.name = px.text.sub(contract.name, 1, 150) .. ", " .. tostring(contract.ends_on)
  fields.contract, fields.party, fields.owner, fields.round = contract.id, contract.party, contract.owner, round
  renewal = px.store.upsert("renewal", { origin = origin }, fields)
  raise_task(contract, round, renewal)
  return nil
end

local function close(renewal, stage, reason)
  px.store.update("renewal", renewal.id, { stage = stage, closed_on = today(), reason = renewal.reason or reason })
end

local function follow_dates(contract, renewal)
  local fields, changed = dates_of(contract), false
  for _, name in ipairs(FOLLOWED) do
    local value = fields[name]
    if value == px.null then
      value = nil
    end
    changed = changed or value ~= renewal[name]
  end
  if changed then
    px.store.update("renewal", renewal.id, fields)
    raise_task(contract, renewal.round, renewal)
  end
end

local function miss(contract, renewal, kept)
  close(renewal, "missed")
  raise_warning(contract, renewal.round)
  px.bus.emit("relations.notice_missed", {
    contract = contract.id, renewal = renewal.id,
    last_notice_on = tostring(terms.last_notice(contract, contract.ends_on)),
    renews_until = tostring(terms.next_end(contract)),
    next_notice_on = kept.next_notice_on and tostring(kept.next_notice_on) or nil,
  })
end

-- What the contract's state means for the decision on its term; called whenever the contract or the day has changed.
function M.follow(contract, kept, day)
  open(contract, day)
  for renewal in px.store.each("renewal", { filter = { contract = contract.id, stage = PENDING } }) do
    if (contract.renewals_done or 0) >= renewal.round then
      close(renewal, "renewed")
    elseif contract.stage == "ended" then
      close(renewal, "missed", "the term ended without a decision")
    elseif not terms.is_live(contract) then
      close(renewal, "ended")
    elseif kept.notice_state == "passed" and terms.next_end(contract) then
      miss(contract, renewal, kept)
    else
      follow_dates(contract, renewal)
    end
  end
end

-- ---- what a person decides ----

local function check_renewed(renewal, contract, draft)
  if not contract or contract.stage == "ended" or contract.stage == "terminated" then
    px.refuse("stage", "the contract has ended; make a new one")
  end
  local new_end = draft.new_ends_on or renewal.new_ends_on
  if not new_end and not contract.renewal_term_months then
    px.refuse("new_ends_on", "say until when it is renewed")
  end
  draft.closed_on = today()
end

local function check_ended(renewal, draft)
  local late = renewal.renews_itself and renewal.last_notice_on and renewal.last_notice_on < today()
  if late and not (draft.reason or renewal.reason) then
    px.refuse("reason", ("the last day to give notice was %s and the contract renews itself: say who agreed to end it")
      :format(renewal.last_notice_on))
  end
  draft.closed_on = today()
end

px.before("renewal.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local renewal = draft.stage and px.store.get("renewal", draft.id)
    if renewal and draft.stage ~= renewal.stage then
      if draft.stage == "renewed" then
        check_renewed(renewal, px.store.get("contract", renewal.contract), draft)
      elseif draft.stage == "ended" then
        check_ended(renewal, draft)
      elseif draft.stage == "missed" then
        px.refuse("stage", "that a date was missed is found by the calendar")
      end
    end
  end
end)

local function new_term(contract, renewal)
  if renewal.new_ends_on then
    return renewal.new_ends_on, renewal.new_ends_on, 0
  end
  local months = (contract.term_months_past or 0) + contract.renewal_term_months
  local anchor = contract.term_anchor_on or contract.ends_on
  return terms.add_months(anchor, months), anchor, months
end

px.on("renewal.stage.renewed", function(event)
  local renewal = event.after
  local contract = px.store.get("contract", renewal.contract)
  if not contract or (contract.renewals_done or 0) >= renewal.round then
    return -- the contract was renewed first, and the renewal followed
  end
  local ends_on, anchor, months = new_term(contract, renewal)
  px.store.update("contract", contract.id, {
    stage = contract.stage ~= "renewed" and "renewed" or nil,
    ends_on = ends_on, term_anchor_on = anchor, term_months_past = months,
    renewals_done = renewal.round, value = renewal.new_value or contract.value,
  })
  versions.add(contract.id, "renewal:" .. event.id, {
    kind = "renewal", effective_on = contract.ends_on + "1d", owner = contract.owner,
    what_changed = say("renewals_version", { from = tostring(contract.ends_on), to = tostring(ends_on) }),
  })
  px.bus.emit("relations.contract_renewed", {
    contract = contract.id, by = "decision", term_ended_on = tostring(contract.ends_on), ends_on = tostring(ends_on),
    value = renewal.new_value or contract.value, value_period = contract.value_period,
  })
end)

-- To end a contract that would go on by itself, notice is given; one that ends by itself needs none.
px.on("renewal.stage.ended", function(event)
  local contract = px.store.get("contract", event.after.contract)
  if contract and terms.is_live(contract) and contract.auto_renew ~= false then
    px.store.update("contract", contract.id, { stage = "notice_given", notice_given_on = today(), notice_given_by = "us" })
  end
end)

for _, stage in ipairs { "renewed", "ended", "missed" } do
  px.on("renewal.stage." .. stage, { name = "renewal_task_" .. stage }, function(event)
    local renewal = event.after
    kept_task.close(task_origin(renewal.contract, renewal.round, "notice"), stage == "missed" and "dropped" or "done")
    if stage ~= "missed" then
      kept_task.close(task_origin(renewal.contract, renewal.round, "missed"), "done")
    end
  end)
end

return M
