-- What a service level means for a case: which one applies, when which time is over, what a move does to its clocks.
-- Pure: it reads nothing and writes nothing.

local M = {}

M.names = { "response", "resolution" }

-- The fields of a case that belong to each clock.
M.fields = {
  response = { clock = "response_clock", by = "response_by", state = "response_state", done = "first_response_at" },
  resolution = { clock = "resolution_clock", by = "resolve_by", state = "resolution_state", done = "resolved_at" },
}

local CLOSED <const> = { resolved = true, closed = true }

function M.is_open(status)
  return not CLOSED[status]
end

-- More is meant when more is said: a contract's level before a client's own, that before that of a kind, that before that of a priority.
local function weight(policy, case)
  local sum = 0
  for field, points in pairs { contract = 8, organisation = 4, kind = 2, priority = 1 } do
    if policy[field] ~= nil then
      if policy[field] ~= case[field] then
        return nil
      end
      sum = sum + points
    end
  end
  return sum
end

-- Of equals the first by name, so that the choice is the same each time.
function M.choose(policies, case)
  local best, most
  for _, policy in ipairs(policies) do
    local sum = weight(policy, case)
    if sum and (not most or sum > most or sum == most and policy.name < best.name) then
      best, most = policy, sum
    end
  end
  return best
end

local IN_HOURS <const> = { minutes = true, hours = true }

-- The rule of px.clock, or nil where the policy promises nothing.
function M.rule(policy, name, where)
  local count, unit = policy[name .. "_count"], policy[name .. "_unit"]
  if not count then
    return nil
  end
  local rule = { count = count, unit = unit, calendar = policy.calendar or where.calendar, zone = where.zone }
  if IN_HOURS[unit] then
    rule.hours = { policy.opens, policy.closes }
  else
    rule.end_of_day = true
  end
  return rule
end

-- What is left of a clock's stops, on a new one: a case whose priority was raised has waited all the same.
local function take_over(clock, pauses)
  for _, pause in ipairs(pauses or {}) do
    clock = px.clock.pause(clock, pause.at, pause.reason)
    if pause["until"] then
      clock = px.clock.resume(clock, pause["until"])
    end
  end
  return clock
end

-- The fields that start (or start anew) one clock of a case.
function M.start(case, policy, name, from, where)
  local fields = M.fields[name]
  local rule = policy and M.rule(policy, name, where)
  if not rule then
    return { [fields.clock] = px.null, [fields.by] = px.null, [fields.state] = px.null }
  end
  local clock = take_over(px.clock.deadline(from, rule), case[fields.clock] and case[fields.clock].pauses)
  return { [fields.clock] = clock, [fields.by] = clock.due, [fields.state] = M.judge(clock, case[fields.done]) }
end

-- running, paused, met or breached; a breach is said when its moment comes, not here.
function M.judge(clock, done_at)
  if done_at then
    return px.date.diff(done_at, clock.due, "seconds") <= 0 and "met" or "breached"
  end
  return clock.state
end

-- What is not decided yet stops while the client is waited for, and when the case is resolved.
function M.pause(case, name, at, reason)
  local fields = M.fields[name]
  if case[fields.state] ~= "running" then
    return {}
  end
  local clock = px.clock.pause(case[fields.clock], at, reason)
  return { [fields.clock] = clock, [fields.by] = clock.due, [fields.state] = "paused" }
end

function M.resume(case, name, at)
  local fields = M.fields[name]
  if not case[fields.clock] or case[fields.clock].state ~= "paused" or case[fields.state] == "breached" then
    return {}
  end
  local clock = px.clock.resume(case[fields.clock], at)
  return { [fields.clock] = clock, [fields.by] = clock.due, [fields.state] = case[fields.done] and case[fields.state] or "running" }
end

return M
