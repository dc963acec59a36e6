-- Tells the health of a bond what service and payments say of it. Inside a unit of work.

local M = {}

-- The bond that is named, or the client's only one that is looked after; of several none is guessed.
local function bond_of(record)
  if record.relationship then
    return record.relationship
  end
  local bonds = px.store.find("relationship", { filter = { source = record.organisation, managed = true, ended_on = { "is", "null" } }, limit = 2 })
  return #bonds == 1 and bonds[1].id or nil
end

-- One signal per record: what it says now, from 0 (bad) to 1 (good).
function M.tell(object, record, factor, value, at)
  local bond = bond_of(record)
  if bond then
    px.store.upsert("health_signal", { origin = object .. ":" .. record.id .. ":health" }, {
      relationship = bond, factor = factor, value = value, at = at, evidence_object = object, evidence_id = record.id,
    })
  end
end

return M
