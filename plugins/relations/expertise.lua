-- Who has the skill to solve it, and the time: the directory, the workload and the finder.
local reader <const> = require "reader"
local workload <const> = require "workload"

local MAX <const> = 200
local LEVELS <const> = { expert = 3, working = 2, basic = 1 }

local function skills_named(text)
  local found = px.store.find("skill", { filter = { ["or"] = { { name = { "contains", text } }, { name_el = { "contains", text } } } }, limit = 50 })
  local ids = {}
  for i, skill in ipairs(found) do
    ids[i] = skill.id
  end
  return ids
end

local function by_user(object, users)
  local map = {}
  for _, record in ipairs(px.store.find(object, { filter = { user = { "in", users } }, limit = 1000 })) do
    map[record.user] = record
  end
  return map
end

local function speaks(profile, language)
  return not language or profile and profile.languages and profile.languages:find(language, 1, true) ~= nil
end

-- Who is there before who is away, then the greater skill, then the more time; unknown time comes last.
local function better(a, b)
  local there_a, there_b = a.working_days > 0, b.working_days > 0
  if there_a ~= there_b then
    return there_a
  elseif a.level ~= b.level then
    return LEVELS[a.level] > LEVELS[b.level]
  end
  local x = a.free_hours ~= px.null and a.free_hours or -1
  local y = b.free_hours ~= px.null and b.free_hours or -1
  if x ~= y then
    return x > y
  end
  return a.user < b.user
end

local function found_experts(skill, language, from, to, tongue)
  local experts, users = {}, {}
  local rows = px.store.find("expertise", {
    filter = { skill = { "in", skills_named(skill) }, ["user.state"] = "active" }, include = { "skill", "user" }, limit = MAX,
  })
  for i, row in ipairs(rows) do
    users[i] = row.user.id
  end
  local profiles, work = by_user("work_profile", users), workload.open_work(users, to)
  for _, row in ipairs(rows) do
    local user = row.user
    if speaks(profiles[user.id], language) then
      local expert = workload.of(user, profiles[user.id], work[user.id], from, to, px.config.get("calendar"))
      expert.user, expert.name, expert.level = user.id, user.label or user.name, row.level
      expert.skill, expert.evidence = reader.text(row.skill, "name", tongue), row.evidence
      expert.confirmed_on, expert.away_until = row.confirmed_on, user.away_until
      experts[#experts + 1] = expert
    end
  end
  table.sort(experts, better)
  return experts, #rows < MAX
end

--- The span of a question: from, until; nil and the field that is no day, or lies before the other.
local function span(query)
  local today = px.date.today(px.config.get("zone"))
  local from = query.from and px.try(px.date.parse, query.from) or not query.from and today or nil
  if not from then
    return nil, "from"
  end
  local to = query["until"] and px.try(px.date.parse, query["until"]) or not query["until"] and from + "13d" or nil
  if not to or to < from or px.date.diff(to, from) > 366 then
    return nil, "until"
  end
  return from, to
end

-- GET /x/relations/experts?skill=credit&language=el&from=&until=
px.route("GET", "/experts", function(request)
  local query = request.query
  local from, to = span(query)
  if not query.skill or query.skill == "" then
    return px.http.problem(422, "required", "say which skill is needed", { pointer = "/skill" })
  elseif not from then
    return px.http.problem(422, "invalid", to .. " is a day, until not before from and within a year of it", { pointer = "/" .. to })
  end
  local experts, whole = found_experts(query.skill, query.language, from, to, reader.language(request))
  return { json = { from = from, ["until"] = to, experts = px.json.list(experts), whole = whole } }
end)

-- GET /x/relations/workload/:user?from=&until=
px.route("GET", "/workload/:user", function(request)
  local from, to = span(request.query)
  local user = from and px.store.get("user", request.params.user)
  if not from then
    return px.http.problem(422, "invalid", to .. " is a day, until not before from and within a year of it", { pointer = "/" .. to })
  elseif not user then
    return px.http.problem(404, "not_found", "there is no such user")
  end
  local profile = px.store.first("work_profile", { filter = { user = user.id } })
  local load = workload.of(user, profile, workload.open_work({ user.id }, to)[user.id], from, to, px.config.get("calendar"))
  load.user, load.name, load.from, load["until"] = user.id, user.label or user.name, from, to
  return { json = load }
end)

px.command("experts", {
  help = { en = "who has a skill, and time in the next two weeks", el = "ποιος έχει μια δεξιότητα, και χρόνο τις επόμενες δύο εβδομάδες" },
  args = { { "skill", rest = true, required = true, help = { en = "a part of its name", el = "μέρος του ονόματός της" } } },
}, function(args, out)
  local from, to = span {}
  local columns = {}
  for i, column in ipairs { "name", "skill", "level", "free_hours", "open_tasks", "away_until" } do
    columns[i] = { column, px.i18n.t("experts." .. column, nil, { language = out.language }) }
  end
  local rows = found_experts(args.skill, nil, from, to, out.language)
  for _, row in ipairs(rows) do
    row.free_hours = row.free_hours == px.null and "?" or (row.at_most and "≤ " or "") .. row.free_hours
  end
  out.table(columns, rows)
end)
