-- The threat to one bond: presence × contract gap × poor health × ease of leaving. Facts in, numbers and words out; no store, no clock.
local M = {}

local CONFIDENCE <const> = { low = 0.4, medium = 0.7, high = 1.0 }
local NEARNESS <const> = { client = 1.0, product = 0.6, territory = 0.3 }
local YEAR <const> = 365

local function clamp(value)
  return math.max(0, math.min(1, value))
end

local function round(value)
  return math.floor(value * 100 + 0.5) / 100
end

--- presences: { { at = "client"|"product"|"territory", strength, confidence, expired } }. The strongest that still holds counts.
local function presence_of(presences)
  local best, why, expired
  for _, presence in ipairs(presences) do
    if presence.expired then
      expired = true
    elseif presence.strength then
      local value = presence.strength / 5 * CONFIDENCE[presence.confidence] * NEARNESS[presence.at]
      if not best or value > best then
        best, why = value, { key = "threat_presence", at = presence.at, strength = presence.strength, confidence = presence.confidence }
      end
    end
  end
  if best then
    return best, why
  end
  return nil, { key = expired and "threat_presence_expired" or "threat_presence_unknown" }
end

--- contract: nil where none is on record; { ended = true } where all are over; { days } to the last day, nil where that is not known.
local function gap_of(contract)
  if not contract then
    return nil, { key = "threat_contract_unknown" }
  elseif contract.ended then
    return 1, { key = "threat_contract_ended" }
  elseif not contract.days then
    return nil, { key = "threat_contract_undated" }
  end
  return clamp(1 - contract.days / YEAR), { key = "threat_contract", days = contract.days }
end

local function frailty_of(score)
  if not score then
    return nil, { key = "threat_health_unknown" }
  end
  return clamp(1 - score / 100), { key = "threat_health", score = score }
end

local function ease_of(cost)
  if not cost then
    return nil, { key = "threat_switching_unknown" }
  end
  return (6 - cost) / 5, { key = "threat_switching", cost = cost }
end

--- A threat in per cent, or nil and the most that it may be, where a part is unknown.
function M.judge(facts)
  local parts, unknown, product = {}, {}, 1
  local function part(name, value, why)
    parts[#parts + 1] = { name = name, value = value and round(value), why = why }
    if value then
      product = product * value
    else
      unknown[#unknown + 1] = name
    end
  end
  part("presence", presence_of(facts.presences))
  part("contract_gap", gap_of(facts.contract))
  part("health", frailty_of(facts.health))
  part("switching", ease_of(facts.switching_cost))
  local per_cent = math.floor(product * 100 + 0.5)
  return { threat = #unknown == 0 and per_cent or nil, at_most = per_cent, parts = parts, unknown = unknown }
end

return M
