-- Days that come again, on a working calendar.
local M = {}

local function last_day(year, month)
  local after = px.date.parse(string.format("%04d-%02d-01", year + month // 12, month % 12 + 1))
  return (after - "1d").day
end

--- So many months later; the 31st of a shorter month is its last day.
function M.months_later(day, months)
  local month = day.month - 1 + months
  local year, number = day.year + month // 12, month % 12 + 1
  return px.date.parse(string.format("%04d-%02d-%02d", year, number, math.min(day.day, last_day(year, number))))
end

--- The day itself, or the working day of this calendar (px.clock.calendar) that takes its place.
function M.rolled(day, roll, calendar)
  if roll == "none" then
    return day
  end
  while not calendar.is_business_day(day) do
    day = roll == "previous" and day - "1d" or day + "1d"
  end
  return day
end

--- When the n-th time is due; counted from the first, so that months do not drift. Nil when there is no such time.
function M.due(duty, occurrence, calendar)
  if occurrence > 1 and not duty.every_months then
    return nil
  end
  local day = occurrence == 1 and duty.first_due_on or M.months_later(duty.first_due_on, duty.every_months * (occurrence - 1))
  if duty.last_due_on and day > duty.last_due_on then
    return nil
  end
  return M.rolled(day, duty.roll, calendar)
end

return M
