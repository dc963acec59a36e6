-- Templates per language and audience: checked when they are kept, shown merged before anybody sends them.
local body <const> = require "body"
local letters <const> = require "letters"
local merge <const> = require "merge"
local reader <const> = require "reader"

local CHECKED <const> = { "subject", "body" }

local function check(texts, extra)
  for _, field in ipairs(CHECKED) do
    local text = texts[field]
    local fault = text and text ~= px.null and merge.fault(text, extra)
    if fault then
      px.refuse(field, fault)
    end
  end
end

px.before("template.create", function(drafts)
  for _, draft in ipairs(drafts) do
    check(draft, draft.extra_fields)
  end
end)

-- A change may be to the text alone, or to the names that it may use alone: both are looked at together.
px.before("template.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local texts, now = {}, px.store.get("template", draft.id) or {}
    for _, field in ipairs { "subject", "body", "extra_fields" } do
      texts[field] = draft[field] == nil and now[field] or draft[field]
    end
    check(texts, texts.extra_fields ~= px.null and texts.extra_fields or nil)
  end
end)

local function problem(field, detail)
  return px.http.problem(422, "invalid", detail, { pointer = "/" .. field })
end

--- The template that is asked for, by id or by key for a reader; nil and the refusal.
local function wanted(asked, language, audience)
  if asked.template then
    local template = body.record("template", asked.template)
    return template, template and {} or problem("template", "there is no such template")
  elseif not asked.key then
    return nil, problem("key", "say which template: key, or template")
  end
  local template, differs = letters.choose(asked.key, language, audience)
  return template, template and differs or problem("key", "there is no template in use under the key " .. asked.key)
end

--- A letter for somebody: { template, language, audience, differs, subject, body, missing }; nil and the refusal.
local function letter(asked, sender, language)
  local person, organisation = body.record("person", asked.person), body.record("organisation", asked.organisation)
  if asked.person and not person then
    return nil, problem("person", "there is no such person")
  elseif asked.organisation and not organisation then
    return nil, problem("organisation", "there is no such organisation")
  end
  local wants = asked.language or person and person.language or language
  local template, differs = wanted(asked, wants, asked.audience or person and person.audience or "general")
  if not template then
    return nil, differs
  end
  local values = letters.values(person, organisation, sender, template.language)
  for name, value in pairs(type(asked.values) == "table" and asked.values or {}) do
    values[name] = value
  end
  local written = letters.write(template, values)
  written.template, written.language, written.audience = template.id, template.language, template.audience
  written.differs = differs
  return written
end

-- POST /x/relations/templates/preview { key | template, person?, organisation?, language?, audience?, values? }
px.route("POST", "/templates/preview", function(request)
  local asked = body.of(request)
  local sender = px.actor.user() and px.store.get("user", px.actor.user())
  local written, refusal = letter(asked, sender, reader.language(request))
  return written and { json = written } or refusal
end)

-- GET /x/relations/templates/fields: what every text may name
px.route("GET", "/templates/fields", function(request)
  local fields, language = px.json.list {}, reader.language(request)
  for i, name in ipairs(merge.FIELDS) do
    fields[i] = { name = name, label = px.i18n.t("merge." .. name, nil, { language = language }) }
  end
  return { json = { fields = fields } }
end)

px.command("letter", {
  help = { en = "a template merged for a person", el = "ένα πρότυπο συμπληρωμένο για ένα πρόσωπο" },
  args = {
    { "key", required = true, help = { en = "the template's key", el = "το κλειδί του προτύπου" } },
    { "person", required = true, help = { en = "the person's id", el = "ο κωδικός του προσώπου" } },
    { "language", named = true, help = { en = "instead of the person's", el = "αντί για τη γλώσσα του προσώπου" } },
  },
}, function(args, out)
  local sender = px.actor.user() and px.store.get("user", px.actor.user())
  local written, refusal = letter(args, sender, out.language)
  if not written then
    px.refuse("args", refusal.json.errors[1].detail or refusal.json.detail)
  end
  if written.subject then
    out.line(written.subject)
    out.line("")
  end
  out.line(written.body)
  return #written.missing == 0 and 0 or 3
end)

px.export {
  letter = function(asked)
    local written, refusal = letter(asked, asked.sender and px.store.get("user", asked.sender), asked.language or "en")
    return written or { refused = refusal.json }
  end,
}
