-- The versions of a contract: counted, added to, never changed.

local M = {}

function M.next_number(contract)
  local newest = px.store.first("contract_version", { filter = { contract = contract }, order = "-number" })
  return (newest and newest.number or 0) + 1
end

-- Adds one, once for each origin; two at the same time conflict on the number, and one runs again.
function M.add(contract, origin, fields)
  local there = px.store.first("contract_version", { filter = { origin = origin } })
  if there then
    return there
  end
  fields.contract, fields.number, fields.origin = contract, M.next_number(contract), origin
  return px.store.create("contract_version", fields)
end

px.before("contract_version.create", function(drafts)
  local given = {}
  for _, draft in ipairs(drafts) do
    if draft.contract then
      draft.number = (given[draft.contract] or M.next_number(draft.contract) - 1) + 1
      given[draft.contract] = draft.number
    end
    draft.hash = draft.text and px.crypto.hash(draft.text) or draft.hash
  end
end)

px.before("contract_version.update", function(drafts)
  for _, draft in ipairs(drafts) do
    for name in pairs(draft) do
      if name ~= "id" then
        px.refuse(name, "a version stays as it was made; record another one that says what changed")
      end
    end
  end
end)

return M
