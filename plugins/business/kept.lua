-- Fields that this plugin works out: nobody else writes them. (Hooks do not see the plugin's own writes.)
local M = {}

local function refuse(names)
  return function(drafts)
    for _, draft in ipairs(drafts) do
      for _, name in ipairs(names) do
        if draft[name] ~= nil and draft[name] ~= px.null then
          px.refuse(name, px.i18n.t("kept.refused", { field = name }))
        end
      end
    end
  end
end

function M.fields(object, names)
  px.before(object .. ".create", refuse(names))
  px.before(object .. ".update", refuse(names))
end

--- What the record will be: the draft of an update holds only what changes.
function M.whole(object, draft)
  local record = px.store.get(object, draft.id) or {}
  for name, value in pairs(draft) do
    record[name] = value
  end
  return record
end

--- A value, with null and absent alike.
function M.value(value)
  if value == px.null then
    return nil
  end
  return value
end

return M
