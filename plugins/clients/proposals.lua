-- Proposals: totals from lines, approvals by a matrix kept as data, four eyes, and the contract that an accepted one becomes.

local rules <const> = require "proposal_rules"
local today <const> = require("days").today

local LINES_MAX <const> = 500
local RULES_MAX <const> = 100
local EXPIRED_AT_ONCE <const> = 1000
local OPEN <const> = { draft = true, in_approval = true, approved = true }
local JUDGED <const> = { in_approval = true, approved = true }

-- ---- what may be changed ----

local function refuse_move(proposal, draft)
  local stage = draft.stage
  if stage == "approved" then
    px.refuse("stage", "it is approved by those whom the approval rules name: ask for it with in_approval")
  elseif stage == "expired" then
    px.refuse("stage", "that it has expired is found by the calendar")
  elseif stage == "in_approval" then
    if not proposal.total then
      px.refuse("stage", "a proposal without lines has nothing to approve")
    end
    draft.asked_by = px.actor.user()
  end
  local valid_until = draft.valid_until or proposal.valid_until
  if (stage == "in_approval" or stage == "sent" or stage == "accepted") and valid_until < today() then
    px.refuse("valid_until", "the proposal was valid until " .. tostring(valid_until) .. "; make a new version with a later day")
  end
end

-- What was agreed on is what is sent: any other change begins anew.
local function begin_anew(proposal, draft)
  if not OPEN[proposal.stage] then
    px.refuse(nil, "a proposal that was sent stays as it is; take it back to draft for a new version")
  end
  if JUDGED[proposal.stage] then
    draft.stage, draft.revision = "draft", (proposal.revision or 1) + 1
  end
end

local function changes_content(proposal, draft)
  for _, name in ipairs { "name", "organisation", "currency", "valid_until", "text" } do
    if draft[name] ~= nil and draft[name] ~= proposal[name] then
      return true
    end
  end
  return false
end

px.before("proposal.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local proposal = px.store.get("proposal", draft.id)
    if proposal then
      local moves = draft.stage and draft.stage ~= proposal.stage
      if moves then
        refuse_move(proposal, draft)
      end
      if not moves and changes_content(proposal, draft) then
        begin_anew(proposal, draft)
      elseif moves and draft.stage == "draft" then
        draft.revision = (proposal.revision or 1) + 1
      end
      if draft.currency and draft.currency ~= proposal.currency and proposal.total then
        px.refuse("currency", "its lines are in " .. proposal.currency .. "; take them out first")
      end
    end
  end
end)

local function check_line(draft, line)
  local proposal = px.store.get("proposal", draft.proposal or line and line.proposal)
  if not proposal then
    return
  end
  if not OPEN[proposal.stage] then
    px.refuse("proposal", "a proposal that was sent stays as it is; take it back to draft for a new version")
  end
  if draft.unit_price and draft.unit_price.currency ~= proposal.currency then
    px.refuse("unit_price", ("the proposal is in %s: a price in %s is converted first, at a rate that is said")
      :format(proposal.currency, draft.unit_price.currency))
  end
end

px.before("proposal_line.create", function(drafts)
  for _, draft in ipairs(drafts) do
    check_line(draft)
  end
end)

px.before("proposal_line.update", function(drafts)
  for _, draft in ipairs(drafts) do
    check_line(draft, px.store.get("proposal_line", draft.id))
  end
end)

px.before("proposal_line.delete", function(drafts)
  for _, draft in ipairs(drafts) do
    check_line({}, px.store.get("proposal_line", draft.id))
  end
end)

-- ---- totals ----

-- Written with the proposal: a line that changes makes an approval void, as any change of its subject does.
local function add_up(id)
  local proposal = px.store.get("proposal", id)
  if not proposal then
    return
  end
  local total, most = rules.sum((px.store.find("proposal_line", { filter = { proposal = id }, limit = LINES_MAX })))
  local again = JUDGED[proposal.stage]
  px.store.update("proposal", id, {
    total = total or px.null, discount_most = most or px.null,
    stage = again and "draft" or nil, revision = again and (proposal.revision or 1) + 1 or nil,
  })
end

for _, verb in ipairs { "created", "updated", "deleted" } do
  px.on("proposal_line." .. verb, { name = "proposal_total_" .. verb }, function(event)
    add_up((event.after or event.before).proposal)
  end)
end

-- ---- approvals ----

-- The total in the base currency by the last rate on or before today; nil where there is none.
local function in_base(total)
  local base = px.config.get("base_currency")
  if total.currency == base then
    return total
  end
  local rate = px.store.first("exchange_rate", { filter = { base = base, currency = total.currency, on = { "le", today() } }, order = "-on" })
  if not rate then
    return nil
  end
  local amount = px.decimal(total.amount) * px.money.of("1", base).amount
  local by = rate.rate * px.money.of("1", total.currency).amount
  return px.money(math.tointeger(tonumber(tostring(px.decimal.div(amount, by, 0, "half_even")))), base)
end

local function approvals_of(id)
  local proposal = px.store.get("proposal", id)
  local matrix = px.store.find("approval_rule", { filter = { active = true }, order = "id", limit = RULES_MAX })
  return rules.needed(proposal, in_base(proposal.total), matrix)
end

local function set_back(flow, id, note)
  flow:step("back", function()
    local proposal = px.store.get("proposal", id)
    if proposal and proposal.stage == "in_approval" then
      px.store.update("proposal", id, { stage = "draft", note = note })
    end
  end)
end

-- One approval after the other, each bound to the proposal as it is: nil when it was changed meanwhile.
local function ask(flow, input, need)
  local good, decision = pcall(flow.approve, flow, {
    role = need.role, quorum = need.quorum, exclude = { input.asked_by }, subject = input.id, expire = "30d",
    title = { en = "Approve the proposal: " .. input.name, el = "Έγκριση προσφοράς: " .. input.name },
    data = { rule = need.name, reason = need.reason },
  })
  if good then
    return decision
  elseif type(decision) == "table" and decision.code == "void" then
    return nil
  end
  error(decision)
end

px.flow("proposal_approval", function(flow, input)
  local needed = flow:step("needed", function()
    return approvals_of(input.id)
  end)
  for _, need in ipairs(needed) do
    local decision = ask(flow, input, need)
    if not decision then
      return "void"
    elseif not decision.approved then
      set_back(flow, input.id, need.name .. ": " .. decision.state)
      return decision.state
    end
  end
  flow:step("approved", function()
    local proposal = px.store.get("proposal", input.id)
    if proposal and proposal.stage == "in_approval" and proposal.revision == input.revision then
      px.store.update("proposal", input.id, { stage = "approved", note = px.null })
    end
  end)
  return "approved"
end)

px.on("proposal.stage.in_approval", function(event)
  local proposal = event.after
  px.flows.start("proposal_approval", {
    id = event.id, name = px.text.sub(proposal.name, 1, 100), asked_by = proposal.asked_by, revision = proposal.revision,
  }, { key = event.id .. ":" .. proposal.revision .. ":" .. event.version })
end)

-- ---- what follows ----

px.on("proposal.stage.accepted", function(event)
  local proposal = px.store.get("proposal", event.id)
  if not proposal or proposal.contract then
    return
  end
  local contract = px.store.create("contract", {
    name = proposal.name, side = "client", party = proposal.organisation, opportunity = proposal.opportunity,
    owner = proposal.owner, value = proposal.total, value_period = "whole",
  })
  px.store.update("proposal", event.id, { contract = contract.id })
end)

px.schedule("proposals_expire", "15 0 * * *", { zone = px.config.get("zone"), missed = "once" }, function()
  local late = px.store.find("proposal", {
    filter = { stage = { "in", { "approved", "sent" } }, valid_until = { "lt", today() } }, limit = EXPIRED_AT_ONCE,
  })
  for _, proposal in ipairs(late) do
    px.store.update("proposal", proposal.id, { stage = "expired" })
  end
end)

-- Which approvals a proposal needs now, and why.
px.route("GET", "/proposals/:id/approvals", function(request)
  local proposal = px.store.get("proposal", request.params.id)
  if not proposal then
    return px.http.problem(404, "not_found", "there is no such proposal")
  elseif not proposal.total then
    return { json = { needed = px.json.list(), total = px.null } }
  end
  return { json = { needed = px.json.list(approvals_of(proposal.id)), total = proposal.total,
    base_total = in_base(proposal.total) or px.null } }
end)
