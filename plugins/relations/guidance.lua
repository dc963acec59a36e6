-- Which rules and practices are in force on a day, somewhere, and how sure we are of each.
local reader <const> = require "reader"

local MAX <const> = 500
local UNION <const> = "EU"
local MEMBERS <const> = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"

--- The jurisdictions whose rules hold in one: its own, and the Union's where it is a member.
local function holding_in(jurisdiction)
  return MEMBERS:find(jurisdiction, 1, true) and { jurisdiction, UNION } or { jurisdiction }
end

local function shown(rule, today, language)
  local caution
  if rule.confidence ~= "high" then
    caution = px.i18n.t("guidance." .. rule.confidence, nil, { language = language })
  elseif rule.review_on and rule.review_on < today then
    caution = px.i18n.t("guidance.stale", { on = tostring(rule.review_on) }, { language = language })
  end
  return {
    id = rule.id, title = rule.title, kind = rule.kind, jurisdiction = rule.jurisdiction, industry = rule.industry,
    statement = rule.statement, citation = rule.citation, source = rule.source, effective_from = rule.effective_from,
    effective_to = rule.effective_to, confidence = rule.confidence, caution = caution, checked_on = rule.checked_on,
  }
end

local function in_force(jurisdiction, industry, text, on)
  local filter = {
    jurisdiction = { "in", holding_in(jurisdiction) }, effective_from = { "le", on },
    ["and"] = {
      { ["or"] = { { effective_to = { "is", "null" } }, { effective_to = { "ge", on } } } },
      industry and { ["or"] = { { industry = { "is", "null" } }, { industry = industry } } } or nil,
    },
  }
  if text then
    filter.title = { "contains", text }
  end
  return px.store.find("guidance", { filter = filter, order = "-effective_from,title", limit = MAX })
end

-- GET /x/relations/guidance?jurisdiction=GR&on=2026-03-01&industry=banking&q=
px.route("GET", "/guidance", function(request)
  local query, today = request.query, px.date.today(px.config.get("zone"))
  local on = query.on and px.try(px.date.parse, query.on) or not query.on and today or nil
  if not (query.jurisdiction or ""):match("^%u%u$") then
    return px.http.problem(422, "invalid", "jurisdiction is a country's two letters, or EU: GR", { pointer = "/jurisdiction" })
  elseif not on then
    return px.http.problem(422, "invalid", "on is a day: 2026-03-31", { pointer = "/on" })
  end
  local rules, low, language = px.json.list {}, 0, reader.language(request)
  for i, rule in ipairs(in_force(query.jurisdiction, query.industry, query.q, on)) do
    rules[i] = shown(rule, today, language)
    low = rule.confidence == "low" and low + 1 or low
  end
  return { json = { jurisdiction = query.jurisdiction, on = on, rules = rules, low_confidence = low, whole = #rules < MAX } }
end)

px.command("rules", {
  help = { en = "rules and practices in force somewhere on a day", el = "κανόνες και πρακτικές που ισχύουν κάπου μια ημέρα" },
  args = {
    { "jurisdiction", required = true, help = { en = "GR, DE, EU …", el = "GR, DE, EU …" } },
    { "on", "date", named = true, help = { en = "instead of today", el = "αντί για σήμερα" } },
    { "industry", named = true, help = { en = "of this industry alone", el = "μόνο αυτού του κλάδου" } },
  },
}, function(args, out)
  if not args.jurisdiction:match("^%u%u$") then
    px.refuse("args/jurisdiction", "a country's two letters, or EU: GR")
  end
  local today, columns, rows = px.date.today(px.config.get("zone")), {}, {}
  for i, column in ipairs { "title", "citation", "effective_from", "effective_to", "confidence", "caution" } do
    columns[i] = { column, px.i18n.t("guidance.column_" .. column, nil, { language = out.language }) }
  end
  for i, rule in ipairs(in_force(args.jurisdiction, args.industry, nil, args.on or today)) do
    rows[i] = shown(rule, today, out.language)
  end
  out.table(columns, rows)
end)

-- What takes another's place ends it on the day before, unless its end is known already.
px.on("guidance.created", { key = "supersedes" }, function(event)
  local old = event.after.supersedes and px.store.get("guidance", event.after.supersedes)
  local ends = old and px.date.parse(tostring(event.after.effective_from)) - "1d"
  if old and not old.effective_to and ends >= old.effective_from then
    px.store.update("guidance", old.id, { effective_to = ends })
  end
end)

-- Whoever keeps a rule looks at it again when its day has come: one task for each such day.
px.schedule("guidance", "20 6 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local today = px.date.today(px.config.get("zone"))
  for rule in px.store.each("guidance", { filter = { review_on = { "le", today } } }) do
    local origin = "guidance:" .. rule.id .. ":" .. tostring(rule.review_on)
    if not px.store.first("task", { filter = { origin = origin } }) then
      px.store.create("task", {
        origin = origin, kind = "guidance", guidance = rule.id, owner = rule.owner, due = today + "7d",
        title = px.i18n.t("task.guidance", { title = rule.title }, { language = px.config.get("language") }),
      })
    end
  end
end)
