-- B2 asked for: a unit's budgets, and plan, committed and actual by period. Currencies are kept apart: each has its own lines.
local ask <const> = require "ask"
local series <const> = require "series"
local spending <const> = require "spending"

local FIELDS <const> = { "name", "unit", "supplier", "category", "starts_on", "ends_on", "state", "amount", "carried_in", "committed",
  "actual", "remaining", "unknown_entries" }

local function row(budget, name)
  local spent = (budget.committed and budget.committed.amount or 0) + (budget.actual and budget.actual.amount or 0)
  return {
    id = budget.id, name = budget.name, supplier = name("organisation", budget.supplier) or px.null,
    category = name("cost_category", budget.category) or px.null, starts_on = budget.starts_on, ends_on = budget.ends_on,
    state = budget.state, amount = budget.amount, carried_in = budget.carried_in or px.null, committed = budget.committed or px.null,
    actual = budget.actual or px.null, remaining = budget.remaining,
    used = spending.used(budget.available.amount, spent) or px.null, unknown_entries = budget.unknown_entries or 0,
  }
end

local function unit_budgets(unit, limit, after)
  local name = ask.names()
  local found, next_page = px.store.find("budget", { filter = { unit = unit.id }, order = "-starts_on,name", limit = limit, after = after })
  local rows = {}
  for i, budget in ipairs(found) do
    rows[i] = row(budget, name)
  end
  return rows, next_page
end

-- GET /x/business/budgets?unit=NAME_OR_ID
px.route("GET", "/budgets", function(request)
  local unit = ask.organisation(request.query.unit, "unit")
  local rows, next_page = unit_budgets(unit, ask.limit(request), request.query.after)
  return px.http.json { unit = { id = unit.id, name = unit.name }, data = px.json.list(rows), next = next_page or px.null }
end)

--- Sums by currency and period: sums[currency][label].
local function sums(object, field, day_field, asked, filter)
  filter[field] = { is = "not_null" }
  filter[day_field] = { between = { asked.from, asked.to } }
  local rows = px.store.aggregate(object, {
    group = { field .. ".currency", { day_field, asked.by } }, measures = { total = { "sum", field } }, filter = filter })
  local found = {}
  for _, one in ipairs(rows) do
    local currency = one[field .. ".currency"]
    found[currency] = found[currency] or {}
    found[currency][one[day_field]] = one.total.amount
  end
  return found
end

local function plans(asked, filter)
  local found = {}
  filter.starts_on, filter.ends_on = { le = asked.to }, { ge = asked.from }
  for budget in px.store.each("budget", { filter = filter, fields = FIELDS }) do
    local currency = budget.amount.currency
    found[currency] = found[currency] or {}
    for _, period in ipairs(asked.periods) do
      local part = spending.planned(budget, period.from, period.to)
      found[currency][period.label] = (found[currency][period.label] or 0) + part
    end
  end
  return found
end

local function of(unit, more)
  local filter = more or {}
  filter["budget.unit"] = unit and unit.id or nil
  return filter
end

local function sorted_currencies(kinds)
  local seen, list = {}, {}
  for _, kind in pairs(kinds) do
    for currency in pairs(kind) do
      if not seen[currency] then
        seen[currency] = true
        list[#list + 1] = currency
      end
    end
  end
  table.sort(list)
  return list
end

-- GET /x/business/reports/budgets?from=&to=&by=month&unit=
px.route("GET", "/reports/budgets", function(request)
  local asked = series.asked(request)
  local unit = request.query.unit and ask.organisation(request.query.unit, "unit")
  local kinds = {
    plan = plans(asked, { unit = unit and unit.id or nil }),
    committed = sums("commitment", "outstanding", "committed_on", asked, of(unit, { state = "open" })),
    actual = sums("cost_entry", "in_budget", "booked_on", asked, of(unit)),
  }
  local lines = {}
  for _, currency in ipairs(sorted_currencies(kinds)) do
    for _, kind in ipairs { "plan", "committed", "actual" } do
      lines[#lines + 1] = series.line(kind, asked.periods, function(period)
        return (kinds[kind][currency] or {})[period.label] or 0
      end, { currency = currency })
    end
  end
  local unknown = px.store.count("cost_entry", { filter = of(unit, { in_budget = px.null, booked_on = { between = { asked.from, asked.to } } }) })
  return series.answer("budgets", "minor units", lines, unknown)
end)
local function money(amount)
  return amount and tostring(amount) or "0"
end

-- `proxenos budget UNIT`
px.command("budget", {
  help = { en = "a unit's budgets: committed, spent, remaining", el = "οι προϋπολογισμοί μονάδας: δεσμευμένα, δαπανημένα, υπόλοιπο" },
  args = {
    { "unit", required = true, help = { en = "name or id of the business unit", el = "όνομα ή αναγνωριστικό της μονάδας" } },
    { "limit", "integer", default = 20, named = true, help = { en = "how many at most", el = "πόσοι το πολύ" } },
  },
}, function(args, out)
  local rows = unit_budgets(ask.organisation(args.unit, "unit"), args.limit)
  local table_rows = {}
  for i, one in ipairs(rows) do
    table_rows[i] = {
      name = one.name, from = one.starts_on, to = one.ends_on, amount = money(one.amount), committed = money(one.committed ~= px.null and one.committed),
      actual = money(one.actual ~= px.null and one.actual), remaining = money(one.remaining), used = one.used == px.null and "?" or tostring(one.used) .. " %",
    }
  end
  out.table({
    { "name", px.i18n.t("budgets.column_name") }, { "from", px.i18n.t("column.from") }, { "to", px.i18n.t("column.to") },
    { "amount", px.i18n.t("budgets.column_amount") }, { "committed", px.i18n.t("budgets.column_committed") },
    { "actual", px.i18n.t("budgets.column_actual") }, { "remaining", px.i18n.t("budgets.column_remaining") },
    { "used", px.i18n.t("budgets.column_used") },
  }, table_rows)
end)
