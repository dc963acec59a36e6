-- vCards (RFC 6350, RFC 2426, 2.1) and rows of CSV as contacts, and contacts as those: pure, no store.
-- A contact: { uid, name, given_name, …, organisation, department, job_title, points = { { kind, email|phone|value, purpose } … } }.
local M = {}

M.COLUMNS = { "uid", "name", "given_name", "family_name", "email", "phone", "organisation", "department", "job_title", "language",
  "birthday", "description" }
-- Of people's other programs: what their columns are called.
local ALIASES <const> = {
  ["full name"] = "name", ["display name"] = "name", ["first name"] = "given_name", ["given name"] = "given_name",
  ["last name"] = "family_name", ["family name"] = "family_name", ["surname"] = "family_name", ["e-mail"] = "email",
  ["e-mail address"] = "email", ["email address"] = "email", ["mobile"] = "phone", ["telephone"] = "phone", ["company"] = "organisation",
  ["organization"] = "organisation", ["title"] = "job_title", ["job title"] = "job_title", ["notes"] = "description",
  ["ονοματεπωνυμο"] = "name", ["ονομα"] = "given_name", ["επωνυμο"] = "family_name", ["τηλεφωνο"] = "phone",
  ["ηλεκτρονικο ταχυδρομειο"] = "email", ["οργανισμοσ"] = "organisation", ["εταιρεια"] = "organisation", ["θεση"] = "job_title",
  ["γλωσσα"] = "language", ["γενεθλια"] = "birthday", ["περιγραφη"] = "description",
}
local NAME_MAX <const> = 200

local function trimmed(text)
  text = type(text) == "string" and text:gsub("\0", ""):gsub("^%s+", ""):gsub("%s+$", "") or ""
  return text ~= "" and text or nil
end

local function first_part(value)
  return trimmed(type(value) == "table" and value[1] or value)
end

local function flat(value)
  if type(value) ~= "table" then
    return trimmed(value)
  end
  local parts = {}
  for _, part in ipairs(value) do
    parts[#parts + 1] = flat(part)
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

local function types_of(property)
  local set = {}
  local given = property.parameters and property.parameters.TYPE
  for _, one in ipairs(type(given) == "table" and given or { given }) do
    for word in tostring(one):gmatch("[%w-]+") do
      set[word:lower()] = true
    end
  end
  return set
end

--- "+30 (210) 123-4567" is +302101234567; what does not begin with + has no country and stays as it is written.
function M.international(text)
  local digits = text:gsub("^tel:", ""):gsub("[%s().%-/]", "")
  return digits:match("^%+%d+$") and #digits >= 8 and #digits <= 16 and digits or nil
end

local function add_phone(contact, property)
  local text = flat(property.value)
  local kinds = types_of(property)
  if not text then
    return
  end
  local number = M.international(text)
  local kind = kinds.fax and "fax" or kinds.cell and "mobile" or "phone"
  if number and not contact.phone and kind ~= "fax" then
    contact.phone = number
    return
  end
  contact.points[#contact.points + 1] = {
    kind = kind, phone = number, value = not number and text or nil, purpose = kinds.home and "home" or kinds.work and "work" or nil,
  }
end

-- In small letters: nobody tells two addresses apart by their capitals, and the same one must be found again.
local function add_email(contact, property)
  local text = flat(property.value)
  text = text and px.text.lower((text:gsub("^[Mm][Aa][Ii][Ll][Tt][Oo]:", "")))
  if text and not contact.email then
    contact.email = text
  elseif text then
    contact.points[#contact.points + 1] = { kind = "email", email = text }
  end
end

local function day(text)
  local year, month, date = (text or ""):match("^(%d%d%d%d)%-?(%d%d)%-?(%d%d)")
  return year and year .. "-" .. month .. "-" .. date
end

local READERS <const> = {
  FN = function(contact, property)
    contact.name = contact.name or flat(property.value)
  end,
  N = function(contact, property)
    local parts = property.value
    contact.family_name, contact.given_name = flat(parts[1]), flat(parts[2])
    contact.honorific_prefix, contact.honorific_suffix = flat(parts[4]), flat(parts[5])
  end,
  EMAIL = add_email,
  TEL = add_phone,
  ORG = function(contact, property)
    contact.organisation = contact.organisation or first_part(property.value)
    contact.department = contact.department or type(property.value) == "table" and trimmed(property.value[2]) or nil
  end,
  TITLE = function(contact, property)
    contact.job_title = contact.job_title or flat(property.value)
  end,
  BDAY = function(contact, property)
    contact.birthday = day(flat(property.value))
  end,
  NOTE = function(contact, property)
    contact.description = contact.description and contact.description .. "\n" .. (flat(property.value) or "") or flat(property.value)
  end,
  LANG = function(contact, property)
    contact.language = contact.language or flat(property.value)
  end,
  UID = function(contact, property)
    contact.uid = flat(property.value)
  end,
  URL = function(contact, property)
    contact.points[#contact.points + 1] = flat(property.value) and { kind = "website", value = flat(property.value) }
  end,
  ADR = function(contact, property)
    local text = flat(property.value)
    contact.points[#contact.points + 1] = text and { kind = "postal", value = px.text.sub(text, 1, 300) }
  end,
}

--- A card as a contact; the names of the properties that are not kept come behind it.
function M.from_card(card)
  local contact, left = { points = {} }, {}
  for _, property in ipairs(card.properties) do
    local read = READERS[property.name]
    if read then
      read(contact, property)
    elseif property.name ~= "VERSION" then
      left[property.name] = true
    end
  end
  return contact, left
end

--- The columns of a header as ours; nil for one that is not known.
function M.columns(header)
  local found = {}
  for i, name in ipairs(header) do
    local plain = (trimmed(name) or ""):lower()
    for _, column in ipairs(M.COLUMNS) do
      found[i] = found[i] or plain == column and column or nil
    end
    found[i] = found[i] or ALIASES[plain] or ALIASES[px.text.fold(plain)] or false
  end
  return found
end

--- A cell that was made safe for spreadsheets when it was written is taken as it was.
local function cell(text)
  return trimmed((text:gsub("^'([=+%-@])", "%1")))
end

function M.from_row(columns, row)
  local contact = { points = {} }
  for i, text in ipairs(row) do
    if columns[i] then
      contact[columns[i]] = cell(text)
    end
  end
  contact.email = contact.email and px.text.lower(contact.email)
  local written = contact.phone
  contact.phone = written and M.international(written)
  if written and not contact.phone then
    contact.points[1] = { kind = "phone", value = written }
  end
  return contact
end

--- The name, from its parts where there is none; at last the address or the firm. Without any of them: nil.
function M.complete(contact)
  local parts = {}
  parts[#parts + 1] = contact.given_name
  parts[#parts + 1] = contact.family_name
  local name = contact.name or #parts > 0 and table.concat(parts, " ") or contact.email or contact.organisation
  contact.name = name and px.text.sub(name:gsub("%c", " "), 1, NAME_MAX)
  return contact.name ~= nil
end

local function property(name, value, parameters)
  return { name = name, value = value, parameters = parameters }
end

local OUT <const> = {
  email = function(point)
    return property("EMAIL", point.email)
  end,
  website = function(point)
    return property("URL", point.value)
  end,
  postal = function(point)
    return property("ADR", { "", "", point.value, "", "", "", "" })
  end,
}

local function telephone(point)
  local kinds = { point.kind == "fax" and "fax" or point.kind == "mobile" and "cell" or "voice", point.purpose }
  return property("TEL", point.phone or point.value, { TYPE = kinds })
end

--- A contact as a card of version 3.0 or 4.0.
function M.to_card(contact, version)
  local list = {
    property("UID", contact.uid), property("FN", contact.name),
    property("N", { contact.family_name or "", contact.given_name or "", "", contact.honorific_prefix or "", contact.honorific_suffix or "" }),
  }
  local function add(name, value, parameters)
    list[#list + 1] = value and property(name, value, parameters)
  end
  add("EMAIL", contact.email)
  add("TEL", contact.phone, { TYPE = { "voice" } })
  add("ORG", contact.organisation and { contact.organisation, contact.department })
  add("TITLE", contact.job_title)
  add("BDAY", contact.birthday and (version == "3.0" and contact.birthday or contact.birthday:gsub("-", "")))
  add("LANG", version == "4.0" and contact.language or nil)
  add("NOTE", contact.description)
  for _, point in ipairs(contact.points) do
    local written = OUT[point.kind] or (point.phone or point.value) and telephone
    if written and (point.kind ~= "email" or point.email) then
      list[#list + 1] = written(point)
    end
  end
  return { version = version, properties = list }
end

return M
