-- proxenos health PARTY: each bond with a party, what its health is made of, and on what that rests.
local health <const> = require "health_routes"
local reader <const> = require "reader"

local BONDS_MAX <const> = 20
local PARTIES <const> = { { "organisation", "source" }, { "person", "source_person" } }

--- A party by id or name, and the field of a bond that names it.
local function find_party(word)
  for _, kind in ipairs(PARTIES) do
    local found = px.try(px.store.get, kind[1], word)
    if found then
      return found, kind[2]
    end
  end
  for _, operator in ipairs { "like", "prefix" } do -- `like` folds case and accents
    for _, kind in ipairs(PARTIES) do
      local found = px.store.first(kind[1], { filter = { name = { operator, word } }, order = "name" })
      if found then
        return found, kind[2]
      end
    end
  end
end

local function text(key, values, language)
  return px.i18n.t(key, values, { language = language })
end

local function shown(value, language)
  return value ~= px.null and tostring(value) or text("health.unknown", {}, language)
end

local function write_bond(out, party, bond, language)
  local found = health.of(bond)
  if not found then
    return
  end
  local kind = bond.type and px.store.get("relationship_type", bond.type)
  out.line(text("health.line", {
    party = party.name, type = kind and reader.text(kind, "name", language) or "", score = shown(found.score, language),
    coverage = found.coverage, version = found.formula_version,
  }, language))
  out.line(found.sentence[language])
  local rows = {}
  for i, factor in ipairs(found.factors) do
    local evidence = factor.evidence[1]
    rows[i] = {
      factor = type(factor.label) == "table" and factor.label[language] or factor.name, value = shown(factor.value, language),
      weight = factor.weight, points = shown(factor.points, language), as_of = factor.as_of ~= px.null and factor.as_of or "",
      evidence = evidence and (evidence.object .. " " .. evidence.id) or "",
    }
  end
  out.table({
    { "factor", text("health.column_factor", {}, language) }, { "value", text("health.column_value", {}, language) },
    { "weight", text("health.column_weight", {}, language) }, { "points", text("health.column_points", {}, language) },
    { "as_of", text("health.column_as_of", {}, language) }, { "evidence", text("health.column_evidence", {}, language) },
  }, rows)
end

px.command("health", {
  help = { en = "health of our bonds with a party, factor by factor", el = "η υγεία των σχέσεών μας με ένα μέρος, ανά παράγοντα" },
  args = { { "party", rest = true, required = true, help = { en = "id or name", el = "κωδικός ή όνομα" } } },
}, function(args, out)
  local language = out.language == "el" and "el" or "en"
  local party, field = find_party(args.party)
  if not party then
    px.refuse("args/party", text("health.no_party", { name = args.party }, language))
  end
  local bonds = px.store.find("relationship", { filter = { managed = true, [field] = party.id }, limit = BONDS_MAX })
  if #bonds == 0 then
    out.line(text("health.no_bond", { name = party.name }, language))
  end
  for _, bond in ipairs(bonds) do
    write_bond(out, party, bond, language)
  end
end)
