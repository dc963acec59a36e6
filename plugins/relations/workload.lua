-- How much time somebody has in a span of days: his hours a week, less absence, less the open work that falls due in it.
local M = {}

local DAYS_A_WEEK <const> = 5

local function number(decimal)
  return tonumber(tostring(decimal))
end

local function later(a, b)
  return a > b and a or b
end

local function sooner(a, b)
  return a < b and a or b
end

--- Working days of a user from one day to another, both included, without those on which he is away.
function M.days(user, from, to, calendar)
  local days = px.clock.business_days(from - "1d", to, calendar)
  local away_from, away_until = user.away_from and user.away_from.date, user.away_until and user.away_until.date
  if away_from or away_until then
    local first, last = later(away_from or from, from), sooner(away_until or to, to)
    if first <= last then
      days = days - px.clock.business_days(first - "1d", last, calendar)
    end
  end
  return days
end

--- Open tasks of these users that fall due by a day (or have no day): per user { tasks, hours, unestimated }.
function M.open_work(users, to)
  local filter = { owner = { "in", users }, state = "open", ["or"] = { { due = { "le", to } }, { due = { "is", "null" } } } }
  local work = {}
  for _, row in ipairs(px.store.aggregate("task", {
    group = { "owner" }, measures = { tasks = true, hours = { "sum", "effort_hours" } }, filter = filter,
  })) do
    work[row.owner] = { tasks = row.tasks, hours = row.hours and number(row.hours) or 0, unestimated = 0 }
  end
  filter.effort_hours = { "is", "null" }
  for _, row in ipairs(px.store.aggregate("task", { group = { "owner" }, measures = { n = true }, filter = filter })) do
    work[row.owner].unestimated = row.n
  end
  return work
end

--- { capacity_hours, open_tasks, open_hours, unestimated_tasks, free_hours }. Without a profile the capacity, and so what is free,
--- is unknown; with tasks nobody has estimated, what is free is only an upper bound, and says so.
function M.of(user, profile, work, from, to, calendar)
  local days = M.days(user, from, to, calendar)
  work = work or { tasks = 0, hours = 0, unestimated = 0 }
  local capacity = profile and days * number(profile.hours_per_week) / DAYS_A_WEEK
  return {
    working_days = days, capacity_hours = capacity or px.null, open_tasks = work.tasks, open_hours = work.hours,
    unestimated_tasks = work.unestimated, free_hours = capacity and math.max(0, capacity - work.hours) or px.null,
    at_most = work.unestimated > 0,
  }
end

return M
