-- The arithmetic of terms and notice: pure, so that each day of it can be tested.
--
-- A term's last day is included. The last day to give notice is that day less the notice; where the month has no
-- such day, its last one. A notice of that day leaves the whole period, never less.

local M = {}

local LIVE <const> = { in_force = true, renewed = true }
local WATCHED <const> = { signed = true, in_force = true, renewed = true, notice_given = true }
local LETTERS <const> = { days = "D", months = "M" }
local DEFAULT_LEAD_DAYS <const> = 60
-- So many terms are made up for at once: twenty-five years of months.
local TERMS_AT_ONCE <const> = 300

function M.is_live(contract)
  return LIVE[contract.stage] == true
end

local function duration(count, unit)
  return "P" .. count .. LETTERS[unit or "days"]
end

function M.last_notice(contract, ends_on)
  if not ends_on or not contract.notice_count then
    return nil
  end
  return ends_on - duration(contract.notice_count, contract.notice_unit)
end

-- The day on which the renewal opens; with an unknown notice it counts from the last day itself.
function M.opens_on(contract)
  if not contract.ends_on then
    return nil
  end
  local from = M.last_notice(contract, contract.ends_on) or contract.ends_on
  return from - duration(contract.lead_days or DEFAULT_LEAD_DAYS, "days")
end

-- The last day of a term that ends so many months after the anchor: counted between the first days of terms, so that
-- a term to the end of February is followed by one to the end of a month.
function M.add_months(anchor_on, months)
  return anchor_on + "1d" + duration(months, "months") - "1d"
end

-- The last day of the next term when the contract renews itself; or nil and why it will not, or that nobody knows.
function M.next_end(contract)
  if not contract.ends_on then
    return nil, "no_end"
  end
  if contract.auto_renew == nil then
    return nil, "unknown"
  end
  if not contract.auto_renew then
    return nil, "no_clause"
  end
  if contract.renewals_max and (contract.renewals_done or 0) >= contract.renewals_max then
    return nil, "used_up"
  end
  local months = (contract.term_months_past or 0) + contract.renewal_term_months
  return M.add_months(contract.term_anchor_on or contract.ends_on, months), nil, months
end

-- The terms that a contract with such a clause has gone through by today, oldest first: { from, until, … }.
function M.roll(contract, today)
  local terms, at = {}, {}
  for name, value in pairs(contract) do
    at[name] = value
  end
  at.term_anchor_on = at.term_anchor_on or at.ends_on
  while at.ends_on and at.ends_on < today and #terms < TERMS_AT_ONCE do
    local ends_on, _, months = M.next_end(at)
    if not ends_on then
      break
    end
    terms[#terms + 1] = { ended_on = at.ends_on, ends_on = ends_on, months_past = months }
    at.ends_on, at.term_months_past, at.renewals_done = ends_on, months, (at.renewals_done or 0) + 1
  end
  return terms, at
end

local function notice_state(contract, today)
  if contract.stage == "ended" or contract.stage == "terminated" or contract.open_ended then
    return "none"
  end
  if contract.stage == "notice_given" then
    return "given"
  end
  if not contract.ends_on then
    return "unknown"
  end
  if contract.ends_on < today then
    return "over"
  end
  local last = M.last_notice(contract, contract.ends_on)
  if not last then
    return "unknown"
  end
  if last < today then
    return "passed"
  end
  return M.opens_on(contract) <= today and "due" or "ahead"
end

-- The next day on which notice can be given: of the running term, or, when that has passed, of the one that follows.
local function next_notice(contract, state, today)
  if state == "ahead" or state == "due" then
    return M.last_notice(contract, contract.ends_on)
  end
  if state ~= "passed" and state ~= "over" then
    return nil
  end
  local _, at = M.roll(contract, today)
  if at.ends_on < today then
    return nil
  end
  local last = M.last_notice(contract, at.ends_on)
  if last and last >= today then
    return last
  end
  return M.last_notice(contract, (M.next_end(at)))
end

local function earliest(today, days)
  local first
  for _, day in pairs(days) do
    if day > today and (not first or day < first) then
      first = day
    end
  end
  return first
end

-- The next day on which something follows from the calendar alone.
local function watch(contract, today)
  if not WATCHED[contract.stage] then
    return nil
  end
  local last = M.last_notice(contract, contract.ends_on)
  return earliest(today, {
    starts = contract.stage == "signed" and contract.starts_on or nil,
    opens = M.opens_on(contract),
    passed = last and last + "1d" or nil,
    over = contract.ends_on and contract.ends_on + "1d" or nil,
  })
end

-- What is kept with the contract as of today.
function M.judge(contract, today)
  local state = notice_state(contract, today)
  return {
    notice_state = state,
    next_notice_on = next_notice(contract, state, today),
    watch_on = watch(contract, today),
  }
end

return M
