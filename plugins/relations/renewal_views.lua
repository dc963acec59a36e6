-- What a person asks about renewals: the notice of one contract, what is to be decided soon, and the report.

local notice <const> = require "contract_notice"
local terms <const> = require "contract_terms"
local today <const> = require("days").today

local ROWS_MAX <const> = 1000
local DAYS_MAX <const> = 3660
local LIVE <const> = { "in", { "in_force", "renewed" } }
local CLOSED <const> = { "renewed", "ended", "missed" }
local MONTHS_MAX <const> = 120

local function language_of(request)
  local language = request.query.language or px.config.get("language")
  if language ~= "en" and language ~= "el" then
    px.refuse("language", "the languages are en and el")
  end
  return language
end

local function day_of(request, name, default)
  local text = request.query[name]
  if not text then
    return default
  end
  local day = px.try(px.date.parse, text)
  if not day or #text ~= 10 then
    px.refuse(name, name .. " is a day, as 2027-03-31")
  end
  return day
end

local function whole_number(text, name, default, most)
  local number = text == nil and default or math.tointeger(tonumber(text))
  if not number or number < 1 or number > most then
    px.refuse(name, ("%s is a whole number from 1 to %d"):format(name, most))
  end
  return number
end

px.route("GET", "/contracts/:id/notice", function(request)
  local contract = px.store.get("contract", request.params.id)
  if not contract then
    return px.http.problem(404, "not_found", "there is no such contract")
  end
  return { json = notice.explain(contract, day_of(request, "on", today()), language_of(request)) }
end)

-- ---- what is to be decided ----

local function row(contract, day)
  local until_day, why = terms.next_end(contract)
  local party = px.store.get("organisation", contract.party)
  return {
    contract = contract.id, name = contract.name, party = contract.party, party_name = party and party.name or px.null,
    side = contract.side, stage = contract.stage, notice_state = contract.notice_state, owner = contract.owner or px.null,
    ends_on = tostring(contract.ends_on),
    last_notice_on = contract.last_notice_on and tostring(contract.last_notice_on) or px.null,
    days_left = contract.last_notice_on and contract.last_notice_on - day or px.null,
    next_notice_on = contract.next_notice_on and tostring(contract.next_notice_on) or px.null,
    renews_until = until_day and tostring(until_day) or px.null,
    renews = until_day and "yes" or why == "unknown" and "unknown" or "no",
    value = contract.value or px.null, value_period = contract.value_period,
  }
end

local function rows_of(filter, order, day, limit, after)
  filter.stage = LIVE
  local found, next_cursor = px.store.find("contract", { filter = filter, order = order, limit = limit, after = after })
  local rows = px.json.list()
  for i, contract in ipairs(found) do
    rows[i] = row(contract, day)
  end
  return rows, next_cursor
end

-- Three lists, since one order would hide what is not known: to be decided, too late for this term, unknown.
local function decisions(days, limit, after)
  local day = today()
  local last = day + ("P" .. days .. "D")
  local due, next_cursor = rows_of({ last_notice_on = { "between", { day, last } } }, "last_notice_on", day, limit, after)
  return {
    from = tostring(day), to = tostring(last), due = due, next = next_cursor or px.null,
    passed = (rows_of({ notice_state = "passed", ends_on = { "ge", day } }, "ends_on", day, limit)),
    unknown = (rows_of({ last_notice_on = { "is", "null" }, ends_on = { "le", last } }, "ends_on", day, limit)),
  }
end

px.route("GET", "/renewals", function(request)
  local days = whole_number(request.query.days, "days", 90, DAYS_MAX)
  local limit = whole_number(request.query.limit, "limit", 200, ROWS_MAX)
  return { json = decisions(days, limit, request.query.after) }
end)

-- ---- the report ----

local function first_of(day)
  return day - ("P" .. (day.day - 1) .. "D")
end

local function months_between(from, to)
  local months, at = {}, first_of(from)
  while at <= to do
    months[#months + 1] = tostring(at):sub(1, 7)
    at = at + "P1M"
  end
  return months
end

local function counts(groups, filter)
  local found = {}
  for _, group in ipairs(px.store.aggregate("renewal", { group = groups, measures = { n = true }, filter = filter })) do
    found[(group.stage or "due") .. " " .. (group.closed_on or group.last_notice_on)] = group.n
  end
  return found
end

local function series_of(name, months, found)
  local points = px.json.list()
  for i, month in ipairs(months) do
    points[i] = { x = month, y = found[name .. " " .. month] or 0 }
  end
  return { name = name, points = points }
end

px.route("GET", "/reports/renewals", function(request)
  local to = day_of(request, "to", today())
  local from = day_of(request, "from", to - "P11M")
  if (request.query.by or "month") ~= "month" then
    px.refuse("by", "renewals are reported by month")
  end
  local months = months_between(from, to)
  if #months == 0 or #months > MONTHS_MAX then
    px.refuse("from", ("from lies before to, at most %d months"):format(MONTHS_MAX))
  end
  local span = { "between", { from, to } }
  local closed = counts({ "stage", { "closed_on", "month" } }, { closed_on = span, stage = { "in", CLOSED } })
  local due = counts({ { "last_notice_on", "month" } }, { last_notice_on = span, stage = { "in", { "open", "in_talks" } } })
  local series = px.json.list { series_of("due", months, due) }
  for _, stage in ipairs(CLOSED) do
    series[#series + 1] = series_of(stage, months, closed)
  end
  local unknown = px.store.count("contract", { filter = { stage = LIVE, notice_state = "unknown" } })
  return { json = { report = "renewals", unit = "count", series = series, unknown = unknown } }
end)

-- ---- proxenos renewals ----

local COLUMNS <const> = {
  { "notice_by", "Notice by", "Καταγγελία έως" }, { "days_left", "Days left", "Ημέρες" }, { "contract", "Contract", "Σύμβαση" },
  { "party", "Party", "Συμβαλλόμενος" }, { "side", "Side", "Πλευρά" }, { "value", "Value", "Αξία" },
  { "renews_until", "Renews until", "Ανανεώνεται έως" }, { "state", "State", "Κατάσταση" },
}

local function columns_in(language)
  local columns = {}
  for i, column in ipairs(COLUMNS) do
    columns[i] = { column[1], language == "el" and column[3] or column[2] }
  end
  return columns
end

local function line_of(found)
  return {
    notice_by = found.last_notice_on, days_left = found.days_left, contract = found.name, party = found.party_name,
    side = found.side, value = found.value ~= px.null and tostring(found.value) or px.null,
    renews_until = found.renews == "unknown" and "?" or found.renews_until, state = found.notice_state,
  }
end

px.command("renewals", {
  help = { en = "contracts whose notice falls due, has passed or is unknown",
    el = "συμβάσεις με προθεσμία καταγγελίας που πλησιάζει, πέρασε ή είναι άγνωστη" },
  args = { { "days", "integer", default = 90, named = true,
    help = { en = "so many days ahead", el = "τόσες ημέρες μπροστά" } } },
}, function(args, out)
  local found = decisions(whole_number(args.days, "days", 90, DAYS_MAX), ROWS_MAX)
  local lines = {}
  for _, list in ipairs { found.passed, found.due, found.unknown } do
    for _, one in ipairs(list) do
      lines[#lines + 1] = line_of(one)
    end
  end
  out.table(columns_in(out.language), lines)
end)
