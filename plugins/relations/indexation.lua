-- Price clauses: the proposal with its reasons, a task when the day comes, and the adjustment as an act of a person.

local formula <const> = require "price_formula"
local kept_task <const> = require "kept_task"
local versions <const> = require "contract_versions"
local today <const> = require("days").today

local function value_of(index, month)
  local found = px.store.first("price_index_value", { filter = { price_index = index, month = month } })
  return found and found.value
end

local function propose(contract, clause, on)
  local month = formula.month_of(on, clause.lag_months)
  local made = formula.propose(clause, contract.value, value_of(clause.price_index, clause.base_month), month,
    value_of(clause.price_index, month))
  made.contract, made.on, made.month = contract.id, tostring(on), month
  return made
end

local function clause_of(id)
  local contract = px.store.get("contract", id)
  local clause = contract and px.store.first("contract_indexation", { filter = { contract = id } })
  if not clause then
    return nil, nil, px.http.problem(404, "not_found", "there is no such contract with a price clause")
  end
  return contract, clause
end

px.route("GET", "/contracts/:id/indexation", function(request)
  local contract, clause, missing = clause_of(request.params.id)
  if missing then
    return missing
  end
  local made = propose(contract, clause, clause.next_on or today())
  return { json = {
    contract = contract.id, on = made.on, month = made.month, reasons = made.reasons, unknown = made.unknown or px.null,
    change = made.change and tostring(made.change) or px.null, value = made.value or px.null, price = contract.value or px.null,
  } }
end)

-- The next adjustment counts from the month that this one used.
px.route("POST", "/contracts/:id/indexation", function(request)
  local contract, clause, missing = clause_of(request.params.id)
  if missing then
    return missing
  end
  local on = clause.next_on or today()
  if on > today() then
    px.refuse("next_on", "the price is adjusted on " .. tostring(on) .. ", not before")
  end
  local made = propose(contract, clause, on)
  if made.unknown then
    px.refuse(made.unknown, "the " .. made.unknown .. " for " .. made.month .. " is not known yet")
  end
  local version = px.store.tx(function()
    px.store.update("contract", contract.id, { value = made.value })
    px.store.update("contract_indexation", clause.id, {
      base_month = made.month, next_on = on + ("P" .. clause.every_months .. "M"),
    })
    return versions.add(contract.id, "indexation:" .. clause.id .. ":" .. tostring(on), {
      kind = "indexation", effective_on = on, owner = contract.owner,
      what_changed = ("%s → %s (%s %%)"):format(contract.value, made.value, made.change),
    })
  end)
  return { json = { value = made.value, version = version.number, next_on = tostring(on + ("P" .. clause.every_months .. "M")) } }
end)

local function keep_task(id)
  local clause = px.store.get("contract_indexation", id)
  local contract = clause and clause.next_on and px.store.get("contract", clause.contract)
  if not contract then
    return
  end
  px.store.upsert("task", { origin = "contract:" .. contract.id .. ":indexation:" .. tostring(clause.next_on) }, {
    title = px.i18n.t("indexation_task", { name = px.text.sub(contract.name, 1, 150), day = tostring(clause.next_on) },
      { language = px.config.get("language") }),
    kind = "indexation", due = clause.next_on, owner = contract.owner, organisation = contract.party,
    relationship = contract.relationship, contract = contract.id,
  })
end

local function finish_task(clause)
  local origin = "contract:" .. clause.contract .. ":indexation:" .. tostring(clause.next_on)
  kept_task.close(origin, "done")
end

px.on("contract_indexation.created", function(event)
  keep_task(event.id)
end)

px.on("contract_indexation.updated", function(event)
  if event.before.next_on and event.before.next_on ~= event.after.next_on then
    finish_task(event.before)
  end
  keep_task(event.id)
end)
