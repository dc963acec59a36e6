-- What has a due date keeps one task while it is open; it is done, or dropped, with the thing.
local work <const> = require "work"

local M = {}

local function has(list, value)
  for _, one in ipairs(list) do
    if one == value then
      return true
    end
  end
  return false
end

--- spec: object, due (field), state (field), open (value), done (values), title (key of the task's title), name (field), organisation (field)?
function M.track(spec)
  px.on(spec.object .. ".*", { key = "id", name = spec.object .. "_task" }, function(event)
    local record, origin = event.after, spec.object .. ":" .. event.id
    if not record then
      work.drop(origin)
    elseif record[spec.state] == spec.open and record[spec.due] then
      work.keep(origin, {
        title = px.text.sub(px.i18n.t(spec.title, { name = record[spec.name] or "" }), 1, 300), owner = record.owner, due = record[spec.due],
        organisation = spec.organisation and record[spec.organisation] or nil,
      })
    elseif has(spec.done, record[spec.state]) then
      work.done(origin)
    else
      work.drop(origin)
    end
  end)
end

return M
