-- What a manager says at the terminal: tell me of them, note that I called, we promised.
local brief_rows <const> = require "brief_rows"
local find_party <const> = require "find_party"
local reader <const> = require "reader"

local NOT_FOUND <const> = 2 -- exit code: nothing was done
local PARTY <const> = { en = "name or id", el = "όνομα ή κωδικός" }
local LIST <const> = 100

local function titles(names, language)
  local columns = {}
  for i, name in ipairs(names) do
    columns[i] = { name, px.i18n.t("column." .. name, nil, { language = language }) }
  end
  return columns
end

-- GET /x/relations/brief?party=NAME
px.route("GET", "/brief", function(request)
  local text = request.query.party
  if not text or text == "" then
    return px.http.problem(400, "required", "say of whom: party=NAME or id", { pointer = "/party" })
  end
  local party, candidates = find_party.find(text)
  if party then
    return { json = { object = party.object, id = party.record.id, name = party.record.name,
      brief = px.json.list(brief_rows.of(party, reader.language(request))) } }
  end
  local list = px.json.list {}
  for i, hit in ipairs(candidates) do
    list[i] = { object = hit.object, id = hit.id, name = hit.record.name }
  end
  return { status = #list == 0 and 404 or 300, json = { candidates = list } }
end)

px.command("brief", {
  help = { en = "what to know of a party before the call", el = "τι να ξέρετε για ένα μέρος πριν την κλήση" },
  args = { { "party", required = true, rest = true, help = PARTY } },
}, function(args, out)
  local party = find_party.named(args.party, out)
  if not party then
    return NOT_FOUND
  end
  local rows = brief_rows.of(party, out.language)
  for _, row in ipairs(rows) do
    row.section = px.i18n.t("section." .. row.section, nil, { language = out.language })
  end
  out.table(titles({ "section", "what", "when", "who", "id" }, out.language), rows)
end)

local function party_fields(party)
  local organisation = party.object == "organisation"
  return organisation and party.record.id or nil, not organisation and party.record.id or nil
end

local function promised(text, party, due, interaction)
  local organisation, person = party_fields(party)
  return px.store.create("promise", {
    text = text, due = due, organisation = organisation, person = person, interaction = interaction,
    direction = "by_us", owner = px.actor.user(),
  })
end

local function said(kind, party, args)
  local organisation, person = party_fields(party)
  local places = organisation and { organisation } or {}
  if person then
    for _, place in ipairs(px.store.find("affiliation", { filter = { person = person, ended_on = { "is", "null" } }, limit = LIST })) do
      places[#places + 1] = place.organisation
    end
  end
  local at = args.at and px.date.parse(args.at) or px.date.now()
  return px.store.create("interaction", {
    kind = kind, subject = args.text, at = at, status = at > px.date.now() and "planned" or "held",
    outcome = args.outcome, duration_minutes = args.minutes,
    organisations = places, people = person and { person } or {}, owner = px.actor.user(),
  })
end

for _, kind in ipairs { "call", "meeting", "visit", "note" } do
  px.command("log " .. kind, {
    help = { en = "notes a " .. kind .. " with a party", el = "καταγράφει: " .. px.i18n.t("how." .. kind, nil, { language = "el" }) },
    args = {
      { "party", required = true, help = PARTY },
      { "text", required = true, rest = true, help = { en = "what it was about", el = "το θέμα" } },
      { "at", named = true, help = { en = "day or time; now without it", el = "ημέρα ή ώρα· αλλιώς τώρα" } },
      { "minutes", "integer", named = true, help = { en = "how long", el = "διάρκεια" } },
      { "outcome", named = true, help = { en = "what came of it", el = "το αποτέλεσμα" } },
      { "promise", named = true, help = { en = "what we promised", el = "τι υποσχεθήκαμε" } },
      { "by", "date", named = true, help = { en = "the promise's day", el = "έως πότε η υπόσχεση" } },
    },
  }, function(args, out)
    if args.promise and not args.by then
      px.refuse("args/by", "a promise has its day: by=2026-12-31")
    end
    local party = find_party.named(args.party, out)
    if not party then
      return NOT_FOUND
    end
    local interaction, promise
    px.store.tx(function()
      interaction = said(kind, party, args)
      promise = args.promise and promised(args.promise, party, args.by, interaction.id)
    end)
    out.line(px.i18n.t("log.done", { kind = px.i18n.t("how." .. kind, nil, { language = out.language }),
      name = party.record.name, id = interaction.id }, { language = out.language }))
    if promise then
      out.line(px.i18n.t("promise.noted", { text = promise.text, due = tostring(promise.due), id = promise.id }, { language = out.language }))
    end
  end)
end

local DIRECTIONS <const> = { us = "by_us", them = "to_us" }

px.command("promise", {
  help = { en = "notes what was promised to a party, or by it", el = "καταγράφει υπόσχεση προς ένα μέρος ή από αυτό" },
  args = {
    { "party", required = true, help = PARTY },
    { "text", required = true, rest = true, help = { en = "what", el = "τι" } },
    { "by", "date", required = true, named = true, help = { en = "until when", el = "έως πότε" } },
    { "from", default = "us", named = true, help = { en = "us or them", el = "us (εμείς) ή them (εκείνοι)" } },
  },
}, function(args, out)
  local direction = DIRECTIONS[args.from]
  if not direction then
    px.refuse("args/from", "from is us or them")
  end
  local party = find_party.named(args.party, out)
  if not party then
    return NOT_FOUND
  end
  local organisation, person = party_fields(party)
  local promise = px.store.create("promise", {
    text = args.text, due = args.by, direction = direction, organisation = organisation, person = person, owner = px.actor.user(),
  })
  out.line(px.i18n.t("promise.noted", { text = promise.text, due = tostring(promise.due), id = promise.id }, { language = out.language }))
end)

for _, state in ipairs { "kept", "broken" } do
  px.command("promise " .. state, {
    help = { en = "says that a promise was " .. state, el = state == "kept" and "η υπόσχεση τηρήθηκε" or "η υπόσχεση αθετήθηκε" },
    args = {
      { "id", required = true, help = { en = "the promise", el = "η υπόσχεση" } },
      { "reason", rest = true, help = { en = "why", el = "γιατί" } },
    },
  }, function(args, out)
    local promise = px.store.update("promise", args.id, { state = state, reason = args.reason })
    out.line(px.i18n.t("promise." .. state, { text = promise.text }, { language = out.language }))
  end)
end

px.command("promises", {
  help = { en = "promises that are open, the nearest first", el = "ανοικτές υποσχέσεις, οι κοντινότερες πρώτα" },
  args = {
    { "party", rest = true, help = PARTY },
    { "limit", "integer", default = 50, named = true, help = { en = "at most", el = "το πολύ" } },
  },
}, function(args, out)
  local filter = { state = { "in", { "open", "overdue" } } }
  if args.party then
    local party = find_party.named(args.party, out)
    if not party then
      return NOT_FOUND
    end
    filter[party.object] = party.record.id
  end
  local promises = px.store.find("promise", { filter = filter, order = "due", limit = args.limit, include = { "organisation", "person" } })
  local rows = {}
  for i, promise in ipairs(promises) do
    local party = promise.organisation or promise.person
    rows[i] = {
      when = promise.due, section = px.i18n.t("brief." .. promise.direction, nil, { language = out.language }),
      who = party and party.name, what = promise.text, state = promise.state, id = promise.id,
    }
  end
  out.table(titles({ "when", "state", "section", "who", "what", "id" }, out.language), rows)
end)
