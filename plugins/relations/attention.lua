-- The day of who looks after many bonds: what to do first and why, from his bonds and open tasks (promises, contracts, cases keep tasks of their own).
local effort_of <const> = require "attention_effort"
local ranking <const> = require "attention_rank"
local rates <const> = require "rates"
local store <const> = require "health_store"

local null <const> = store.or_null

local READ_MAX <const> = 1000
local LIMIT <const> = 20
local LANGUAGES <const> = { "en", "el" }

-- ---- reading: a handful of questions, whatever the number of bonds ----

local function by_id(object, ids, fields)
  local map = {}
  for from = 1, #ids, READ_MAX do
    local part = table.move(ids, from, math.min(#ids, from + READ_MAX - 1), 1, {})
    for _, row in ipairs(px.store.find(object, { filter = { id = { "in", part } }, fields = fields, limit = READ_MAX })) do
      map[row.id] = row
    end
  end
  return map
end

local function scores_of(ids)
  local map = {}
  for from = 1, #ids, READ_MAX do
    local part = table.move(ids, from, math.min(#ids, from + READ_MAX - 1), 1, {})
    for _, row in ipairs(px.store.find("health_score", {
      filter = { relationship = { "in", part } }, fields = { "relationship", "score", "change", "last_contact_on" }, limit = READ_MAX,
    })) do
      map[row.relationship] = row
    end
  end
  return map
end

local BOND_FIELDS <const> = {
  "source", "source_person", "owner", "value_at_stake", "contact_every_days", "contact_hours", "managed", "ended_on",
}
local TASK_FIELDS <const> = {
  "title", "due", "kind", "origin", "organisation", "person", "relationship", "effort_hours", "value_at_stake",
}

local function bonds_of(user, today)
  local filter = store.open_on(today)
  filter.owner = user
  return px.store.find("relationship", { filter = filter, fields = BOND_FIELDS, limit = READ_MAX })
end

local function tasks_of(user)
  return px.store.find("task", { filter = { owner = user, state = "open" }, order = "due", fields = TASK_FIELDS, limit = READ_MAX })
end

local function add_once(list, seen, id)
  if id and not seen[id] then
    seen[id] = true
    list[#list + 1] = id
  end
end

--- A bond by party, where one party has one alone.
local function only_bonds(bonds)
  local map = {}
  for _, bond in ipairs(bonds) do
    local party = bond.source or bond.source_person
    if party then
      map[party] = map[party] == nil and bond or false
    end
  end
  return map
end

local function read_all(user, today)
  local bonds, tasks = bonds_of(user, today), tasks_of(user)
  local map, ids, seen, others = {}, {}, {}, {}
  for _, bond in ipairs(bonds) do
    map[bond.id] = bond
    add_once(ids, seen, bond.id)
  end
  for _, task in ipairs(tasks) do
    if task.relationship and not seen[task.relationship] then
      add_once(others, seen, task.relationship)
    end
  end
  for id, bond in pairs(by_id("relationship", others, BOND_FIELDS)) do
    map[id] = bond
    ids[#ids + 1] = id
  end
  local organisations, people, known = {}, {}, {}
  for _, bond in pairs(map) do
    add_once(organisations, known, bond.source)
    add_once(people, known, bond.source_person)
  end
  for _, task in ipairs(tasks) do
    add_once(organisations, known, task.organisation)
    add_once(people, known, task.person)
  end
  local only = only_bonds(bonds)
  return {
    bonds = bonds, tasks = tasks, by_id = map, only = only, scores = scores_of(ids),
    organisations = by_id("organisation", organisations, { "name" }), people = by_id("person", people, { "name" }),
  }
end

-- ---- rows ----

local function hours(decimal)
  local number = decimal and tonumber(tostring(decimal))
  return number and number > 0 and number or nil
end

local function texts(key, values)
  local both = {}
  for _, language in ipairs(LANGUAGES) do
    both[language] = px.i18n.t(key, values, { language = language })
  end
  return both
end

local function why_this(row)
  local value, score = row.value, row.score
  local kind = (value and "value" or "no_value") .. (score and score.score and "_score" or "")
  return texts("today.this_" .. kind, {
    party = row.party and row.party.name or row.title, value = value and tostring(value.base or value.given), score = score and score.score,
    change = score and score.change and string.format("%+d", score.change) or "?",
  })
end

local function why_now(row)
  local days = row.days
  if not days then
    return texts(row.kind == "bond" and "today.now_no_rhythm" or "today.now_no_date", {})
  end
  local key = days < 0 and "overdue" or days == 0 and "due_today" or "due"
  return texts("today.now_" .. key, { count = math.abs(days), on = px.date.format(row.due, "dd/mm/yyyy") })
end

local function value_of(world, money)
  if not money then
    return nil
  end
  local base, way = world.convert(money)
  if not base then
    return { given = money, no_rate = way }
  end
  return { given = money, base = base, rate_on = way.on, source = way.source }
end

local function party_of(world, organisation, person)
  local row = organisation and world.organisations[organisation] or person and world.people[person]
  return row and { object = organisation and "organisation" or "person", id = row.id, name = row.name } or nil
end

local function finish(world, row, money, effort)
  local score = row.score
  row.value = value_of(world, money)
  row.effort, row.assumed = effort_of.of(hours(effort), row.task_kind, world.assumed)
  row.days = row.due and px.date.diff(row.due, world.today) or nil
  row.parts = {
    value = row.value and row.value.base and row.value.base.amount / world.minor or nil,
    fall = score and score.score and ranking.fall(score.score, score.change) or nil,
    nearness = row.days and ranking.nearness(row.days) or nil, effort = row.effort,
  }
  row.rank, row.missing = ranking.rank(row.parts)
  return row
end

-- The next contact is due so many days after the last one; where either is unknown, so is the deadline.
local function bond_row(world, bond)
  local score = world.scores[bond.id]
  local last = score and score.last_contact_on
  local party = party_of(world, bond.source, bond.source_person)
  return finish(world, {
    kind = "bond", id = bond.id, relationship = bond.id, party = party, score = score,
    title = party and party.name or bond.id, due = last and bond.contact_every_days and last + (bond.contact_every_days .. "d") or nil,
    act = { key = "c", command = party and "proxenos log call " .. party.id or nil, url = "/api/v1/relationships/" .. bond.id },
  }, bond.value_at_stake, bond.contact_hours)
end

local function task_row(world, task)
  local bond = task.relationship and world.by_id[task.relationship]
    or world.only[task.organisation or task.person or ""] or nil
  local organisation, person = task.organisation, task.person
  if not organisation and not person and bond then
    organisation, person = bond.source, bond.source_person
  end
  return finish(world, {
    kind = "task", id = task.id, relationship = bond and bond.id or nil, party = party_of(world, organisation, person),
    score = bond and world.scores[bond.id] or nil, title = task.title, due = task.due, origin = task.origin, task_kind = task.kind,
    act = { key = "d", command = "proxenos record set task " .. task.id .. " state=done", url = "/api/v1/tasks/" .. task.id },
  }, task.value_at_stake or bond and bond.value_at_stake, task.effort_hours)
end

local function shown(row)
  local score, value = row.score or {}, row.value or {}
  row.act.label = texts("today.act_" .. row.kind, {})
  return {
    kind = row.kind, id = row.id, title = row.title, party = null(row.party), relationship = null(row.relationship),
    origin = row.origin, task_kind = row.task_kind, rank = null(row.rank), missing = px.json.list(row.missing),
    parts = {
      value = { given = null(value.given), base = null(value.base), rate_on = value.rate_on, source = value.source, no_rate = value.no_rate },
      fall = { score = null(score.score), change = null(score.change), value = null(row.parts.fall) },
      nearness = { due = null(row.due), days = null(row.days), value = null(row.parts.nearness) },
      effort = { hours = null(row.effort), assumed = row.assumed },
    },
    why_this = why_this(row), why_now = why_now(row), act = row.act,
  }
end

local function first_of(rows, limit)
  local list = {}
  for i = 1, math.min(limit, #rows) do
    list[i] = shown(rows[i])
  end
  return px.json.list(list)
end

--- The queue of a user: what is ranked, and apart what cannot be.
local function queue(user, limit)
  local today, base = store.today(), px.config.get("base_currency")
  local world = read_all(user, today)
  world.assumed = effort_of.read(px.config.get("assumed_hours")) or {}
  world.today, world.minor, world.convert = today, px.money.of("1", base).amount, rates.converter(base, today, base)
  local ranked, unknown = {}, {}
  local function add(row)
    local list = row.rank and ranked or unknown
    list[#list + 1] = row
  end
  for _, bond in ipairs(world.bonds) do
    add(bond_row(world, bond))
  end
  for _, task in ipairs(world.tasks) do
    add(task_row(world, task))
  end
  ranking.sort_ranked(ranked)
  ranking.sort_unknown(unknown)
  return {
    on = today, base_currency = base, rows = first_of(ranked, limit), unknown = first_of(unknown, limit),
    counts = { ranked = #ranked, unknown = #unknown, bonds = #world.bonds, tasks = #world.tasks },
    cut = #world.bonds == READ_MAX or #world.tasks == READ_MAX,
  }
end

local function limit_of(text)
  local limit = math.tointeger(tonumber(text or LIMIT))
  return limit and limit >= 1 and limit <= READ_MAX and limit or nil
end

-- GET /x/relations/today?limit=20
px.route("GET", "/today", function(request)
  local limit = limit_of(request.query.limit)
  if not limit then
    return px.http.problem(422, "range", "limit is a whole number from 1 to " .. READ_MAX, { pointer = "/limit" })
  end
  return { json = queue(px.actor.user(), limit) }
end)

px.check(function(config)
  local _, wrong = effort_of.read(config.assumed_hours)
  if wrong then
    error("assumed_hours: \"" .. wrong .. "\" is not kind=hours, as promise=1", 0)
  end
end)

-- ---- proxenos today ----

local function named_parts(missing, language)
  local names = {}
  for i, part in ipairs(missing) do
    names[i] = px.i18n.t("today.part_" .. part, {}, { language = language })
  end
  return table.concat(names, ", ")
end

--- What is unknown, and what was assumed.
local function remark(row, language)
  local effort = row.parts.effort
  local assumed = effort.assumed and px.i18n.t("today.assumed", { hours = effort.hours }, { language = language }) or nil
  local missing = named_parts(row.missing, language)
  return assumed and missing ~= "" and missing .. "; " .. assumed or assumed or missing
end

local COLUMNS <const> = { "rank", "what", "why_this", "why_now", "missing", "act" }

local function write_table(out, rows, language)
  local columns, lines = {}, {}
  for i, name in ipairs(COLUMNS) do
    columns[i] = { name, px.i18n.t("today." .. name, {}, { language = language }) }
  end
  for i, row in ipairs(rows) do
    lines[i] = {
      rank = row.rank ~= px.null and string.format("%.0f", row.rank) or "", what = row.title, why_this = row.why_this[language],
      why_now = row.why_now[language], missing = remark(row, language), act = row.act.command or row.act.url,
    }
  end
  out.table(columns, lines)
end

px.command("today", {
  help = { en = "what to do first, and why", el = "τι προηγείται σήμερα και γιατί" },
  args = { { "limit", "integer", default = LIMIT, named = true, help = { en = "rows at most", el = "γραμμές το πολύ" } } },
}, function(args, out)
  local limit, language = limit_of(args.limit), out.language == "el" and "el" or "en"
  if not limit then
    px.refuse("args/limit", "limit is 1 to " .. READ_MAX)
  end
  local day, rows = queue(px.actor.user(), limit), {}
  table.move(day.rows, 1, #day.rows, 1, rows)
  table.move(day.unknown, 1, math.min(#day.unknown, limit - #rows), #rows + 1, rows)
  write_table(out, rows, language)
  if day.counts.unknown > 0 then
    out.line(px.i18n.t("today.apart", { count = day.counts.unknown }, { language = language }))
  end
end)
