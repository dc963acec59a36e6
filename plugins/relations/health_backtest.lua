-- Did the score foresee what was lost? The area under the curve: how often a bond that was lost stood worse, so many weeks before, than one that was kept
-- in that same week; an even draw counts half. 0.5 is chance, 1 is always. Nothing here reads or writes.

local M = {}

M.LEAST = 10 -- lost bonds, and kept ones beside them: under it a figure would say nothing

--- Of one value among { [value] = count }: how many are better, and how many the same. `risk`: 1 where more is worse, -1 where less is.
local function beside(value, others, risk)
  local better, same = 0, 0
  for other, count in pairs(others) do
    if other == value then
      same = same + count
    elseif risk * other < risk * value then
      better = better + count
    end
  end
  return better, same
end

--- cases: { { value, others } … }. The area and the pairs that it was counted from; nil when there are none.
function M.area(cases, risk)
  local won, pairs_seen = 0, 0
  for _, case in ipairs(cases) do
    local better, same = beside(case.value, case.others, risk)
    won = won + better + same / 2
    for _, count in pairs(case.others) do
      pairs_seen = pairs_seen + count
    end
  end
  if pairs_seen == 0 then
    return nil, 0
  end
  return won / pairs_seen, pairs_seen
end

--- The standard error of an area (Hanley and McNeil, 1982).
function M.error_of(area, lost, kept)
  local both, one = area / (2 - area), 2 * area * area / (1 + area)
  local square = area * area
  return math.sqrt(math.max(0, (area * (1 - area) + (lost - 1) * (both - square) + (kept - 1) * (one - square)) / (lost * kept)))
end

--- What is left of counts when those of the lost are taken out.
function M.without(counts, values)
  local left = {}
  for value, count in pairs(counts) do
    left[value] = count
  end
  for _, value in ipairs(values) do
    left[value] = (left[value] or 0) > 1 and left[value] - 1 or nil
  end
  return left
end

return M
