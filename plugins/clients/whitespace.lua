-- T9: owned × offered per client, and what clients alike have and this one has not: with the count, so that nobody has to believe it.
local names <const> = require "names"
local today <const> = require("days").today

local LIMIT_MAX <const> = 200
local PRODUCTS_MAX <const> = 200
local OPEN <const> = { "in", { "prospecting", "engaging" } }

-- ---- what is owned ----

px.on("opportunity.stage.won", { name = "owned_products" }, function(event)
  local won = event.after
  if not (won.organisation and won.product) then
    return
  end
  local owned = px.store.first("owned_product", { filter = { organisation = won.organisation, product = won.product } })
  if not owned then
    px.store.create("owned_product", { organisation = won.organisation, product = won.product,
      since = won.closed_on or today(), opportunity = event.id })
  elseif owned["until"] then
    px.store.update("owned_product", owned.id, { ["until"] = px.null, since = won.closed_on or today(), opportunity = event.id })
  end
end)

local NOW_OWNED <const> = { "is", "null" }

-- ---- the grid ----

local function mark(cells, product, state, facts)
  if product and not (cells[product] and cells[product].state == "owned") then
    facts.state = state
    cells[product] = facts
  end
end

--- By product: owned, offered (an open opportunity), declined (the last one was lost); what is missing was never offered.
local function cells_of(organisation)
  local cells = {}
  local function opportunities(stage, state)
    for _, one in ipairs(px.store.find("opportunity", { filter = { organisation = organisation, stage = stage,
      product = { "is", "not_null" } }, order = "closed_on", limit = 1000 })) do
      mark(cells, one.product, state, { opportunity = one.id, on = one.closed_on })
    end
  end
  for _, owned in ipairs(px.store.find("owned_product", { filter = { organisation = organisation, ["until"] = NOW_OWNED }, limit = 1000 })) do
    mark(cells, owned.product, "owned", { on = owned.since })
  end
  opportunities("lost", "declined")
  opportunities(OPEN, "offered")
  return cells
end

local function products_of(query)
  return px.store.find("product", { order = "name", limit = PRODUCTS_MAX, after = query and query.products_after,
    fields = { "name", "series", "price" } })
end

local function row_of(organisation, products)
  local cells, row = cells_of(organisation.id), {}
  for i, product in ipairs(products) do
    local cell = cells[product.id] or { state = "free" }
    cell.product, cell.name = product.id, product.name
    row[i] = cell
  end
  return { organisation = organisation.id, name = organisation.name, industry = organisation.industry, cells = row }
end

-- GET /x/clients/whitespace?organisation=ID, or all clients a page at a time (limit, after)
px.route("GET", "/whitespace", function(request)
  local query = request.query
  local limit = math.min(LIMIT_MAX, math.max(1, tonumber(query.limit) or 50))
  local filter = query.organisation and { id = query.organisation } or { roles = { "has", "client" } }
  local organisations, next_page = px.store.find("organisation", { filter = filter, order = "name", limit = limit, after = query.after })
  if query.organisation and #organisations == 0 then
    return px.http.problem(404, "not_found", "no organisation with this id that you may read")
  end
  local products, next_products = products_of(query)
  local rows = {}
  for i, organisation in ipairs(organisations) do
    rows[i] = row_of(organisation, products)
  end
  return { json = { products = px.json.list(products), rows = px.json.list(rows), next = next_page, products_next = next_products } }
end)

-- ---- suggestions ----

--- How many organisations of this industry are known to own something, and how many of them own each product.
local function owners_in(industry)
  local filter = { ["until"] = NOW_OWNED, ["organisation.industry"] = industry }
  local total = px.store.aggregate("owned_product", { measures = { n = { "distinct", "organisation" } }, filter = filter })
  local by_product = {}
  for _, row in ipairs(px.store.aggregate("owned_product", { group = { "product" }, measures = { n = true }, filter = filter })) do
    by_product[row.product] = row.n
  end
  return total[1] and total[1].n or 0, by_product
end

local function series_owned(cells)
  local series = {}
  for id, cell in pairs(cells) do
    local product = cell.state == "owned" and px.store.get("product", id)
    if product and product.series then
      series[product.series] = product.name
    end
  end
  return series
end

local function suggestion(organisation, product, owners, n, series)
  local owned = product.series and series[product.series]
  local kind = owned and "upsell" or "cross_sell"
  local values = { owners = owners, n = n, product = product.name, industry = organisation.industry, owned = owned }
  return { product = product.id, name = product.name, kind = kind, owners = owners, n = n,
    support = tonumber(tostring(px.decimal.div(owners, n, 2))), reason = px.i18n.t("suggest_" .. kind, values) }
end

--- Products that enough clients of the same industry own and this one does not; nil and why where nothing can be said.
local function suggest(organisation)
  if not organisation.industry then
    return nil, px.i18n.t("suggest_no_industry")
  end
  local n, by_product = owners_in(organisation.industry)
  local cells = cells_of(organisation.id)
  local series, list = series_owned(cells), {}
  local least = px.config.get("suggest_least_clients")
  if n < least then
    return nil, px.i18n.t("suggest_too_few", { n = n, least = least, industry = organisation.industry })
  end
  for id, owners in pairs(by_product) do
    local state = cells[id] and cells[id].state or "free"
    if state ~= "owned" and state ~= "offered" and owners * 100 >= n * px.config.get("suggest_least_share") then
      local one = suggestion(organisation, px.store.get("product", id), owners, n, series)
      one.declined_on = state == "declined" and cells[id].on or nil
      list[#list + 1] = one
    end
  end
  table.sort(list, function(a, b)
    if a.owners ~= b.owners then
      return a.owners > b.owners
    end
    return a.name < b.name
  end)
  return list
end

-- GET /x/clients/suggestions?organisation=ID
px.route("GET", "/suggestions", function(request)
  local organisation = request.query.organisation and px.store.get("organisation", request.query.organisation)
  if not organisation then
    return px.http.problem(404, "not_found", "say which client: ?organisation=ID, one that you may read")
  end
  local list, unknown = suggest(organisation)
  return { json = { organisation = organisation.id, industry = organisation.industry, suggestions = px.json.list(list or {}),
    unknown = unknown } }
end)

-- ---- by name, as a person types it ----

px.command("whitespace", { help = { en = "what a client owns, was offered, and might want", el = "τι έχει ένας πελάτης, τι του προτάθηκε, τι θα μπορούσε να θέλει" },
  args = { { "party", required = true, rest = true, help = { en = "name or id", el = "όνομα ή ταυτότητα" } } } },
  function(args, out)
    local organisation, problem = names.find_party(args.party)
    if not organisation then
      out.line(problem)
      return 1
    end
    local rows = {}
    for i, cell in ipairs(row_of(organisation, (products_of())).cells) do
      rows[i] = { product = cell.name, state = px.i18n.t("cell_" .. cell.state), on = cell.on }
    end
    out.table({ { "product", px.i18n.t("col_product") }, { "state", px.i18n.t("col_state") }, { "on", px.i18n.t("col_on") } }, rows)
    local list, unknown = suggest(organisation)
    for _, one in ipairs(list or {}) do
      out.line(one.reason)
    end
    if unknown then
      out.line(unknown)
    end
  end)
