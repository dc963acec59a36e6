-- C6 T7: competitors' presence, the threat to each bond, the dossier.
local figures <const> = require "figures"
local names <const> = require "names"
local threat <const> = require "threat"
local today <const> = require("days").today

local LIST_MAX <const> = 200
local NOTICE_DAYS <const> = 7
local IN_FORCE <const> = { "in", { "signed", "in_force", "renewed", "notice_given" } }
local OVER <const> = { "in", { "ended", "terminated" } }

-- ---- who may be called a competitor ----

local function is_competitor(id)
  local organisation = px.store.get("organisation", id)
  for _, role in ipairs(organisation and organisation.roles or {}) do
    if role == "competitor" then
      return true
    end
  end
  return organisation == nil -- a reference that leads nowhere is refused by the check of references
end

local function must_be_competitor(drafts)
  for _, draft in ipairs(drafts) do
    if draft.competitor and draft.competitor ~= px.null and not is_competitor(draft.competitor) then
      px.refuse("competitor", "this organisation has not the role competitor: add it to its roles first")
    end
    if draft.noted_on and draft.noted_on ~= px.null and draft.noted_on > today() then
      px.refuse("noted_on", "what was noted was noted today or before")
    end
  end
end

for _, object in ipairs { "competitor_presence", "competitor_strategy" } do
  px.before(object .. ".create", must_be_competitor)
  px.before(object .. ".update", must_be_competitor)
end

-- What expires is looked at again by who noted it; until then it counts for nothing.
px.schedule("presences", "40 5 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local day = today()
  local expired = { expires_on = { "between", { day + ("-" .. NOTICE_DAYS .. "d"), day } } }
  for presence in px.store.each("competitor_presence", { filter = expired }) do
    local origin = "competitor_presence:" .. presence.id .. ":" .. tostring(presence.expires_on)
    if not px.store.first("task", { filter = { origin = origin } }) then
      local competitor = px.store.get("organisation", presence.competitor)
      px.store.upsert("task", { origin = origin }, { title = px.i18n.t("task_presence", { name = competitor and competitor.name or "" }, { language = px.config.get("language") }),
        owner = presence.owner, organisation = presence.client, due = day + "14d" })
    end
  end
end)

-- ---- the threat to a bond ----

local function add_presences(list, at, filter)
  for _, presence in ipairs(px.store.find("competitor_presence", { filter = filter, order = "-expires_on", limit = LIST_MAX })) do
    list[#list + 1] = { id = presence.id, competitor = presence.competitor, at = at, strength = presence.strength,
      confidence = presence.confidence, expired = presence.expires_on < today(), source = presence.source, noted_on = presence.noted_on }
  end
end

local function presences_against(client)
  local list, products = {}, {}
  add_presences(list, "client", { client = client.id })
  for i, owned in ipairs(px.store.find("owned_product", { filter = { organisation = client.id, ["until"] = { "is", "null" } }, limit = LIST_MAX })) do
    products[i] = owned.product
  end
  if #products > 0 then
    add_presences(list, "product", { product = { "in", products } })
  end
  local places = {}
  for _, place in ipairs { client.country or false, client.location or false } do
    if place then
      places[#places + 1] = place
    end
  end
  if #places > 0 then
    add_presences(list, "territory", { territory = { "in", places } })
  end
  return list
end

--- The contract in force that runs longest decides; an open-ended one has no last day, so how near it is stays unknown.
local function contract_with(client)
  local filter = { party = client, side = "client", stage = IN_FORCE }
  local running = px.store.first("contract", { filter = filter, order = "-ends_on" })
  if running then
    return { days = running.ends_on and px.date.diff(running.ends_on, today()) }
  end
  return px.store.first("contract", { filter = { party = client, side = "client", stage = OVER } }) and { ended = true }
end

local function say(why)
  local values = {}
  for key, value in pairs(why) do
    values[key] = value
  end
  values.at = why.at and px.i18n.t("at_" .. why.at)
  values.confidence = why.confidence and px.i18n.t("confidence_" .. why.confidence)
  return px.i18n.t(why.key, values)
end

local function threat_to(bond)
  local client = bond.source and px.store.get("organisation", bond.source)
  if not client then
    return nil
  end
  local presences = presences_against(client)
  local health = px.store.first("health_score", { filter = { relationship = bond.id } })
  local judged = threat.judge { presences = presences, contract = contract_with(client.id),
    health = health and health.score, switching_cost = bond.switching_cost }
  for _, part in ipairs(judged.parts) do
    part.says = say(part.why)
    part.why = nil
  end
  judged.relationship, judged.client, judged.name, judged.presences = bond.id, client.id, client.name, px.json.list(presences)
  judged.unknown = px.json.list(judged.unknown)
  return judged
end

local function by_threat(a, b)
  if (a.threat == nil) ~= (b.threat == nil) then
    return a.threat ~= nil
  end
  return a.at_most > b.at_most
end

--- Bonds of the clients where a competitor is known to be.
local function bonds_near(competitor)
  local bonds, seen = {}, {}
  for _, presence in ipairs(px.store.find("competitor_presence", { order = "-noted_on", limit = LIST_MAX,
    filter = { competitor = competitor, client = { "is", "not_null" }, expires_on = { "ge", today() } } })) do
    if not seen[presence.client] then
      seen[presence.client] = true
      for _, bond in ipairs(px.store.find("relationship", { filter = { source = presence.client, managed = true,
        ended_on = { "is", "null" } }, limit = LIST_MAX })) do
        bonds[#bonds + 1] = bond
      end
    end
  end
  return bonds
end

-- GET /x/clients/threats?relationship=ID | ?competitor=ID
px.route("GET", "/threats", function(request)
  local query, bonds = request.query, nil
  if query.relationship then
    bonds = { px.store.get("relationship", query.relationship) }
  elseif query.competitor then
    bonds = bonds_near(query.competitor)
  else
    return px.http.problem(422, "required", "say of what: ?relationship=ID or ?competitor=ID", { pointer = "/relationship" })
  end
  local list = {}
  for _, bond in ipairs(bonds) do
    list[#list + 1] = threat_to(bond)
  end
  if query.relationship and #list == 0 then
    return px.http.problem(404, "not_found", "no relationship with an organisation under this id that you may read")
  end
  table.sort(list, by_threat)
  return { json = { threats = px.json.list(list) } }
end)

-- ---- the dossier ----

local function sum_of(filter, converter)
  local total = { n = 0, value = 0, value_unknown = 0 }
  for _, row in ipairs(figures.sums("opportunity", filter, nil, "value", converter)) do
    total = { n = row.n, value = row.total, value_unknown = row.unknown }
  end
  return total
end

local function presences_of(competitor)
  local list = {}
  for i, one in ipairs(px.store.find("competitor_presence", { filter = { competitor = competitor }, order = "-noted_on", limit = LIST_MAX })) do
    local client = one.client and px.store.get("organisation", one.client)
    local product = one.product and px.store.get("product", one.product)
    list[i] = { id = one.id, at = client and "client" or product and "product" or "territory", client = one.client, product = one.product,
      where = client and client.name or product and product.name or one.territory, strength = one.strength, source = one.source,
      confidence = one.confidence, noted_on = one.noted_on, expires_on = one.expires_on, expired = one.expires_on < today() }
  end
  return list
end

local function read_dossier(competitor)
  local converter, presences, clients = figures.converter(today()), presences_of(competitor.id), {}
  for _, one in ipairs(presences) do
    if one.client and not one.expired then
      clients[#clients + 1] = { organisation = one.client, name = one.where, source = one.source, noted_on = one.noted_on }
    end
  end
  return {
    competitor = competitor.id, name = competitor.name, unit = converter.base,
    presences = px.json.list(presences), clients = px.json.list(clients),
    strategies = px.json.list(px.store.find("competitor_strategy", { filter = { competitor = competitor.id }, order = "-noted_on",
      limit = LIST_MAX, fields = { "kind", "statement", "source", "source_url", "confidence", "noted_on" } })),
    won_against = sum_of({ stage = "won", competitors = { "has", competitor.id } }, converter),
    lost_to = sum_of({ stage = "lost", lost_to = competitor.id }, converter),
    lost_to_unknown = sum_of({ stage = "lost", lost_to = { "is", "null" }, competitors = { "has", competitor.id } }, converter),
    open_against = sum_of({ stage = { "in", { "prospecting", "engaging" } }, competitors = { "has", competitor.id } }, converter),
    rates = converter.rates(), no_rate_for = converter.missing(),
  }
end

px.route("GET", "/competitors/:id/dossier", function(request)
  local competitor = px.store.get("organisation", request.params.id)
  if not competitor then
    return px.http.problem(404, "not_found", "no organisation with this id that you may read")
  elseif not is_competitor(competitor.id) then
    return px.http.problem(422, "refused", "this organisation has not the role competitor", { pointer = "/id" })
  end
  return { json = read_dossier(competitor) }
end)

px.command("dossier", { help = { en = "what is known of a competitor", el = "τι γνωρίζουμε για έναν ανταγωνιστή" },
  args = { { "competitor", required = true, rest = true, help = { en = "name or id", el = "όνομα ή ταυτότητα" } } } },
  function(args, out)
    local competitor, problem = names.find_party(args.competitor)
    if not competitor or not is_competitor(competitor.id) then
      out.line(problem or px.i18n.t("not_a_competitor", { name = competitor.name }))
      return 1
    end
    local dossier = read_dossier(competitor)
    for _, key in ipairs { "won_against", "lost_to", "lost_to_unknown", "open_against" } do
      local sum = dossier[key]
      out.line(px.i18n.t("dossier_" .. key, { n = sum.n, value = tostring(px.money(sum.value, dossier.unit)) }))
    end
    out.table({ { "where", px.i18n.t("col_where") }, { "strength", px.i18n.t("col_strength") }, { "confidence", px.i18n.t("col_confidence") },
      { "source", px.i18n.t("col_source") }, { "expires_on", px.i18n.t("col_until") } }, dossier.presences)
    out.table({ { "kind", px.i18n.t("col_kind") }, { "statement", px.i18n.t("col_statement") }, { "source", px.i18n.t("col_source") },
      { "noted_on", px.i18n.t("col_on") } }, dossier.strategies)
  end)
