-- Everything with a due date keeps one task, known by its origin.
local M = {}

--- Makes the task, or brings it up to date; one that is done stays done until `reopen`.
function M.keep(origin, fields)
  return px.store.upsert("task", { origin = origin }, fields)
end

local function close(origin, state)
  local task = px.store.first("task", { filter = { origin = origin } })
  if task and task.state == "open" then
    px.store.update("task", task.id, { state = state })
  end
end

function M.done(origin)
  close(origin, "done")
end

function M.drop(origin)
  close(origin, "dropped")
end

function M.today()
  return px.date.today(px.config.get("zone"))
end

return M
