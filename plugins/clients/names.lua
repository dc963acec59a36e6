-- Who is meant by a word that a person typed.
local M = {}

local SHOWN <const> = 6

--- The organisation with this id or name; nil and a sentence where there is none or more than one.
function M.find_party(text)
  local exact = px.try(px.store.get, "organisation", text)
  if exact then
    return exact
  end
  local found = px.store.find("organisation", { filter = { name = { "contains", text } }, order = "name", limit = SHOWN })
  for _, one in ipairs(found) do
    if px.text.fold(one.name) == px.text.fold(text) then
      return one
    end
  end
  if #found == 1 then
    return found[1]
  elseif #found == 0 then
    return nil, px.i18n.t("party_unknown", { name = text })
  end
  local list = {}
  for i, one in ipairs(found) do
    list[i] = one.name
  end
  return nil, px.i18n.t("party_several", { name = text, names = table.concat(list, ", ") })
end

return M
