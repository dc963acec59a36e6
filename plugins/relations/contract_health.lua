-- What a contract says of its bond's health, from how its notice stands: told when that changes, so that it ages as any signal does.
local M = {}

-- From 0 (ends) to 1 (has time). A state without an entry says nothing: no term runs, or it is unknown.
local BY_NOTICE <const> = { ahead = 1, due = 0.5, over = 0, given = 0 }
local PASSED <const> = { renews = 0.7, ends = 0.2 } -- the day went by undecided: it goes on by its clause, or ends with its term

--- 0 to 1, or nil: nothing is known.
function M.value(contract, notice_state)
  if notice_state == "passed" and contract.auto_renew ~= nil then
    return contract.auto_renew and PASSED.renews or PASSED.ends
  end
  return BY_NOTICE[notice_state]
end

--- Inside a unit of work. A contract that names no bond tells none.
function M.tell(contract, notice_state)
  local value = contract.relationship and M.value(contract, notice_state)
  if not value then
    return
  end
  local key = { origin = "contract:" .. contract.id .. ":health" }
  local told = px.store.first("health_signal", { filter = key })
  if told and told.relationship == contract.relationship and told.value == px.decimal(tostring(value)) then
    return
  end
  px.store.upsert("health_signal", key, {
    relationship = contract.relationship, factor = "contract", value = value, at = px.date.now(), evidence_object = "contract",
    evidence_id = contract.id,
  })
end

return M
