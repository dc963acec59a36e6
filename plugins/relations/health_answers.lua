-- An answer about satisfaction is a signal of the bond that it names, or of those with its party.
local store <const> = require "health_store"

local WORST <const>, STEPS <const> = { csat = 1, nps = 0 }, { csat = 4, nps = 10 }

local function origin(answer, bond)
  return "satisfaction_answer:" .. answer .. ":" .. bond
end

local function bonds_of(answer)
  if answer.relationship then
    return { answer.relationship }
  end
  return store.bonds_with({ answer.organisation }, { answer.person })
end

local function tell(event)
  local answer = px.store.get("satisfaction_answer", event.id)
  if not answer or not answer.score or not answer.kind then
    return
  end
  local value = px.decimal(tostring((answer.score - WORST[answer.kind]) / STEPS[answer.kind]))
  for _, bond in ipairs(bonds_of(answer)) do
    px.store.upsert("health_signal", { origin = origin(answer.id, bond) }, {
      relationship = bond, factor = "satisfaction", value = value, at = tostring(answer.answered_on) .. "T00:00:00Z",
      evidence_object = "satisfaction_answer", evidence_id = answer.id,
    })
  end
end

px.on("satisfaction_answer.created", { name = "health_of_answer", key = "id" }, tell)
px.on("satisfaction_answer.updated", { name = "health_of_changed_answer", key = "id" }, tell)

px.on("satisfaction_answer.deleted", { name = "health_without_answer" }, function(event)
  local signals = px.store.find("health_signal", {
    filter = { evidence_object = "satisfaction_answer", evidence_id = event.id, factor = "satisfaction" }, limit = store.PAGE,
  })
  for _, signal in ipairs(signals) do
    px.store.delete("health_signal", signal.id)
  end
end)
