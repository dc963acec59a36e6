-- B5: how long either side takes to answer, and the tone that people heard; nothing is guessed from words.
local ask <const> = require "ask"
local kept <const> = require "kept"
local series <const> = require "series"
local talks <const> = require "talks"

local MOST <const> = 5000

-- Who heard the tone: whoever enters it.
local function heard(drafts)
  for _, draft in ipairs(drafts) do
    if kept.value(draft.tone_by) then
      px.refuse("tone_by", px.i18n.t("kept.refused", { field = "tone_by" }))
    end
    if draft.tone == px.null then
      draft.tone_by = px.null
    elseif draft.tone ~= nil then
      draft.tone_by = px.actor.name()
    end
  end
end

px.before("interaction.create", heard)
px.before("interaction.update", heard)

local function interactions(party, asked, filter)
  filter.organisations, filter.at = { has = party.id }, { ge = asked.from, lt = asked.to + "1d" }
  local list = {}
  for one in px.store.each("interaction", { filter = filter, order = "at", fields = { "at", "direction", "tone" } }) do
    list[#list + 1] = one
    if #list > MOST then
      px.refuse("from", px.i18n.t("communication.many", { most = MOST }))
    end
  end
  return list
end

local function by_period(waits, by)
  local found = {}
  for _, wait in ipairs(waits) do
    local label = series.label(wait.at, by)
    found[label] = found[label] or {}
    table.insert(found[label], wait.minutes)
  end
  return found
end

--- Median hours of each period, null where nobody answered anything; with the trend of the last two that are known.
local function line(name, waits, asked)
  local by, known = by_period(waits, asked.by), {}
  for i, period in ipairs(asked.periods) do
    known[i] = by[period.label] and talks.median(by[period.label]) / 60 or false
  end
  local position = 0
  return series.line(name, asked.periods, function()
    position = position + 1
    return known[position] or nil
  end, { answered = #waits, trend = talks.trend(known, false) or px.null })
end

-- GET /x/business/reports/response_times?party=&from=&to=&by=month: median hours that we and they took to answer.
px.route("GET", "/reports/response_times", function(request)
  local asked, party = series.asked(request), ask.organisation(request.query.party, "party")
  local waits = talks.waits(interactions(party, asked, {
    direction = { "in", { "inbound", "outbound" } }, kind = { "in", { "email", "message", "letter", "call" } } }))
  return px.http.json {
    report = "response_times", unit = "hours", party = party.id, unknown = waits.open and 1 or 0,
    waiting = waits.open or px.null, waiting_since = waits.since or px.null,
    series = px.json.list { line("ours", waits.ours, asked), line("theirs", waits.theirs, asked) },
  }
end)

-- GET /x/business/reports/tone?party=&from=&to=&by=month: mean of the tones entered; unknown: how many had none.
px.route("GET", "/reports/tone", function(request)
  local asked, party = series.asked(request), ask.organisation(request.query.party, "party")
  local sums, counts, unknown = {}, {}, 0
  for _, one in ipairs(interactions(party, asked, {})) do
    local label = series.label(one.at, asked.by)
    if one.tone then
      sums[label], counts[label] = (sums[label] or 0) + one.tone, (counts[label] or 0) + 1
    else
      unknown = unknown + 1
    end
  end
  local known = {}
  for i, period in ipairs(asked.periods) do
    known[i] = counts[period.label] and sums[period.label] / counts[period.label] or false
  end
  local position = 0
  return series.answer("tone", "tone −2 to 2", { series.line("tone", asked.periods, function()
    position = position + 1
    return known[position] or nil
  end, { trend = talks.trend(known, true) or px.null }) }, unknown)
end)
