-- What a request carries: callers send anything, and only an object has fields.
local M = {}

--- The fields of the body; none when it is no object.
function M.of(request)
  return type(request.json) == "table" and request.json or {}
end

--- The record of an id that a body gave, as far as who asks may see it; nil for what is no id.
function M.record(object, id)
  return type(id) == "string" and px.store.get(object, id) or nil
end

return M
