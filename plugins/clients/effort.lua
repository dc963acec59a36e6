-- From a target to hours, by what was needed before. Facts in, figures out: no store, no clock. What is not known is nil, and says why.
local M = {}

local function ceil(value)
  return math.ceil(value - 1e-9)
end

local function round(value, digits)
  local scale = 10 ^ (digits or 2)
  return math.floor(value * scale + 0.5) / scale
end

--- history: won, lost, value (minor units of those with a known one), valued, meetings, timed (meetings with a duration), minutes,
--- task_hours (nil: none noted). least: deals won that a rate needs.
function M.rates(history, least)
  local rates = { won = history.won, lost = history.lost, least = least }
  if history.won < least or history.valued == 0 then
    rates.too_thin = true
    return rates
  end
  rates.win_rate = round(history.won / (history.won + history.lost), 4)
  rates.average_value = history.value // history.valued
  rates.meetings_per_won = round(history.meetings / history.won)
  if history.timed > 0 or history.task_hours then
    local per_meeting = history.timed > 0 and history.minutes / history.timed / 60
    rates.hours_per_meeting = per_meeting and round(per_meeting)
    rates.untimed_meetings = history.meetings - history.timed
    -- Meetings that nobody timed are taken to have been as long as the others.
    rates.hours_per_won = round(((per_meeting or 0) * history.meetings + (history.task_hours or 0)) / history.won)
  end
  return rates
end

--- What is still missing of the target, as deals, opportunities, meetings and hours.
function M.effort(missing, rates)
  if missing <= 0 then
    return { deals = 0, opportunities = 0, meetings = 0, hours = 0 }
  elseif rates.too_thin or rates.average_value == 0 then
    return nil
  end
  local deals = ceil(missing / rates.average_value)
  return {
    deals = deals, opportunities = ceil(deals / rates.win_rate), meetings = ceil(deals * rates.meetings_per_won),
    hours = rates.hours_per_won and round(deals * rates.hours_per_won, 1),
  }
end

--- Hours that are lacking; 0 where there are enough, nil where one side is not known.
function M.shortfall(effort, capacity)
  if not (effort and effort.hours and capacity) then
    return nil
  end
  return round(math.max(0, effort.hours - capacity), 1)
end

return M
