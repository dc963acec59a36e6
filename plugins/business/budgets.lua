-- B2: budgets against what is committed and what is spent. Entries are converted when they are written; a budget's totals follow
-- from its entries, in the same order, whatever crashes.
local kept <const> = require "kept"
local rates <const> = require "rates"
local spending <const> = require "spending"
local work <const> = require "work"

local value <const> = kept.value

kept.fields("budget", { "committed", "actual", "carried_in", "unknown_entries" })
kept.fields("commitment", { "in_budget", "rate", "rate_on", "invoiced" })
kept.fields("cost_entry", { "in_budget", "rate", "rate_on" })

-- Budgets of the same unit, supplier and category do not overlap: an entry belongs to one of them.

local function overlapping(budget)
  local filter = {
    unit = budget.unit, supplier = value(budget.supplier) or px.null, category = value(budget.category) or px.null,
    starts_on = { le = budget.ends_on }, ends_on = { ge = budget.starts_on },
  }
  if budget.id then
    filter.id = { ne = budget.id }
  end
  return px.store.first("budget", { filter = filter })
end

local function check_period(budget)
  if not value(budget.unit) or not value(budget.starts_on) or not value(budget.ends_on) then
    return
  end
  local other = overlapping(budget)
  if other then
    px.refuse("starts_on", px.i18n.t("budgets.overlap", { name = other.name, from = tostring(other.starts_on), to = tostring(other.ends_on) }))
  end
end

px.before("budget.create", function(drafts)
  for i, draft in ipairs(drafts) do
    check_period(draft)
    for j = 1, i - 1 do
      if spending.same_ground(draft, drafts[j]) then
        px.refuse("starts_on", px.i18n.t("budgets.overlap", {
          name = drafts[j].name, from = tostring(drafts[j].starts_on), to = tostring(drafts[j].ends_on) }))
      end
    end
  end
end)

px.before("budget.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.unit ~= nil or draft.supplier ~= nil or draft.category ~= nil or draft.starts_on ~= nil or draft.ends_on ~= nil then
      check_period(kept.whole("budget", draft))
    end
    local amount = value(draft.amount)
    local before = amount and px.store.get("budget", draft.id)
    if before and before.amount.currency ~= amount.currency then
      px.refuse("amount", px.i18n.t("budgets.currency"))
    end
  end
end)

-- Entries: to an open budget, within its period, in its currency or at a dated rate.

local function place(draft, entry, day_field)
  local budget = value(entry.budget) and px.store.get("budget", entry.budget)
  local amount, day = value(entry.amount), value(entry[day_field])
  if not budget or not amount or not day then
    return nil -- the schema's own checks say what is missing
  end
  if budget.state == "closed" then
    px.refuse("budget", px.i18n.t("budgets.closed", { name = budget.name }))
  end
  if day < budget.starts_on or day > budget.ends_on then
    px.refuse(day_field, px.i18n.t("budgets.outside", { from = tostring(budget.starts_on), to = tostring(budget.ends_on) }))
  end
  local converted, rate, rate_on = rates.convert(amount, budget.amount.currency, day)
  if converted and entry.kind == "credit_note" then
    converted = px.money(-converted.amount, converted.currency)
  end
  draft.in_budget, draft.rate, draft.rate_on = converted or px.null, rate or px.null, rate_on or px.null
  return budget
end

local function place_commitment(draft, entry)
  local before = draft.budget ~= nil and px.store.get("commitment", draft.id)
  if before and before.budget ~= draft.budget and px.store.first("cost_entry", { filter = { commitment = draft.id } }) then
    px.refuse("budget", px.i18n.t("budgets.has_costs"))
  end
  place(draft, entry, "committed_on")
end

local function place_cost(draft, entry)
  local budget = place(draft, entry, "booked_on")
  local commitment = budget and value(entry.commitment) and px.store.get("commitment", entry.commitment)
  if commitment and commitment.budget ~= budget.id then
    px.refuse("commitment", px.i18n.t("budgets.other_budget", { title = commitment.title }))
  end
end

local function hook_entries(object, day_field, put)
  px.before(object .. ".create", function(drafts)
    for _, draft in ipairs(drafts) do
      put(draft, draft)
    end
  end)
  px.before(object .. ".update", function(drafts)
    for _, draft in ipairs(drafts) do
      if draft.amount ~= nil or draft.budget ~= nil or draft[day_field] ~= nil or draft.kind ~= nil or draft.commitment ~= nil then
        put(draft, kept.whole(object, draft))
      end
    end
  end)
end

hook_entries("commitment", "committed_on", place_commitment)
hook_entries("cost_entry", "booked_on", place_cost)

-- Totals.

local function sum(object, field, filter)
  filter[field] = { is = "not_null" }
  local row = px.store.aggregate(object, { filter = filter, measures = { total = { "sum", field } } })[1]
  return row and value(row.total) and row.total.amount or 0
end

local function same(a, b)
  a, b = value(a), value(b)
  if a == nil or b == nil then
    return a == b
  end
  return tostring(a) == tostring(b)
end

local function alert(budget, threshold, used)
  local crossings = px.store.count("budget_alert", { filter = { budget = budget.id, threshold = threshold } })
  local origin = "budget:" .. budget.id .. ":" .. threshold .. ":" .. (crossings + 1)
  local title = px.i18n.t("budgets.alert", { name = budget.name, threshold = threshold, used = tostring(used) })
  px.store.create("budget_alert", {
    title = title, budget = budget.id, owner = budget.owner, threshold = threshold, crossing = crossings + 1, used = used,
    crossed_on = work.today(), origin = origin,
  })
  work.keep(origin, { title = title, owner = budget.owner, organisation = budget.unit, due = work.today() })
  px.bus.emit("business.budget_crossed", { budget = budget.id, threshold = threshold, used = tostring(used), crossing = crossings + 1 })
end

local function clear(alert_record)
  px.store.update("budget_alert", alert_record.id, { cleared_on = work.today() })
  work.drop(alert_record.origin)
end

--- One alert each time that use goes from below a threshold to it or above; falling below clears it.
local function watch(budget, committed, actual)
  local used = spending.used(budget.available.amount, committed + actual)
  local open = {}
  for found in px.store.each("budget_alert", { filter = { budget = budget.id, cleared_on = px.null } }) do
    open[found.threshold] = found
  end
  for _, threshold in ipairs(spending.thresholds(budget.alert_at)) do
    local above = used ~= nil and used >= px.decimal(threshold)
    if above and not open[threshold] then
      alert(budget, threshold, used)
    elseif not above and open[threshold] then
      clear(open[threshold])
    end
    open[threshold] = nil
  end
  for _, left in pairs(open) do
    clear(left) -- of a threshold that the budget has no longer
  end
end

local function settle(id)
  local budget = id and px.store.get("budget", id)
  if not budget then
    return
  end
  local currency = budget.amount.currency
  local committed = sum("commitment", "outstanding", { budget = id, state = "open" })
  local actual = sum("cost_entry", "in_budget", { budget = id })
  local unknown = px.store.count("commitment", { filter = { budget = id, state = "open", in_budget = px.null } })
    + px.store.count("cost_entry", { filter = { budget = id, in_budget = px.null } })
  local fields = { committed = px.money(committed, currency), actual = px.money(actual, currency), unknown_entries = unknown }
  if not same(budget.committed, fields.committed) or not same(budget.actual, fields.actual) or budget.unknown_entries ~= unknown then
    px.store.update("budget", id, fields)
  end
  watch(budget, committed, actual)
end

local function settle_event(event)
  local before, after = event.before, event.after
  settle((after or before).budget)
  if before and after and before.budget ~= after.budget then
    settle(before.budget)
  end
end

px.on("commitment.*", { key = "budget", name = "commitments" }, settle_event)

local function invoice(id)
  local commitment = id and px.store.get("commitment", id)
  if not commitment then
    return
  end
  local budget = px.store.get("budget", commitment.budget)
  local invoiced = px.money(sum("cost_entry", "in_budget", { commitment = id }), budget.amount.currency)
  if not same(commitment.invoiced, invoiced) then
    px.store.update("commitment", id, { invoiced = invoiced })
  end
end

-- In two steps, so that what is outstanding is known before it is added up: the change of the commitment settles the budget.
px.on("cost_entry.*", { key = "budget", name = "invoices" }, function(event)
  local before, after = event.before, event.after
  local old, new = before and value(before.commitment), after and value(after.commitment)
  invoice(new)
  if old ~= new then
    invoice(old)
  end
  px.bus.emit("business.budget_touched", { budget = (after or before).budget }, { key = (after or before).budget })
  if before and after and before.budget ~= after.budget then
    px.bus.emit("business.budget_touched", { budget = before.budget }, { key = before.budget })
  end
end)

px.on("business.budget_touched", { name = "settle" }, function(event)
  settle(event.data.budget)
end)

-- A rate that comes later: entries that waited for it are counted.
px.on("exchange_rate.*", { name = "late_rates" }, function(event)
  local rate = event.after or event.before
  for object, day_field in pairs { commitment = "committed_on", cost_entry = "booked_on" } do
    for entry in px.store.each(object, { filter = {
      in_budget = px.null, [day_field] = { ge = rate.on }, ["amount.currency"] = { "in", { rate.base, rate.currency } } } }) do
      local budget = px.store.get("budget", entry.budget)
      local converted, said, on = rates.convert(entry.amount, budget.amount.currency, entry[day_field])
      if converted and entry.kind == "credit_note" then
        converted = px.money(-converted.amount, converted.currency)
      end
      if converted then
        px.store.update(object, entry.id, { in_budget = converted, rate = said or px.null, rate_on = on or px.null })
      end
    end
  end
end)

-- Carry-over: what is left of a closed budget goes to the next period of the same unit, supplier and category.

local function neighbour(budget, filter)
  filter.unit, filter.supplier, filter.category = budget.unit, value(budget.supplier) or px.null, value(budget.category) or px.null
  return px.store.first("budget", { filter = filter })
end

local function carry(from, to)
  local amount = from.remaining
  if from.state ~= "closed" or not from.carry_over then
    amount = nil
  elseif amount.currency ~= to.amount.currency then
    amount = rates.convert(amount, to.amount.currency, from.ends_on)
  end
  if not same(to.carried_in, amount) then
    px.store.update("budget", to.id, { carried_in = amount or px.null })
  end
end

px.on("budget.*", { key = "unit", name = "budgets" }, function(event)
  local budget = event.after and px.store.get("budget", event.id)
  if not budget then
    return
  end
  local after = neighbour(budget, { starts_on = budget.ends_on + "1d" })
  if after then
    carry(budget, after)
  end
  local before = neighbour(budget, { ends_on = budget.starts_on - "1d" })
  if before then
    carry(before, budget)
  end
  settle(event.id)
end)
