-- Why the last day to give notice is the day it is: each step of the arithmetic in words, and the trap in one sentence.

local terms <const> = require "contract_terms"

local M = {}

local UNKNOWN_CLAUSES <const> = { unknown = "notice_clause_unknown", no_clause = "notice_clause_none", used_up = "notice_clause_used_up" }

-- Collects steps; a value that is not known is null and the text says so.
local function steps_of(language)
  local steps = px.json.list()
  return steps, function(name, value, key, values)
    steps[#steps + 1] = { step = name, value = value == nil and px.null or value,
      text = px.i18n.t(key, values or {}, { language = language }) }
  end
end

local function explain_term(contract, add)
  if contract.open_ended then
    add("term", nil, "notice_open_ended")
  elseif contract.ends_on then
    add("term", tostring(contract.ends_on), "notice_term", { day = tostring(contract.ends_on) })
  else
    add("term", nil, "notice_no_end")
  end
end

local function explain_notice(contract, add, last)
  if not contract.notice_count then
    add("notice", nil, "notice_unknown")
    return
  end
  local months = contract.notice_unit == "months"
  add("notice", contract.notice_count, months and "notice_months" or "notice_days", { count = contract.notice_count })
  if last then
    local cut = months and last.day ~= contract.ends_on.day
    add("last_notice", tostring(last), cut and "notice_last_cut" or "notice_last",
      { day = tostring(last), ends = tostring(contract.ends_on) })
  end
end

-- Notice that has to arrive is sent while somebody works.
local function explain_business_day(last, add)
  local calendar = px.clock.calendar(px.config.get("calendar"))
  if calendar.is_business_day(last) then
    add("business_day", tostring(last), "notice_business_day", { day = tostring(last) })
    return
  end
  local before = last - "1d"
  while not calendar.is_business_day(before) do
    before = before - "1d"
  end
  add("business_day", tostring(before), "notice_business_day_before", { day = tostring(last), before = tostring(before) })
end

local function explain_today(last, today, add)
  local left = last - today
  if left >= 0 then
    add("today", left, "notice_left", { day = tostring(today), count = left })
  else
    add("today", left, "notice_passed", { day = tostring(today), count = -left })
  end
end

local function explain_clause(contract, add)
  local until_day, why = terms.next_end(contract)
  if until_day then
    add("clause", tostring(until_day), "notice_clause", { count = contract.renewal_term_months, day = tostring(until_day) })
  elseif UNKNOWN_CLAUSES[why] then
    add("clause", nil, UNKNOWN_CLAUSES[why], { count = contract.renewals_done or 0 })
  end
  return until_day, why
end

-- What a person needs to hear first.
local function headline(contract, kept, last, until_day, why)
  local values = { last = tostring(last), day = tostring(until_day), ends = tostring(contract.ends_on),
    count = contract.renewal_term_months or 0, next = tostring(kept.next_notice_on) }
  if kept.notice_state == "none" or kept.notice_state == "given" or kept.notice_state == "over" then
    return "notice_head_" .. kept.notice_state, values
  elseif kept.notice_state == "unknown" then
    return contract.ends_on and "notice_head_unknown" or "notice_head_no_end", values
  elseif until_day then
    return kept.notice_state == "passed" and "notice_head_trap_shut" or "notice_head_trap", values
  elseif why == "unknown" then
    return "notice_head_clause_unknown", values
  end
  return "notice_head_ends", values
end

function M.explain(contract, today, language)
  local steps, add = steps_of(language)
  local kept = terms.judge(contract, today)
  local last = terms.last_notice(contract, contract.ends_on)
  explain_term(contract, add)
  explain_notice(contract, add, last)
  if last then
    explain_business_day(last, add)
    explain_today(last, today, add)
  end
  local until_day, why = explain_clause(contract, add)
  if kept.next_notice_on then
    add("next_chance", tostring(kept.next_notice_on), "notice_next", { day = tostring(kept.next_notice_on) })
  end
  local opens_on = terms.opens_on(contract)
  if opens_on then
    add("opens", tostring(opens_on), last and "notice_opens" or "notice_opens_end",
      { day = tostring(opens_on), count = last and last - opens_on or contract.ends_on - opens_on })
  end
  local key, values = headline(contract, kept, last, until_day, why)
  return {
    contract = contract.id, name = contract.name, as_of = tostring(today), state = kept.notice_state,
    last_notice_on = last and tostring(last) or px.null,
    days_left = last and last - today or px.null,
    renews_until = until_day and tostring(until_day) or px.null,
    next_notice_on = kept.next_notice_on and tostring(kept.next_notice_on) or px.null,
    headline = px.i18n.t(key, values, { language = language }),
    steps = steps,
  }
end

return M
