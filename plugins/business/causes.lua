-- B5: problems, the tree of their causes, how often each came back, and whether what was done about it helped.
local ask <const> = require "ask"
local duties <const> = require "duties"
local kept <const> = require "kept"
local work <const> = require "work"

kept.fields("root_cause", { "recurrences" })

duties.track { object = "corrective_action", due = "due_on", state = "state", open = "open", done = { "done", "effective", "ineffective" },
  title = "causes.act", name = "title" }

-- Behind the action comes the look whether it helped.
px.on("corrective_action.*", { key = "id", name = "checks" }, function(event)
  local action, origin = event.after, "corrective_check:" .. event.id
  if action and action.state == "done" and action.check_on then
    work.keep(origin, { title = px.text.sub(px.i18n.t("causes.check", { name = action.title }), 1, 300), owner = action.owner, due = action.check_on })
  elseif action and action.state ~= "open" then
    work.done(origin)
  else
    work.drop(origin)
  end
end)

local function count(cause)
  if cause and px.store.get("root_cause", cause) then
    px.store.update("root_cause", cause, { recurrences = px.store.count("problem", { filter = { cause = cause } }) })
  end
end

px.on("problem.*", { name = "recurrences" }, function(event)
  local old, new = event.before and event.before.cause, event.after and event.after.cause
  if old ~= new then
    count(old)
    count(new)
  end
end)

--- Problems that came after it was done: the evidence of whether it helped.
local function actions(cause)
  local rows = {}
  for i, action in ipairs(px.store.find("corrective_action", { filter = { cause = cause.id }, order = "due_on", limit = 100 })) do
    rows[i] = {
      id = action.id, title = action.title, state = action.state, due_on = action.due_on, done_on = action.done_on or px.null,
      check_on = action.check_on or px.null,
      problems_since = action.done_on and px.store.count("problem", { filter = { cause = cause.id, happened_on = { gt = action.done_on } } }) or px.null,
    }
  end
  return px.json.list(rows)
end

-- GET /x/business/causes?parent=: one level of the tree, the most frequent first.
px.route("GET", "/causes", function(request)
  local rows = {}
  local found, next_page = px.store.find("root_cause", {
    filter = { parent = request.query.parent or px.null }, order = "-recurrences,title", limit = ask.limit(request), after = request.query.after })
  for i, cause in ipairs(found) do
    rows[i] = {
      id = cause.id, title = cause.title, category = cause.category or px.null, problems = cause.recurrences or 0,
      below = px.store.count("root_cause", { filter = { parent = cause.id } }), actions = actions(cause),
    }
  end
  return px.http.json { data = px.json.list(rows), next = next_page or px.null }
end)
