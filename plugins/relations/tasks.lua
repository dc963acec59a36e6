-- The one list of what is mine to do: every topic with a due date keeps a task in it.

local LIMIT <const> = 50
local LIMIT_MAX <const> = 1000

local function whole_number(text, default, most)
  if text == nil then
    return default
  end
  local number = math.tointeger(tonumber(text))
  return number and number >= 1 and number <= most and number or nil
end

-- GET /x/relations/work?owner=ID&until=DATE&kind=…: open tasks, the nearest first, those without a day last.
px.route("GET", "/work", function(request)
  local query = request.query
  local limit = whole_number(query.limit, LIMIT, LIMIT_MAX)
  if not limit then
    return px.http.problem(400, "range", "limit is 1 to " .. LIMIT_MAX, { pointer = "/limit" })
  end
  local owner = query.owner or px.actor.user()
  local mine = { owner = owner, state = "open" }
  local late = { owner = owner, state = "open", due = { "lt", px.date.today(px.config.get("zone")) } }
  local bare = { owner = owner, state = "open", due = { "is", "null" } }
  local filter = { owner = owner, state = "open", kind = query.kind, due = query["until"] and { "le", query["until"] } }
  local tasks, after = px.store.find("task", {
    filter = filter, order = "due", limit = limit, after = query.after, include = { "organisation" },
  })
  return { json = {
    data = tasks,
    next = after or px.null,
    open = px.store.count("task", { filter = mine }),
    overdue = px.store.count("task", { filter = late }),
    without_date = px.store.count("task", { filter = bare }),
  } }
end)
