-- What comes first: value at stake × fall of health × nearness of the deadline ÷ effort. Nothing here reads or writes.
-- A part that is unknown is neither 0 nor 1: without it there is no rank, and the row is listed apart with what is missing.

local M = {}

local HALF_DAYS <const> = 7     -- a deadline a week ahead weighs half of one today
local OVERDUE_DAYS <const> = 30 -- and one so long overdue twice

--- How near a deadline is, in days from today: 1 today, 1/2 in a week, towards 2 when overdue.
function M.nearness(days)
  if days < 0 then
    return 1 + math.min(-days, OVERDUE_DAYS) / OVERDUE_DAYS
  end
  return HALF_DAYS / (HALF_DAYS + days)
end

--- How far health has fallen: what is missing to full health, and once more what was lost since last week (where that is known).
function M.fall(score, change)
  return (100 - score + math.max(0, -(change or 0))) / 100
end

local PARTS <const> = { "value", "fall", "nearness", "effort" }

--- The rank of { value, fall, nearness, effort }; nil and the names of what is unknown.
function M.rank(parts)
  local missing = {}
  for _, name in ipairs(PARTS) do
    if parts[name] == nil then
      missing[#missing + 1] = name
    end
  end
  if #missing > 0 then
    return nil, missing
  end
  return parts.value * parts.fall * parts.nearness / parts.effort, missing
end

local function due_before(a, b)
  local first, second = a.days or math.huge, b.days or math.huge
  if first ~= second then
    return first < second
  end
  return a.id < b.id
end

--- By rank, the highest first; then by deadline.
function M.sort_ranked(rows)
  table.sort(rows, function(a, b)
    if a.rank ~= b.rank then
      return a.rank > b.rank
    end
    return due_before(a, b)
  end)
end

--- Those of which least is missing first; then by deadline.
function M.sort_unknown(rows)
  table.sort(rows, function(a, b)
    if #a.missing ~= #b.missing then
      return #a.missing < #b.missing
    end
    return due_before(a, b)
  end)
end

return M
