-- What negotiations and communication come to, without the store.
local M = {}

--- How much of the way from where we walk away to the target was reached, per cent; nil while something of it is unknown.
function M.reached(issue, value)
  if not issue.target or not issue.reservation or not value then
    return nil
  end
  return px.decimal.div((value - issue.reservation) * 100, issue.target - issue.reservation, 1)
end

--- The weighted mean of what is known of the issues, and of how many nothing is known.
function M.outcome(issues)
  local sum, weights, unknown = px.decimal(0), px.decimal(0), 0
  for _, issue in ipairs(issues) do
    local reached = M.reached(issue, issue.agreed)
    if reached then
      sum, weights = sum + reached * issue.weight, weights + issue.weight
    else
      unknown = unknown + 1
    end
  end
  return weights > px.decimal(0) and px.decimal.div(sum, weights, 1) or nil, unknown
end

--- Waits, in hours, of whoever was to answer: { ours = { { at, hours } … }, theirs = …, open = { ours = n, theirs = n } }. Several
--- messages of one side in a row are one question, asked when the first of them came. Interactions come by time.
function M.waits(interactions)
  local found, waiting, since = { ours = {}, theirs = {} }, nil, nil
  for _, one in ipairs(interactions) do
    local answers = one.direction == "outbound" and "ours" or "theirs"
    if waiting == answers then
      local list = found[answers]
      list[#list + 1] = { at = since, minutes = px.date.diff(one.at, since, "minutes") }
    end
    local next_side = answers == "ours" and "theirs" or "ours"
    if waiting ~= next_side then
      waiting, since = next_side, one.at
    end
  end
  found.open, found.since = waiting, since
  return found
end

function M.median(list)
  if #list == 0 then
    return nil
  end
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  return #sorted % 2 == 1 and sorted[middle] or (sorted[middle] + sorted[middle + 1]) / 2
end

--- "better", "same" or "worse" of the last two known values; nil with fewer.
function M.trend(values, more_is_better)
  local last, before
  for _, value in ipairs(values) do
    if value ~= false then
      last, before = value, last
    end
  end
  if not before then
    return nil
  elseif last == before then
    return "same"
  end
  return (last > before) == more_is_better and "better" or "worse"
end

return M
