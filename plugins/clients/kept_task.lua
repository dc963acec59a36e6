-- Tasks that are kept for something else, each known by its origin.
local M = {}

--- Ends the task that is kept so, where it is open. Inside a unit of work.
function M.close(origin, state)
  local task = px.store.first("task", { filter = { origin = origin, state = "open" } })
  if task then
    px.store.update("task", task.id, { state = state })
  end
end

return M
