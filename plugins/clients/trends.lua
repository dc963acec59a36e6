-- From an observation to what came of it: the clients it touches, who was told, what they did.
local today <const> = require("days").today

local LIMIT <const> = 100
local LIMIT_MAX <const> = 1000
local SUGGEST_MAX <const> = 200
local DAYS <const> = 5 -- to acknowledge a hand-over

local function absent()
  return px.http.problem(404, "not_found", "there is no such trend", { pointer = "/id" })
end

-- POST /x/clients/trends { …, industries = { "energy" } }: the trend and its industries, all or none.
px.route("POST", "/trends", function(request)
  local given = type(request.json) == "table" and request.json or {}
  local industries = given.industries or {}
  if type(industries) ~= "table" or #industries == 0 then
    return px.http.problem(422, "required", "tag at least one industry", { pointer = "/industries" })
  end
  given.industries = nil
  local trend = px.store.tx(function()
    local made = px.store.create("trend", given)
    for _, industry in ipairs(industries) do
      px.store.create("trend_industry", { trend = made.id, industry = industry })
    end
    return made
  end)
  return { status = 201, json = trend }
end)

local function industries_of(trend)
  local list = {}
  for i, row in ipairs(px.store.find("trend_industry", { filter = { trend = trend.id }, limit = LIMIT_MAX })) do
    list[i] = row.industry
  end
  return list
end

-- Clients of these industries, and clients that own one of the products.
local function touched(trend, query)
  local either = {}
  local industries = industries_of(trend)
  if #industries > 0 then
    either[#either + 1] = { industry = { "in", industries } }
  end
  local owners, seen = {}, {}
  if #trend.products > 0 then
    local rows = px.store.find("owned_product", {
      filter = { product = { "in", trend.products }, ["until"] = { "is", "null" } }, limit = LIMIT_MAX, include = { "product" },
    })
    for _, row in ipairs(rows) do
      if row.organisation and not seen[row.organisation] then
        owners[#owners + 1] = row.organisation
        seen[row.organisation] = row.product
      end
    end
    either[#either + 1] = { id = { "in", owners } }
  end
  if #either == 0 then
    return {}, nil, seen
  end
  query.filter = { roles = { "has", "client" }, ["or"] = either }
  local clients, after = px.store.find("organisation", query)
  return clients, after, seen, industries
end

local function reasons(client, owned, industries)
  local list = px.json.list {}
  for _, industry in ipairs(industries or {}) do
    if client.industry == industry then
      list[#list + 1] = { by = "industry", value = industry }
    end
  end
  if owned[client.id] then
    list[#list + 1] = { by = "product", value = owned[client.id].name }
  end
  return list
end

-- GET /x/clients/trends/:id/clients?limit=&after=
px.route("GET", "/trends/:id/clients", function(request)
  local trend = px.store.get("trend", request.params.id)
  local limit = math.tointeger(tonumber(request.query.limit or LIMIT))
  if not trend then
    return absent()
  elseif not limit or limit < 1 or limit > LIMIT_MAX then
    return px.http.problem(400, "range", "limit is 1 to " .. LIMIT_MAX, { pointer = "/limit" })
  end
  local clients, after, owned, industries = touched(trend, { order = "name", limit = limit, after = request.query.after })
  local data = px.json.list {}
  for i, client in ipairs(clients) do
    data[i] = { id = client.id, name = client.name, owner = client.owner, reasons = reasons(client, owned, industries) }
  end
  return { json = { trend = trend.id, data = data, next = after or px.null } }
end)

local function suggest(trend, client, product, receiver)
  local key = trend.id .. ":" .. client.id
  if px.store.first("sales_handover", { filter = { trend_key = key } }) then
    return nil
  end
  return px.store.create("sales_handover", {
    name = trend.title .. ": " .. client.name, organisation = client.id, product = product, trend = trend.id, trend_key = key,
    reason = trend.title .. " (" .. trend.source .. ")", receiver = receiver, owner = px.actor.user(),
  })
end

-- POST /x/clients/trends/:id/suggest { receiver, product? }: an opportunity for each client, offered to sales once; accepting makes it.
px.route("POST", "/trends/:id/suggest", function(request)
  local given = type(request.json) == "table" and request.json or {}
  local trend = px.store.get("trend", request.params.id)
  if not trend then
    return absent()
  elseif not given.receiver then
    return px.http.problem(422, "required", "say to whom of sales: receiver", { pointer = "/receiver" })
  end
  local made = px.json.list {}
  local clients = touched(trend, { order = "name", limit = SUGGEST_MAX })
  px.store.tx(function()
    for _, client in ipairs(clients) do
      local handover = suggest(trend, client, given.product, given.receiver)
      made[#made + 1] = handover and handover.id
    end
  end)
  return { status = 201, json = { suggested = made, clients = #clients } }
end)

px.before("trend_handover.create", function(drafts)
  for _, draft in ipairs(drafts) do
    draft.handed_on = draft.handed_on or today()
  end
end)

-- Who was told says for himself that he has read it, and what he did.
px.before("trend_handover.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local old = draft.state and px.store.get("trend_handover", draft.id)
    if old and draft.state ~= old.state then
      if px.actor.user() ~= old.receiver then
        px.refuse("state", "a hand-over is acknowledged and answered by its receiver alone")
      end
      local field = draft.state == "acknowledged" and "acknowledged_on" or "acted_on"
      draft[field] = draft[field] or today()
    end
  end
end)

local TASK_STATES <const> = { sent = "open", acknowledged = "open", acted = "done", declined = "done" }

local function keep_task(event)
  local handover = px.store.get("trend_handover", event.id)
  local trend = handover and px.store.get("trend", handover.trend)
  if not trend then
    return
  end
  px.store.upsert("task", { origin = "trend_handover:" .. handover.id }, {
    title = px.i18n.t("trends_task", { title = trend.title }, { language = px.config.get("language") }),
    kind = "trend", state = TASK_STATES[handover.state], owner = handover.receiver, trend_handover = handover.id,
    due = px.clock.calendar(px.config.get("calendar")).add(handover.handed_on, DAYS),
  })
end

px.on("trend_handover.created", { name = "trend_handed_over", key = "id" }, keep_task)
px.on("trend_handover.updated", { name = "trend_handover_answered", key = "id" }, keep_task)

local PERIODS <const> = { month = true, quarter = true, year = true }

local function points(object, field, by, from, to, filter)
  filter[field] = { "between", { from, to } }
  local list = px.json.list {}
  for i, row in ipairs(px.store.aggregate(object, { group = { { field, by } }, measures = { n = true }, filter = filter })) do
    list[i] = { x = row[field], y = row.n }
  end
  return list
end

-- GET /x/clients/reports/trends?from=&to=&by=month: seen, handed over, acknowledged, acted upon; unknown: not answered yet.
px.route("GET", "/reports/trends", function(request)
  local by = request.query.by or "month"
  local from = px.try(px.date.parse, request.query.from or tostring(today() - "365d"))
  local to = px.try(px.date.parse, request.query.to or tostring(today()))
  if not PERIODS[by] then
    return px.http.problem(400, "enum", "by is month, quarter or year", { pointer = "/by" })
  elseif not from or not to then
    return px.http.problem(400, "type", "from and to are days such as 2026-01-31", { pointer = from and "/to" or "/from" })
  end
  local handed = { "between", { from, to } }
  return { json = {
    report = "trends", unit = "count",
    series = {
      { name = "observed", points = points("trend", "observed_on", by, from, to, {}) },
      { name = "handed_over", points = points("trend_handover", "handed_on", by, from, to, {}) },
      { name = "acknowledged", points = points("trend_handover", "acknowledged_on", by, from, to, {}) },
      { name = "acted", points = points("trend_handover", "acted_on", by, from, to, { state = "acted" }) },
    },
    suggested = px.store.count("sales_handover", { filter = { trend = { "is", "not_null" } } }),
    won = px.store.count("sales_handover", { filter = { trend = { "is", "not_null" }, ["opportunity.stage"] = "won" } }),
    unknown = px.store.count("trend_handover", { filter = { handed_on = handed, state = { "in", { "sent", "acknowledged" } } } }),
  } }
end)
