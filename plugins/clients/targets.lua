-- C5 T14: rounds in which targets are agreed; each target beside what was won, what reaching it takes, and the hours there are.
local effort <const> = require "effort"
local figures <const> = require "figures"
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

local LIST_MAX <const> = 200
local DEALS_MAX <const> = 500
local MET <const> = { "in", { "meeting", "call", "visit" } }

local function is_set(value)
  return value ~= nil and value ~= px.null
end

-- ---- planning rounds ----

local function round_origin(round, head)
  return "planning_round:" .. round .. ":" .. head
end

px.on("planning_round.*", { key = "id", name = "planning_tasks" }, function(event)
  local round = event.after
  if not round then
    return
  end
  for _, head in ipairs(round.heads or {}) do
    local origin = round_origin(event.id, head)
    if round.state == "open" then
      px.store.upsert("task", { origin = origin }, { title = px.i18n.t("task_planning", { name = round.name }, { language = px.config.get("language") }), owner = head,
        due = round.due or px.null, state = "open" })
    else
      kept_task.close(origin, "done")
    end
  end
end)

px.before("planning_round.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.state == "closed" then
      local open = px.store.count("target", { filter = { planning_round = draft.id, state = "proposed" } })
      if open > 0 then
        px.refuse("state", open .. " targets of this round are not agreed: agree on them or withdraw them first")
      end
    end
  end
end)

local AGREED_FIELDS <const> = { "amount", "starts_on", "ends_on", "seller", "unit", "product" }

px.before("target.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local current = px.store.get("target", draft.id)
    if current and current.state == "agreed" and draft.state ~= "proposed" then
      for _, field in ipairs(AGREED_FIELDS) do
        if draft[field] ~= nil and draft[field] ~= current[field] then
          px.refuse(field, "an agreed target stays as agreed: propose it again (state proposed) to change it")
        end
      end
    end
  end
end)

-- ---- actuals ----

local function dimensions(target)
  return { owner = target.seller, unit = target.unit, product = target.product }
end

local function won_filter(target, from, to)
  local filter = dimensions(target)
  filter.stage, filter.closed_on = "won", { "between", { from, to } }
  return filter
end

local function actual_of(target, converter)
  local rows = figures.sums("opportunity", won_filter(target, target.starts_on, target.ends_on), nil, "value", converter)
  local row = rows[1]
  return row and row.total or 0, row and row.unknown or 0, row and row.n or 0
end

-- ---- history ----

local function add_meetings(history, ids)
  local found = px.store.aggregate("interaction", {
    measures = { n = true, minutes = { "sum", "duration_minutes" },
      timed = { measure = "count", filter = { duration_minutes = { "is", "not_null" } } } },
    filter = { opportunities = { "any", ids }, kind = MET, status = { "nin", { "planned", "not_held", "cancelled" } } } })[1]
  local tasks = px.store.aggregate("task", { measures = { hours = { "sum", "effort_hours" } },
    filter = { opportunity = { "in", ids }, state = "done" } })[1]
  if found then
    history.meetings, history.minutes, history.timed = found.n, found.minutes or 0, found.timed
  end
  history.task_hours = tasks and tasks.hours and tonumber(tostring(tasks.hours))
end

--- The newest deals closed in the months before the target's history ends, of the same person, unit and product.
local function history_of(target, converter)
  local to = today()
  local from = to + ("-P" .. px.config.get("history_months") .. "M")
  local history = { won = 0, lost = 0, value = 0, valued = 0, meetings = 0, minutes = 0, timed = 0, from = from, to = to }
  local filter, ids = won_filter(target, from, to), {}
  filter.stage = { "in", { "won", "lost" } }
  for i, deal in ipairs(px.store.find("opportunity", { filter = filter, order = "-closed_on", limit = DEALS_MAX,
    fields = { "stage", "value" } })) do
    ids[i] = deal.id
    history[deal.stage] = history[deal.stage] + 1
    local value = deal.stage == "won" and converter.convert(deal.value)
    if value then
      history.value, history.valued = history.value + value, history.valued + 1
    end
  end
  history.cut = #ids == DEALS_MAX
  if #ids > 0 then
    add_meetings(history, ids)
  end
  return history
end

-- ---- capacity ----

local function working_days(from, to)
  return from <= to and px.clock.business_days(from + "-1d", to, px.config.get("calendar")) or 0
end

local function day_of(instant)
  local parts = px.date.zone(instant, px.config.get("zone"))
  return px.date.parse(string.format("%04d-%02d-%02d", parts.year, parts.month, parts.day))
end

--- Days away, each once, though absences overlap.
local function merged(spans)
  table.sort(spans, function(a, b) return a.from < b.from end)
  local list = {}
  for _, span in ipairs(spans) do
    local last = list[#list]
    if last and span.from <= last.to then
      last.to = span.to > last.to and span.to or last.to
    else
      list[#list + 1] = { from = span.from, to = span.to }
    end
  end
  return list
end

local function days_away(seller, from, to)
  local spans = {}
  local function add(first, last)
    if first <= to and last >= from then
      spans[#spans + 1] = { from = first < from and from or first, to = last > to and to or last }
    end
  end
  for absence in px.store.each("absence", { filter = { absentee = seller, ends_on = { "ge", from }, starts_on = { "le", to } } }) do
    add(absence.starts_on, absence.ends_on)
  end
  local user = px.store.get("user", seller)
  if user and user.away_from and user.away_until then
    add(day_of(user.away_from), day_of(user.away_until))
  end
  local days = 0
  for _, span in ipairs(merged(spans)) do
    days = days + working_days(span.from, span.to)
  end
  return days
end

--- Hours for selling that are left in the target's period; nil where nobody's time is known.
local function capacity_of(target)
  local from = target.starts_on > today() and target.starts_on or today()
  local filter = { seller = target.seller }
  if not target.seller and target.unit then
    filter = { unit = target.unit }
  end
  local hours, people
  for _, time in ipairs(px.store.find("selling_time", { filter = filter, order = "id", limit = LIST_MAX })) do
    local days = working_days(from, target.ends_on) - days_away(time.seller, from, target.ends_on)
    hours = (hours or 0) + days * tonumber(tostring(time.hours_per_day))
    people = (people or 0) + 1
  end
  return hours, people
end

-- ---- one target, whole ----

local function with_names(target)
  local seller = target.seller and px.store.get("user", target.seller)
  local unit = target.unit and px.store.get("organisation", target.unit)
  local product = target.product and px.store.get("product", target.product)
  return { id = target.id, name = target.name, state = target.state, seller = target.seller, seller_name = seller and seller.name,
    unit = target.unit, unit_name = unit and unit.name, product = target.product, product_name = product and product.name,
    starts_on = target.starts_on, ends_on = target.ends_on, amount = target.amount }
end

local function read_target(target)
  local converter, row = figures.converter(today()), with_names(target)
  row.target = converter.convert(target.amount)
  row.actual, row.actual_unknown, row.won = actual_of(target, converter)
  if row.target then
    row.reached = math.floor(row.actual * 1000 / row.target + 0.5) / 10
    row.missing = math.max(0, row.target - row.actual)
    row.history = history_of(target, converter)
    row.rates = effort.rates(row.history, px.config.get("history_least_won"))
    row.effort = effort.effort(row.missing, row.rates)
  end
  row.capacity, row.people = capacity_of(target)
  row.shortfall = effort.shortfall(row.effort, row.capacity)
  row.unit_of_money, row.exchange_rates, row.no_rate_for = converter.base, converter.rates(), converter.missing()
  row.says = px.i18n.t(row.rates and row.rates.too_thin and row.missing > 0 and "target_too_thin" or row.capacity == nil and "target_no_capacity"
    or row.shortfall == nil and "target_no_hours" or row.shortfall > 0 and "target_short" or "target_enough", {
    won = row.rates and row.rates.won or 0, least = px.config.get("history_least_won"), shortfall = row.shortfall or "",
    capacity = row.capacity or "" })
  return row
end

px.route("GET", "/targets/:id", function(request)
  local target = px.store.get("target", request.params.id)
  if not target then
    return px.http.problem(404, "not_found", "no target with this id that you may read")
  end
  return { json = read_target(target) }
end)

-- GET /x/clients/planning-rounds/:id: what was proposed, said and agreed, and the sums.
px.route("GET", "/planning-rounds/:id", function(request)
  local round = px.store.get("planning_round", request.params.id)
  if not round then
    return px.http.problem(404, "not_found", "no planning round with this id that you may read")
  end
  local converter, targets, sums = figures.converter(today()), {}, { proposed = 0, agreed = 0, withdrawn = 0 }
  for i, target in ipairs(px.store.find("target", { filter = { planning_round = round.id }, order = "id", limit = LIST_MAX })) do
    local row = with_names(target)
    row.comments = px.json.list(px.store.find("target_comment", { filter = { target = target.id }, order = "id", limit = LIST_MAX,
      fields = { "body", "suggested", "created_by", "created_at" } }))
    row.changes = px.json.list(px.store.history("target", target.id))
    targets[i] = row
    sums[target.state] = sums[target.state] + (converter.convert(target.amount) or 0)
  end
  return { json = { id = round.id, name = round.name, state = round.state, starts_on = round.starts_on, ends_on = round.ends_on,
    targets = px.json.list(targets), sums = sums, unit = converter.base, rates = converter.rates(), no_rate_for = converter.missing() } }
end)

-- ---- all targets of a period ----

local function agreed_in(from, to)
  return px.store.find("target", { filter = { state = "agreed", starts_on = { "le", to }, ends_on = { "ge", from } },
    order = "ends_on,name", limit = LIST_MAX })
end

-- GET /x/clients/reports/targets?from=&to=
px.route("GET", "/reports/targets", function(request)
  local from, to, wrong = figures.period(request.query, today(), today())
  if wrong then
    return wrong
  end
  local converter, unknown = figures.converter(today()), 0
  local wanted, won = { name = px.i18n.t("target"), points = {} }, { name = px.i18n.t("actual"), points = {} }
  for i, target in ipairs(agreed_in(from, to)) do
    local actual, missing = actual_of(target, converter)
    local amount = converter.convert(target.amount)
    unknown = unknown + missing + (amount and 0 or 1)
    wanted.points[i], won.points[i] = { x = target.name, y = amount, id = target.id }, { x = target.name, y = actual, id = target.id }
  end
  wanted.points, won.points = px.json.list(wanted.points), px.json.list(won.points)
  return { json = { report = "targets", unit = converter.base, series = { wanted, won }, unknown = unknown,
    rates = converter.rates(), no_rate_for = converter.missing() } }
end)

px.command("targets", { help = { en = "agreed targets of today, what was won, what is lacking", el = "οι στόχοι που ισχύουν, τι κερδήθηκε, τι λείπει" } },
  function(_, out)
    local rows = {}
    for i, target in ipairs(agreed_in(today(), today())) do
      local row = read_target(target)
      rows[i] = { name = row.name, ends_on = row.ends_on, target = tostring(target.amount), reached = row.reached,
        won = tostring(px.money(row.actual, row.unit_of_money)), effort = row.effort and row.effort.hours, capacity = row.capacity,
        shortfall = row.shortfall, says = row.says }
    end
    out.table({ { "name", px.i18n.t("col_target") }, { "ends_on", px.i18n.t("col_until") }, { "target", px.i18n.t("target") },
      { "won", px.i18n.t("won") }, { "reached", "%" }, { "effort", px.i18n.t("col_effort") }, { "capacity", px.i18n.t("col_capacity") },
      { "shortfall", px.i18n.t("col_shortfall") }, { "says", "" } }, rows)
  end)
