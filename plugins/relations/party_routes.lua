-- What people ask of a party: who stands where in it, what it is to us on both sides, and who of ours knows somebody.
local acquaintances <const> = require "acquaintances"
local chart <const> = require "chart"
local rates <const> = require "rates"
local reader <const> = require "reader"
local sides <const> = require "sides"

local MAX <const> = 1000
local WAYS <const> = 5

local function absent(what)
  return px.http.problem(404, "not_found", "there is no such " .. what)
end

--- A day from the query, today without one; nil and the refusal.
local function day(request)
  local text = request.query.on
  local on = text and px.try(px.date.parse, text) or not text and px.date.today() or nil
  return on, not on and px.http.problem(422, "invalid", "on is a day: 2026-03-31", { pointer = "/on" })
end

local function in_force(record, on)
  return (not record.started_on or record.started_on <= on) and (not record.ended_on or record.ended_on >= on)
end

-- GET /x/relations/organisations/:id/chart?on=2026-03-31
px.route("GET", "/organisations/:id/chart", function(request)
  local on, refusal = day(request)
  local organisation = on and px.store.get("organisation", request.params.id)
  if not organisation then
    return refusal or absent("organisation")
  end
  local nodes, unknown = {}, 0
  local found = px.store.find("affiliation", { filter = { organisation = organisation.id }, include = { "person" }, limit = MAX })
  for _, affiliation in ipairs(found) do
    local person = affiliation.person
    if person and in_force(affiliation, on) then
      unknown = affiliation.started_on and unknown or unknown + 1
      nodes[#nodes + 1] = {
        affiliation = affiliation.id, person = person.id, name = person.name, job_title = affiliation.job_title,
        department = affiliation.department, since = affiliation.started_on, reports_to = affiliation.reports_to,
      }
    end
  end
  return { json = {
    organisation = { id = organisation.id, name = organisation.name }, on = on, people = #nodes, beginning_unknown = unknown,
    whole = #found < MAX, top = chart.forest(nodes),
  } }
end)

--- The other end of a bond: { object, id, name }.
local function other_end(bond, is_source)
  local organisation = is_source and bond.target or not is_source and bond.source or nil
  local person = is_source and bond.target_person or not is_source and bond.source_person or nil
  local party = organisation or person
  return party and { object = organisation and "organisation" or "person", id = party.id, name = party.name } or nil
end

local function described(bond, is_source, language, today)
  local kind = bond.type or {} -- a type that the reader may not see has no name for him
  local name = is_source and "name" or "reverse_name"
  return {
    id = bond.id, type = kind.code, label = reader.text(kind, name, language), other = other_end(bond, is_source),
    managed = bond.managed, owner = bond.owner, share = bond.share, value_at_stake = bond.value_at_stake,
    started_on = bond.started_on, ended_on = bond.ended_on, side = sides.side(kind, is_source),
    from_here = is_source, in_force = not bond.ended_on or bond.ended_on >= today,
  }
end

local function bonds_of(ends, id, language)
  local bonds, today, whole = px.json.list {}, px.date.today(), true
  for _, field in ipairs(ends) do
    local found = px.store.find("relationship", {
      filter = { [field] = id }, order = "-started_on", limit = MAX // 2,
      include = { "type", "source", "target", "source_person", "target_person" },
    })
    whole = whole and #found < MAX // 2
    for _, bond in ipairs(found) do
      bonds[#bonds + 1] = described(bond, field:find("^source") ~= nil, language, today)
    end
  end
  return bonds, whole
end

local function kept_by_us(bonds)
  local kept = {}
  for _, bond in ipairs(bonds) do
    if bond.managed and bond.in_force then
      kept[#kept + 1] = bond
    end
  end
  return kept
end

--- Who owns it and what it owns, as recorded; the rest of the shares is unknown, not nobody's.
local function ownership(bonds)
  local owners, holdings = px.json.list {}, px.json.list {}
  local known = px.decimal(0)
  for _, bond in ipairs(bonds) do
    if bond.type == "owns" and bond.in_force then
      local list = bond.from_here and holdings or owners
      list[#list + 1] = { party = bond.other, share = bond.share, relationship = bond.id }
      known = list == owners and bond.share and known + bond.share or known
    end
  end
  return { owners = owners, holdings = holdings, share_known = known, over_the_whole = known > px.decimal(100) }
end

--- What to mind before one presses this party: it stands on both sides, or competes with us and deals with us.
local function cautions(kept, position, language)
  local list, competes = px.json.list {}, false
  for _, bond in ipairs(kept) do
    competes = competes or bond.type == "competitor_of"
  end
  if position.both_sides then
    list[1] = px.i18n.t("party.both_sides", nil, { language = language })
  end
  if competes and position.client.bonds + position.supplier.bonds > 0 then
    list[#list + 1] = px.i18n.t("party.competes", nil, { language = language })
  end
  return list
end

local function page(object, party, request)
  local language = reader.language(request)
  local ends = object == "organisation" and { "source", "target" } or { "source_person", "target_person" }
  local bonds, whole = bonds_of(ends, party.id, language)
  local base, kept = px.config.get("base_currency"), kept_by_us(bonds)
  local position = sides.position(kept, base, rates.converter(base, px.date.today(), base))
  return { json = {
    party = { object = object, id = party.id, name = party.name, roles = party.roles },
    bonds = bonds, whole = whole,
    position = position, cautions = cautions(kept, position, language),
    ownership = ownership(bonds),
  } }
end

-- GET /x/relations/parties/:id: both sides of one firm, or of a person
px.route("GET", "/parties/:id", function(request)
  for _, object in ipairs { "organisation", "person" } do
    local party = px.store.get(object, request.params.id)
    if party then
      return page(object, party, request)
    end
  end
  return absent("party")
end)

-- Why one knows the other, in the reader's language.

local function why_interaction(hop, language)
  local values = { kind = px.i18n.t("kind." .. hop.interaction.kind, nil, { language = language }), subject = hop.interaction.subject,
    on = tostring(hop.on.date) }
  return px.i18n.t("knows.interaction", values, { language = language })
end

local function why_affiliation(hop, language)
  local organisation = px.store.get("organisation", hop.organisation)
  local key = hop.certain and "knows.affiliation" or "knows.affiliation_perhaps"
  return px.i18n.t(key, { organisation = organisation and organisation.name or hop.organisation }, { language = language })
end

local function why_relationship(hop, language)
  local kind = px.store.get("relationship_type", hop.type)
  return kind and reader.text(kind, hop.reverse and "name" or "reverse_name", language) or ""
end

local WHY <const> = { interaction = why_interaction, affiliation = why_affiliation, relationship = why_relationship }

local function told(found, language)
  local ways = px.json.list {}
  for i, way in ipairs(found.ways) do
    local hops = px.json.list {}
    for j, step in ipairs(way.hops) do
      local hop = step.hop
      hops[j] = {
        from = step.from, to = step.to, kind = hop.kind, why = WHY[hop.kind](hop, language), record = hop.record,
        on = hop.on and hop.on.date, certain = hop.certain,
      }
    end
    ways[i] = { hops = hops, certain = way.certain }
  end
  return ways
end

-- GET /x/relations/people/:id/introductions?limit=5: who of ours knows this person, and through whom
px.route("GET", "/people/:id/introductions", function(request)
  local limit = math.tointeger(tonumber(request.query.limit or WAYS))
  if not limit or limit < 1 or limit > 50 then
    return px.http.problem(422, "range", "limit is 1 to 50", { pointer = "/limit" })
  end
  local person = px.store.get("person", request.params.id)
  if not person then
    return absent("person")
  end
  local found = acquaintances.find(person.id, limit)
  return { json = {
    person = { id = person.id, name = person.name }, ours = found.ours, ways = told(found, reader.language(request)),
    left_out = found.left_out,
  } }
end)

local function person_named(text)
  local person = text:match("^%w+$") and #text == 13 and px.store.get("person", text)
  if person then
    return person
  end
  local found = px.store.find("person", { filter = { name = text }, limit = 2 })
  if #found == 0 then
    found = px.store.find("person", { filter = { name = { "contains", text } }, limit = 2 })
  end
  if #found ~= 1 then
    px.refuse("args/person", #found == 0 and "nobody is called " .. text or "several people are called " .. text .. ": give the id")
  end
  return found[1]
end

px.command("who-knows", {
  help = { en = "who of ours knows a person, and through whom", el = "ποιος δικός μας γνωρίζει ένα πρόσωπο, και μέσω ποιου" },
  args = { { "person", rest = true, required = true, help = { en = "name or id", el = "όνομα ή κωδικός" } } },
}, function(args, out)
  local person = person_named(args.person)
  local found = acquaintances.find(person.id, WAYS)
  local rows = {}
  for i, way in ipairs(told(found, out.language)) do
    for _, hop in ipairs(way.hops) do
      rows[#rows + 1] = { way = i, who = hop.from.name, knows = hop.to.name, why = hop.why }
    end
  end
  if found.ours then
    out.line(px.i18n.t("knows.ours", { name = person.name }, { language = out.language }))
  end
  local titles = {}
  for i, column in ipairs { "way", "who", "knows", "why" } do
    titles[i] = { column, px.i18n.t("knows.column_" .. column, nil, { language = out.language }) }
  end
  out.table(titles, rows)
end)
