-- B4: scorecards from what was delivered and measured; warnings about single sources and about what lies with few providers.
local ask <const> = require "ask"
local kept <const> = require "kept"
local scoring <const> = require "scoring"
local series <const> = require "series"
local work <const> = require "work"

local MOST_DELIVERIES <const> = 5000
local NEAR <const> = "30d" -- before a review, its task is there

kept.fields("scorecard", { "score", "known_weight", "standing", "previous", "trend", "parts", "as_of" })

--- What is known of a party in a period.
local function facts_of(card)
  local list = {}
  for delivery in px.store.each("delivery", { filter = { supplier = card.party, promised_on = { between = { card.period_from, card.period_to } } } }) do
    list[#list + 1] = delivery
    if #list > MOST_DELIVERIES then
      error("too many deliveries for one scorecard: choose a shorter period", 0)
    end
  end
  local today = work.today()
  local facts = scoring.deliveries(list, today < card.period_to and today or card.period_to)
  for measured in px.store.each("service_measurement", {
    filter = { ["service_level.provider"] = card.party, measured_on = { between = { card.period_from, card.period_to } } } }) do
    facts.measured = (facts.measured or 0) + 1
    facts.met = (facts.met or 0) + (measured.met and 1 or 0)
  end
  -- That nobody wrote down a problem says something only where there was dealing.
  local problems = px.store.count("problem", { filter = { party = card.party, happened_on = { between = { card.period_from, card.period_to } } } })
  facts.problems = (problems > 0 or facts.count > 0) and problems or nil
  return facts
end

local function fill(id)
  local card = px.store.get("scorecard", id)
  if not card then
    return
  end
  local criteria = px.store.find("scorecard_criterion", { filter = { role = card.role, active = true }, order = "name", limit = 100 })
  local standings = px.store.find("scorecard_standing", { order = "-from_score", limit = 100 })
  local result = scoring.score(criteria, scoring.values(facts_of(card)))
  local before = px.store.first("scorecard", {
    filter = { party = card.party, role = card.role, period_from = { lt = card.period_from } }, order = "-period_from" })
  local standing = scoring.standing(result.score, standings)
  local party = px.store.get("organisation", card.party)
  px.store.update("scorecard", id, {
    title = px.text.sub(party.name .. " " .. tostring(card.period_from) .. " – " .. tostring(card.period_to), 1, 300),
    score = result.score or px.null, known_weight = result.known or px.null, standing = standing and standing.id or px.null,
    previous = before and before.score or px.null, trend = scoring.trend(result.score, before and before.score) or px.null,
    parts = px.json.list(result.parts), as_of = px.date.now(),
  })
  if standing and standing.action ~= "none" then
    work.keep("scorecard:" .. id, {
      title = px.i18n.t("supply.talk", { name = party.name, standing = standing.name, score = tostring(result.score) }),
      owner = card.owner, organisation = card.party, due = work.today() + "7d",
    })
  else
    work.drop("scorecard:" .. id)
  end
end

px.on("scorecard.created", { key = "id" }, function(event)
  fill(event.id)
end)

-- POST /x/business/scorecards/:id/refresh: from the facts as they are now.
px.route("POST", "/scorecards/:id/refresh", function(request)
  if not px.try(px.store.get, "scorecard", request.params.id) then
    return px.http.problem(404, "not_found", px.i18n.t("supply.no_card"))
  end
  px.store.tx(function() fill(request.params.id) end)
  return px.http.json(px.store.get("scorecard", request.params.id))
end)

-- Who stands where no new commitments are made gets none.
px.before("commitment.create", function(drafts)
  for _, draft in ipairs(drafts) do
    local card = kept.value(draft.supplier) and px.store.first("scorecard", {
      filter = { party = draft.supplier, role = "supplier", score = { is = "not_null" } }, order = "-period_from", include = { "standing" } })
    local standing = card and card.standing
    if standing and standing.action == "stop" then
      px.refuse("supplier", px.i18n.t("supply.stopped", { standing = standing.name, score = tostring(card.score) }))
    end
  end
end)

-- Reviews of what is outsourced.
px.schedule("reviews", "30 7 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  for one in px.store.each("outsourced_function", { filter = { ended_on = px.null, review_on = { le = work.today() + NEAR } } }) do
    work.keep("outsourced:" .. one.id .. ":" .. tostring(one.review_on), {
      title = px.i18n.t("supply.review", { name = one.name }), owner = one.owner, organisation = one.provider, due = one.review_on })
  end
end)

px.on("outsourced_function.updated", { key = "id", filter = "before.review_on ~= after.review_on" }, function(event)
  if event.before.review_on then
    work.done("outsourced:" .. event.id .. ":" .. tostring(event.before.review_on))
  end
end)

local function sources(material, name)
  local rows = {}
  for i, source in ipairs(px.store.find("supply_source", { filter = { material = material.id, ended_on = px.null }, limit = 100 })) do
    rows[i] = {
      supplier = source.supplier, supplier_name = name("organisation", source.supplier) or px.null,
      lead_time_days = source.lead_time_days or px.null, price = source.price or px.null,
    }
  end
  return rows
end

-- GET /x/business/materials: each with its sources; `single` says that there is just one, null that none is known.
px.route("GET", "/materials", function(request)
  local name, rows = ask.names(), {}
  local found, next_page = px.store.find("material", { order = "name", limit = ask.limit(request), after = request.query.after })
  for i, material in ipairs(found) do
    local from = sources(material, name)
    local single = px.null
    if #from > 0 then
      single = #from == 1
    end
    rows[i] = { id = material.id, name = material.name, sources = px.json.list(from), single = single }
  end
  return px.http.json { data = px.json.list(rows), next = next_page or px.null }
end)

--- Per provider: how many functions, how many of them critical, without substitute, with an exit plan that nobody tested.
local function concentration()
  local by, order = {}, {}
  for one in px.store.each("outsourced_function", { filter = { ended_on = px.null } }) do
    local row = by[one.provider]
    if not row then
      row = { provider = one.provider, functions = 0, critical = 0, without_substitute = 0, exit_untested = 0 }
      by[one.provider], order[#order + 1] = row, row
    end
    row.functions = row.functions + 1
    row.critical = row.critical + (one.criticality == "critical" and 1 or 0)
    row.without_substitute = row.without_substitute + (one.substitute and 0 or 1)
    row.exit_untested = row.exit_untested + (one.exit_tested_on and 0 or 1)
  end
  table.sort(order, function(a, b)
    if a.critical ~= b.critical then
      return a.critical > b.critical
    end
    return a.functions ~= b.functions and a.functions > b.functions or a.functions == b.functions and a.provider < b.provider
  end)
  return order
end

-- GET /x/business/outsourcing: where too much lies with one provider.
px.route("GET", "/outsourcing", function(request)
  local name, most, rows = ask.names(), px.config.get("most_critical"), {}
  for i, row in ipairs(concentration()) do
    if i > ask.limit(request) then
      break
    end
    row.name, row.concentrated = name("organisation", row.provider) or px.null, row.critical >= most
    rows[i] = row
  end
  return px.http.json { most_critical = most, data = px.json.list(rows) }
end)

local function spend(party, asked)
  local rows = px.store.aggregate("cost_entry", {
    group = { "kind", "amount.currency" }, measures = { total = { "sum", "amount" } },
    filter = { supplier = party.id, booked_on = { between = { asked.from, asked.to } } } })
  local by = {}
  for _, row in ipairs(rows) do
    local currency = row["amount.currency"]
    by[currency] = (by[currency] or 0) + (row.kind == "credit_note" and -row.total.amount or row.total.amount)
  end
  local list = {}
  for currency, amount in pairs(by) do
    list[#list + 1] = px.money(amount, currency)
  end
  table.sort(list, function(a, b) return a.currency < b.currency end)
  return list
end

-- GET /x/business/suppliers/:party?from=&to= (name or id): facts, spend by currency, the newest scorecard.
px.route("GET", "/suppliers/:party", function(request)
  local asked = series.asked(request)
  local party = ask.organisation(request.params.party, "party")
  local facts = facts_of { party = party.id, period_from = asked.from, period_to = asked.to }
  return px.http.json {
    id = party.id, name = party.name, from = asked.from, to = asked.to, deliveries = facts.count, values = scoring.values(facts),
    spend = px.json.list(spend(party, asked)), late = px.store.count("delivery", { filter = { supplier = party.id, on_time = false,
      promised_on = { between = { asked.from, asked.to } } } }),
    scorecard = px.store.first("scorecard", { filter = { party = party.id }, order = "-period_from" }) or px.null,
  }
end)

-- `proxenos scorecard SUPPLIER`
px.command("scorecard", {
  help = { en = "a supplier's newest scorecard, criterion by criterion", el = "η νεότερη αξιολόγηση προμηθευτή, κατά κριτήριο" },
  args = { { "supplier", required = true, rest = true, help = { en = "name or id", el = "όνομα ή αναγνωριστικό" } } },
}, function(args, out)
  local party = ask.organisation(args.supplier, "supplier")
  local card = px.store.first("scorecard", { filter = { party = party.id }, order = "-period_from", include = { "standing" } })
  if not card then
    out.line(px.i18n.t("supply.none_yet", { name = party.name }))
    return 1
  end
  out.line(px.i18n.t("supply.line", {
    title = card.title or party.name, score = card.score and tostring(card.score) or "?", standing = card.standing and card.standing.name or "?",
    known = card.known_weight and tostring(card.known_weight) or "0" }))
  local rows = {}
  for i, part in ipairs(card.parts or {}) do
    rows[i] = { criterion = part.criterion, weight = part.weight, value = part.value ~= px.null and part.value or "?",
      points = part.points ~= px.null and part.points or "?" }
  end
  out.table({ { "criterion", px.i18n.t("supply.column_criterion") }, { "weight", px.i18n.t("supply.column_weight") },
    { "value", px.i18n.t("supply.column_value") }, { "points", px.i18n.t("supply.column_points") } }, rows)
end)
