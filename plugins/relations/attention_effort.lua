-- How long a task takes that does not say so itself: what the operator assumes for its kind, as "promise=1". A kind without an entry stays unknown.
-- Nothing here reads or writes.
local M = {}

--- kind → hours; nil and the entry that cannot be read.
function M.read(entries)
  local hours = {}
  for _, entry in ipairs(entries) do
    local kind, text = tostring(entry):match("^([a-z][a-z0-9_]*)=([0-9]+%.?[0-9]*)$")
    local number = tonumber(text)
    if not number or number <= 0 then
      return nil, tostring(entry)
    end
    hours[kind] = number
  end
  return hours
end

--- The hours of a task and whether they are assumed; nil when nothing is known.
function M.of(given, kind, assumed)
  if given then
    return given, false
  end
  local hours = kind and assumed[kind] or nil
  return hours, hours ~= nil
end

return M
