-- Documents of contracts: a template's text with the contract's facts in it, as HTML or PDF, kept as a version.

local html <const> = require "document_html"
local versions <const> = require "contract_versions"

local LANGUAGES <const> = { en = true, el = true }
local DEPTH_MAX <const> = 8

-- ---- the facts ----

local function fill_facts(contract, language)
  local party = px.store.get("organisation", contract.party)
  local facts = {
    name = contract.name, reference = contract.reference, starts_on = contract.starts_on, ends_on = contract.ends_on,
    last_notice_on = contract.last_notice_on, notice_count = contract.notice_count, governing_law = contract.governing_law,
    value = contract.value and tostring(contract.value), value_period = contract.value_period,
    renewal_term_months = contract.renewal_term_months,
    party = party and party.name, party_legal_name = party and (party.legal_name or party.name),
    party_vat_number = party and party.vat_number, language = language,
  }
  local texts = {}
  for name, value in pairs(facts) do
    texts[name] = tostring(value)
  end
  return texts
end

-- A name that no fact has is a mistake of the template or a gap in the contract: told, never left blank.
local function merge(text, facts, missing)
  return (text:gsub("{([%a_][%w_]*)}", function(name)
    if facts[name] == nil then
      missing[name] = true
      return nil
    end
    return facts[name]
  end))
end

local function merge_all(value, facts, missing, depth)
  if type(value) == "string" then
    return merge(value, facts, missing)
  end
  if type(value) ~= "table" or depth > DEPTH_MAX then
    return value
  end
  local made = {}
  for key, one in pairs(value) do
    made[key] = merge_all(one, facts, missing, depth + 1)
  end
  return made
end

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- ---- the document ----

local function signatories_of(contract)
  local parties = {}
  for _, one in ipairs(px.store.find("contract_signatory", { filter = { contract = contract }, order = "id", limit = 20 })) do
    parties[#parties + 1] = { name = one.name, capacity = one.capacity }
  end
  return parties
end

local function compose(contract, template, language)
  local missing = {}
  local document = merge_all(template.body, fill_facts(contract, language), missing, 0)
  if next(missing) then
    return nil, "the contract has no " .. sorted_names(missing) .. ", which the template names"
  end
  document.language = language
  document.created_on = tostring(px.date.today(px.config.get("zone")))
  for _, block in ipairs(document.blocks or {}) do
    if block.kind == "signatures" and not block.parties then
      block.parties = signatories_of(contract.id)
    end
  end
  return document
end

-- The version that was made of the same content, or a new one: what was sent can be shown again, as it was.
local function keep(contract, template, document)
  local content = {}
  for name, value in pairs(document) do
    content[name] = name ~= "created_on" and value or nil
  end
  local hash = px.crypto.hash(px.json.encode(content))
  return px.store.tx(function()
    return versions.add(contract.id, "document:" .. contract.id .. ":" .. hash, {
      kind = "document", language = document.language, body = document, hash = hash,
      what_changed = template.name, owner = contract.owner,
    })
  end)
end

local function template_of(request, language)
  local filter = { language = language, active = true, code = request.query.template or "contract" }
  return px.store.first("document_template", { filter = filter })
end

local function answer(version, format)
  local headers = { ["x-document-version"] = version.number and tostring(version.number), ["x-document-hash"] = version.hash }
  if format == "html" then
    local text, why = html.render(version.body)
    if not text then
      return px.http.problem(422, "invalid", why)
    end
    return { body = text, content_type = "text/html; charset=utf-8", headers = headers }
  end
  return { body = px.pdf.render(version.body), content_type = "application/pdf", headers = headers }
end

px.route("GET", "/contracts/:id/document", function(request)
  local language, format = request.query.language or px.config.get("language"), request.query.format or "html"
  if not LANGUAGES[language] then
    px.refuse("language", "the languages are en and el")
  elseif format ~= "html" and format ~= "pdf" then
    px.refuse("format", "the formats are html and pdf")
  end
  local contract = px.store.get("contract", request.params.id)
  if not contract then
    return px.http.problem(404, "not_found", "there is no such contract")
  end
  local template = template_of(request, language)
  if not template then
    return px.http.problem(404, "not_found", "there is no active template of this code in this language")
  end
  local document, why = compose(contract, template, language)
  if not document then
    px.refuse("template", why)
  end
  -- Who may only read sees what it would be; who may write keeps it.
  local version, refusal = px.try(keep, contract, template, document)
  if not version and refusal.code ~= "forbidden" then
    error(refusal)
  end
  return answer(version or { body = document }, format)
end)

local function check_bodies(drafts)
  for _, draft in ipairs(drafts) do
    if type(draft.body) ~= "table" and draft.body ~= nil or type(draft.body) == "table" and not draft.body.blocks then
      px.refuse("body", "a document has blocks: headings, paragraphs, lists, tables, signatures, breaks")
    end
    local text, why = html.render(draft.body or {})
    if not text then
      px.refuse("body", why)
    end
  end
end

px.before("document_template.create", check_bodies)
px.before("document_template.update", check_bodies)
