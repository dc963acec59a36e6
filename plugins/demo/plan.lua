-- How many there are of each, for a company with so many parties, and when: three years that end on the day it is made.
local M = {}

M.DAYS = 1095

--- Two thousand parties: 1,200 organisations and 800 people; fewer in proportion.
function M.counts(parties)
  local organisations = parties * 3 // 5
  return {
    organisations = organisations,
    people = parties - organisations,
    bonds = organisations * 3 // 4,
    products = 24,
    opportunities = organisations * 3 // 5,
  }
end

--- The day so many days before the last one.
function M.day(last, ago)
  return last - (ago .. "d")
end

--- The same as an instant in working hours.
function M.instant(last, ago, minute)
  local minutes = 6 * 60 + minute % 540
  return string.format("%sT%02d:%02d:00Z", px.date.format(M.day(last, ago)), minutes // 60, minutes % 60)
end

return M
