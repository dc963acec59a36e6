-- How a scorecard is worked out from facts, without the store. What is not known scores nothing, and is not counted as zero.
local M = {}

local function share(part, whole)
  if whole <= 0 then
    return nil
  end
  return px.decimal.div(px.decimal(part) * 100, px.decimal(whole), 2)
end

--- Facts of deliveries: those that were delivered, and those overdue at the end of the period (late, and known to be).
function M.deliveries(list, until_day)
  local facts = { count = 0, on_time = 0, delay = 0, ordered = px.decimal(0), ordered_came = px.decimal(0), delivered = px.decimal(0),
    rejected = px.decimal(0), judged = px.decimal(0) }
  for _, delivery in ipairs(list) do
    local came = delivery.delivered_on
    if came or delivery.promised_on < until_day then
      local delay = px.date.diff(came or until_day, delivery.promised_on)
      facts.count = facts.count + 1
      facts.on_time = facts.on_time + (delay <= 0 and 1 or 0)
      facts.delay = facts.delay + math.max(delay, 0)
    end
    if delivery.quantity_ordered and delivery.quantity_delivered then
      facts.ordered = facts.ordered + delivery.quantity_ordered
      facts.ordered_came = facts.ordered_came + delivery.quantity_delivered
    end
    if delivery.quantity_delivered and delivery.quantity_rejected then
      facts.judged = facts.judged + delivery.quantity_delivered
      facts.rejected = facts.rejected + delivery.quantity_rejected
    end
  end
  return facts
end

--- The values that criteria may ask for; absent where nothing is known.
function M.values(facts)
  local zero = px.decimal(0)
  return {
    on_time_share = share(facts.on_time, facts.count),
    delay_days = facts.count > 0 and px.decimal.div(px.decimal(facts.delay), facts.count, 2) or nil,
    accepted_share = facts.judged > zero and px.decimal.div((facts.judged - facts.rejected) * 100, facts.judged, 2) or nil,
    complete_share = facts.ordered > zero and px.decimal.div(facts.ordered_came * 100, facts.ordered, 2) or nil,
    service_share = facts.measured and share(facts.met, facts.measured) or nil,
    problems = facts.problems and px.decimal(facts.problems) or nil,
  }
end

--- 0 at the worst value, 100 at the best, straight between, never beyond.
function M.points(value, worst, best)
  local points = px.decimal.div((value - worst) * 100, best - worst, 1)
  if points < px.decimal(0) then
    return px.decimal(0, 1)
  elseif points > px.decimal(100) then
    return px.decimal(100, 1)
  end
  return points
end

--- { score, known, parts }: the weighted mean of what is known, and how much of the weight that is; score is nil when nothing is.
function M.score(criteria, values)
  local zero = px.decimal(0)
  local sum, known, all, parts = zero, zero, zero, {}
  for i, criterion in ipairs(criteria) do
    local value = values[criterion.measure]
    local points = value and M.points(value, criterion.worst, criterion.best) or nil
    all = all + criterion.weight
    if points then
      sum, known = sum + points * criterion.weight, known + criterion.weight
    end
    parts[i] = {
      criterion = criterion.name, measure = criterion.measure, weight = tostring(criterion.weight),
      value = value and tostring(value) or px.null, points = points and tostring(points) or px.null,
    }
  end
  return {
    score = known > zero and px.decimal.div(sum, known, 1) or nil,
    known = all > zero and px.decimal.div(known * 100, all, 1) or nil,
    parts = parts,
  }
end

function M.trend(score, previous)
  if not score or not previous then
    return nil
  elseif score > previous then
    return "better"
  end
  return score < previous and "worse" or "same"
end

--- The highest standing that the score reaches; standings come with their lowest score, falling.
function M.standing(score, standings)
  for _, standing in ipairs(standings) do
    if score and score >= standing.from_score then
      return standing
    end
  end
  return nil
end

return M
