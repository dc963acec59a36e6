-- What people ask about cases (C3): the list by deadline, one case, who could help, and how long answers take.

local clocks <const> = require "case_clocks"
local series <const> = require "series"

local OPEN <const> = { status = { "nin", { "resolved", "closed" } } }
local PAGE_MOST <const> = 1000

-- The next time that runs, and how it stands: nil means that nothing was promised.
local function next_deadline(case)
  local by, what
  for _, name in ipairs(clocks.names) do
    local fields = clocks.fields[name]
    local undecided = not case[fields.done] and case[fields.by]
    if undecided and (not by or px.date.diff(case[fields.by], by, "seconds") < 0) then
      by, what = case[fields.by], name
    end
  end
  return by, what
end

local function row_of(case)
  local by, what = next_deadline(case)
  local state = what and case[clocks.fields[what].state]
  return {
    id = case.id, number = case.number, subject = case.subject, organisation = case.organisation, status = case.status,
    priority = case.priority, kind = case.kind, owner = case.owner, due = by, due_for = what, time = state or "unknown",
    minutes_left = by and state == "running" and px.date.diff(by, px.date.now(), "minutes") or nil,
  }
end

local function list(filter, limit, after)
  filter.status = OPEN.status
  local found, next_page = px.store.find("case", { filter = filter, order = "resolve_by,response_by", limit = limit, after = after,
    include = { "organisation" } })
  local rows = px.json.list {}
  for _, case in ipairs(found) do
    rows[#rows + 1] = row_of(case)
  end
  return rows, next_page
end

local function limit_of(request)
  local limit = math.tointeger(tonumber(request.query.limit or "50"))
  if not limit or limit < 1 or limit > PAGE_MOST then
    px.refuse("limit", "a whole number from 1 to " .. PAGE_MOST)
  end
  return limit
end

-- GET /x/clients/cases?owner=me&organisation=…: what is open, the nearest deadline first.
px.route("GET", "/cases", function(request)
  local owner = request.query.owner
  local rows, next_page = list({
    owner = owner == "me" and px.actor.user() or owner,
    organisation = request.query.organisation,
  }, limit_of(request), request.query.after)
  return px.http.json { data = rows, next = next_page }
end)

local function count_by_owner(filter)
  local counts = {}
  for _, row in ipairs(px.store.aggregate("case", { group = { "owner" }, measures = { n = true }, filter = filter })) do
    if row.owner then
      counts[row.owner] = row.n
    end
  end
  return counts
end

local LEVELS <const> = { basic = 2, working = 4, expert = 8 }

-- Who is known to have the skill that the case needs.
local function add_skilled(case, people)
  if not case.skill then
    return people
  end
  for _, one in ipairs((px.store.find("expertise", { filter = { skill = case.skill }, limit = 1000 }))) do
    local person = people[one.user] or { user = one.user, score = 0, reasons = px.json.list {} }
    people[one.user] = person
    person.score = person.score + LEVELS[one.level]
    table.insert(person.reasons, { skill = case.skill, level = one.level, confirmed = one.confirmed_by ~= nil })
  end
  return people
end

local function solved_like(case)
  local ways = {
    { reason = "product", filter = { product = case.product }, points = 3 },
    { reason = "client", filter = { organisation = case.organisation }, points = 2 },
    { reason = "type", filter = { type = case.type }, points = 1 },
  }
  local people = {}
  for _, way in ipairs(ways) do
    if next(way.filter) then
      way.filter.status = { "in", { "resolved", "closed" } }
      for owner, n in pairs(count_by_owner(way.filter)) do
        people[owner] = people[owner] or { user = owner, score = 0, reasons = px.json.list {} }
        people[owner].score = people[owner].score + way.points * n
        table.insert(people[owner].reasons, { like = way.reason, resolved = n })
      end
    end
  end
  return people
end

-- GET /x/clients/cases/:id/experts: who has the skill, who resolved what is like it, and how much lies on his desk.
px.route("GET", "/cases/:id/experts", function(request)
  local case = px.store.get("case", request.params.id)
  if not case then
    return px.http.problem(404, "not_found", "there is no such case")
  end
  local open, rows = count_by_owner { status = OPEN.status }, px.json.list {}
  for _, person in pairs(add_skilled(case, solved_like(case))) do
    person.open_cases = open[person.user] or 0
    rows[#rows + 1] = person
  end
  table.sort(rows, function(a, b)
    if a.score ~= b.score then
      return a.score > b.score
    end
    return a.user < b.user
  end)
  return px.http.json { data = rows }
end)

-- ---- how long it takes ----

local function hours(from, to, without_minutes)
  return from and to and math.max(0, px.date.diff(to, from, "minutes") - (without_minutes or 0)) / 60 or nil
end

local function gather(period, by)
  local buckets = series.buckets(period, by)
  local query = { filter = { reported_at = { ge = period.from, lt = period.to + "1d" } }, order = "reported_at",
    fields = { "reported_at", "first_response_at", "resolved_at", "waited_minutes", "response_state", "resolution_state" } }
  for case in px.store.each("case", query) do
    local bucket = buckets:at(case.reported_at)
    bucket:take("response", hours(case.reported_at, case.first_response_at))
    bucket:take("resolution", hours(case.reported_at, case.resolved_at, case.waited_minutes))
    for _, name in ipairs(clocks.names) do
      local state = case[clocks.fields[name].state]
      bucket:take(name .. "_kept", state == "met" and 100 or state == "breached" and 0 or nil)
    end
  end
  return buckets
end

-- GET /x/clients/reports/response_times?from=&to=&by=month. Hours by the clock on the wall, without those in which the client
-- was waited for.
px.route("GET", "/reports/response_times", function(request)
  local period, by = series.period(request.query)
  local buckets = gather(period, by)
  return px.http.json {
    report = "response_times", unit = "hours", from = period.from, to = period.to, by = by,
    series = {
      buckets:series("response_median", "response", "median"), buckets:series("response_p90", "response", "p90"),
      buckets:series("resolution_median", "resolution", "median"), buckets:series("resolution_p90", "resolution", "p90"),
      buckets:series("response_within_level", "response_kept", "mean", "percent"),
      buckets:series("resolution_within_level", "resolution_kept", "mean", "percent"),
    },
    unknown = buckets:unknown("response"),
  }
end)

-- ---- commands ----

local function shown(at)
  return at and px.date.format(at):sub(1, 16):gsub("T", " ") or ""
end

local COLUMNS <const> = { "number", "subject", "client", "priority", "status", "due", "for", "time" }

px.command("cases", {
  help = { en = "open cases, the nearest deadline first", el = "ανοιχτές υποθέσεις, η πιο κοντινή προθεσμία πρώτη" },
  args = {
    { "mine", "boolean", default = false, named = true, help = { en = "only my own", el = "μόνο οι δικές μου" } },
    { "limit", "integer", default = 50, named = true, help = { en = "how many", el = "πόσες" } },
  },
}, function(args, out)
  local rows = {}
  for _, row in ipairs((list({ owner = args.mine and px.actor.user() or nil }, args.limit))) do
    rows[#rows + 1] = {
      number = row.number, subject = row.subject, client = row.organisation and row.organisation.name, priority = row.priority,
      status = row.status, due = shown(row.due), ["for"] = row.due_for, time = row.time,
    }
  end
  out.table(COLUMNS, rows)
end)

px.command("case", {
  help = { en = "one case by its number", el = "μία υπόθεση με τον αριθμό της" },
  args = { { "number", required = true, help = { en = "its number, such as C-000001", el = "ο αριθμός της, π.χ. C-000001" } } },
}, function(args, out)
  local case = px.store.find("case", { filter = { number = args.number }, include = { "organisation" }, limit = 1 })[1]
  if not case then
    px.refuse("number", "there is no case " .. args.number)
  end
  local rows = {}
  for _, field in ipairs { "number", "subject", "kind", "priority", "status", "reported_at", "response_by", "first_response_at",
    "response_state", "resolve_by", "resolved_at", "resolution_state", "escalation_level", "resolution" } do
    rows[#rows + 1] = { field = field, value = case[field] and tostring(case[field]) or "unknown" }
  end
  table.insert(rows, 3, { field = "client", value = case.organisation and case.organisation.name or "unknown" })
  out.table({ "field", "value" }, rows)
end)
