-- Address books in and out: people with their organisations, as vCard or CSV. What is there already, by UID or address, is completed
-- where it is empty and not made again; the whole of a file is one change-set.
local cards <const> = require "cards"

local CONTACTS_MAX <const> = 1000
local POINTS_MAX <const> = 20
local FIELDS <const> = { "name", "given_name", "family_name", "honorific_prefix", "honorific_suffix", "email", "phone", "language",
  "birthday", "description" }
-- Without these a person is still a person: what is wrong in them is told, and the rest taken.
local OPTIONAL <const> = { email = true, phone = true, language = true, birthday = true, description = true, given_name = true,
  family_name = true, honorific_prefix = true, honorific_suffix = true, card_uid = true }

-- ---- reading files ----

--- The pieces of a file that are cards of their own, each with its first line; one that is broken spoils no other.
local function pieces_of(text)
  local pieces, lines, first, number, depth = {}, {}, 1, 0, 0
  for line in (text:gsub("^\xEF\xBB\xBF", "") .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local word = line:upper():gsub("%s+$", "")
    if word == "BEGIN:VCARD" then
      if depth == 0 then
        lines, first = {}, number
      end
      depth = depth + 1
    end
    lines[#lines + 1] = line
    if word == "END:VCARD" and depth > 0 then
      depth = depth - 1
      if depth == 0 then
        pieces[#pieces + 1] = { text = table.concat(lines, "\n") .. "\n", line = first }
        lines, first = {}, number + 1
      end
    end
  end
  local rest = table.concat(lines, "\n")
  if rest:match("%S") then
    pieces[#pieces + 1] = { text = rest, line = first }
  end
  return pieces
end

--- "line 3" of a piece that begins at line 20 is line 22.
local function place_of(piece, field)
  local line = (field or ""):match("^line (%d+)$")
  return "line " .. (piece.line + (line and math.tointeger(tonumber(line)) or 1) - 1)
end

local function read_cards(text, counts)
  local contacts = {}
  for _, piece in ipairs(pieces_of(text)) do
    local list, err = px.try(px.vcard.decode, piece.text)
    if list and #list == 0 then
      err = { detail = px.i18n.t("contacts.no_card") }
    end
    if err then
      counts.refused[#counts.refused + 1] = { pointer = place_of(piece, err.field), detail = err.detail }
    end
    for _, card in ipairs(list or {}) do
      local contact, left = cards.from_card(card)
      contact.place = "line " .. piece.line
      contacts[#contacts + 1] = contact
      for name in pairs(left) do
        counts.left_out[name] = (counts.left_out[name] or 0) + 1
      end
    end
  end
  return contacts
end

local function read_rows(text, counts)
  local rows, err = px.try(px.csv.decode, text, { header = false })
  if err then
    counts.refused[1] = { pointer = err.field or "file", detail = err.detail }
    return {}
  end
  local columns, contacts = cards.columns(rows[1] or {}), {}
  for i, column in ipairs(columns) do
    if not column then
      counts.left_out[rows[1][i]] = #rows - 1
    end
  end
  for i = 2, #rows do
    if #rows[i] == #columns then
      local contact = cards.from_row(columns, rows[i])
      contact.place = "row " .. i
      contacts[#contacts + 1] = contact
    else
      counts.refused[#counts.refused + 1] = {
        pointer = "row " .. i, detail = px.i18n.t("contacts.cells", { count = #rows[i], columns = #columns }),
      }
    end
  end
  return contacts
end

-- ---- taking contacts in ----

--- Who that is already, and by what we know it.
local function known(contact)
  if contact.uid then
    local person = px.store.first("person", { filter = { card_uid = contact.uid } })
      or contact.uid:match("^%d[%da-z]+$") and #contact.uid == 13 and px.store.get("person", contact.uid)
    if person then
      return person, "uid"
    end
  end
  if contact.email then
    local address = contact.email
    local person = px.store.first("person", { filter = { email = address } })
    local point = not person and px.store.first("contact_point", {
      filter = { email = address, person = { "is", "not_null" } }, include = { "person" },
    })
    person = person or point and point.person
    if person then
      return person, "email"
    end
  end
end

local function warn(counts, contact, field, detail)
  counts.warnings[#counts.warnings + 1] = { pointer = contact.place .. " " .. field, detail = detail }
end

--- Writes a person; an optional value that the schema refuses is left out and told. nil and the refusal where nothing helps.
local function write_person(write, fields, contact, counts)
  for _ = 1, #FIELDS + 1 do
    local person, err = px.try(write, fields)
    if person then
      return person
    end
    local field = (err.field or ""):match("^/?([%w_]+)")
    if not field or not OPTIONAL[field] or fields[field] == nil then
      return nil, err
    end
    warn(counts, contact, field, err.detail)
    fields[field] = nil
  end
end

local function person_fields(contact, old)
  local fields = {}
  for _, name in ipairs(FIELDS) do
    if contact[name] and (not old or old[name] == nil) then
      fields[name] = contact[name]
    end
  end
  if contact.uid and not (old and (old.card_uid or old.id == contact.uid)) then
    fields.card_uid = contact.uid
  end
  return fields
end

local function organisation_of(name, counts)
  local found = px.store.first("organisation", { filter = { name = name }, order = "id" })
  if not found then
    found = px.store.create("organisation", { name = name }, { duplicates = "allow" })
    counts.organisations = counts.organisations + 1
  end
  return found
end

local function affiliate(person, contact, counts)
  if not contact.organisation then
    return
  end
  local organisation = organisation_of(px.text.sub(contact.organisation, 1, 200), counts)
  local there = px.store.first("affiliation", { filter = { person = person.id, organisation = organisation.id } })
  if not there then
    px.store.create("affiliation", {
      person = person.id, organisation = organisation.id, job_title = contact.job_title, department = contact.department,
    })
  end
end

local function same_point(a, b)
  return a.kind == b.kind and (a.email or a.phone or a.value) == (b.email or b.phone or b.value)
end

local function add_points(person, contact, counts)
  local there = px.store.find("contact_point", { filter = { person = person.id }, limit = 200 })
  for i, point in ipairs(contact.points) do
    local found = i > POINTS_MAX
    for _, old in ipairs(there) do
      found = found or same_point(old, point)
    end
    if not found then
      point.person = person.id
      local _, err = px.try(px.store.create, "contact_point", point)
      if err then
        warn(counts, contact, point.kind, err.detail)
      end
    end
  end
end

local function take(contact, counts)
  if not cards.complete(contact) then
    return px.i18n.t("contacts.no_name")
  end
  local old, by = known(contact)
  local fields = person_fields(contact, old)
  local person, err = write_person(function(values)
    if old then
      return next(values) and px.store.update("person", old.id, values) or old
    end
    return px.store.create("person", values, { duplicates = "allow" })
  end, fields, contact, counts)
  if not person then
    return err.detail
  end
  if old then
    counts.matched[#counts.matched + 1] = { pointer = contact.place, person = old.id, by = by }
  else
    counts.created = counts.created + 1
  end
  affiliate(person, contact, counts)
  add_points(person, contact, counts)
end

local function take_all(contacts, counts)
  for _, contact in ipairs(contacts) do
    local detail
    local _, err = px.try(function()
      detail = take(contact, counts)
      return true
    end)
    if err or detail then
      counts.refused[#counts.refused + 1] = { pointer = contact.place, detail = detail or err.detail or err.message }
    end
  end
end

local function fresh(refused, left_out)
  return { created = 0, organisations = 0, matched = px.json.list(), warnings = px.json.list(),
    refused = px.json.list(table.move(refused, 1, #refused, 1, {})), left_out = left_out }
end

--- All of a file; what became of it, card by card.
local function import(text)
  local read = { refused = {}, left_out = {} }
  local contacts = (text:match("^%s*[Bb][Ee][Gg][Ii][Nn]:") or text:find("\n%s*BEGIN:VCARD")) and read_cards(text, read) or read_rows(text, read)
  if #contacts > CONTACTS_MAX then
    px.refuse("file", px.i18n.t("contacts.too_many", { count = CONTACTS_MAX }))
  end
  local counts = fresh(read.refused, read.left_out)
  if #contacts > 0 then
    px.store.changeset(px.i18n.t("contacts.changeset"), function(id)
      counts = fresh(read.refused, read.left_out)
      counts.changeset = id
      take_all(contacts, counts)
    end)
  end
  return counts
end

-- POST /x/relations/contacts/import, the file as body.
px.route("POST", "/contacts/import", function(request)
  local counts = import(request.body)
  if counts.created + #counts.matched == 0 then
    local first = counts.refused[1] or { pointer = "file", detail = px.i18n.t("contacts.empty") }
    return px.http.problem(422, "invalid", first.detail, { pointer = first.pointer })
  end
  return px.http.json(counts)
end)

px.command("contacts import", {
  help = { en = "people from vCard or CSV: proxenos contacts import \"$(cat people.vcf)\"",
    el = "πρόσωπα από vCard ή CSV: proxenos contacts import \"$(cat people.vcf)\"" },
  args = { { "contents", required = true, help = { en = "the file's text", el = "το κείμενο του αρχείου" } } },
}, function(args, out)
  local counts = import(args.contents)
  out.line(px.i18n.t("contacts.done", { created = counts.created, matched = #counts.matched, refused = #counts.refused }))
  for _, one in ipairs(counts.refused) do
    out.line(one.pointer .. ": " .. one.detail)
  end
  return #counts.refused > 0 and 1 or 0
end)

-- ---- writing files ----

local function contact_of(person)
  local at = px.store.first("affiliation", {
    filter = { person = person.id, ended_on = { "is", "null" } }, order = "-is_primary,id", include = { "organisation" },
  })
  local contact = { uid = person.card_uid or person.id, points = {} }
  for _, name in ipairs(FIELDS) do
    contact[name] = person[name]
  end
  contact.birthday = person.birthday and tostring(person.birthday)
  contact.organisation = at and at.organisation and at.organisation.name
  contact.department, contact.job_title = at and at.department, at and at.job_title
  for _, point in ipairs((px.store.find("contact_point", { filter = { person = person.id }, order = "id", limit = 200 }))) do
    contact.points[#contact.points + 1] = point
  end
  return contact
end

local function csv_row(contact)
  local row = {}
  for i, column in ipairs(cards.COLUMNS) do
    row[i] = contact[column] or px.null
  end
  return row
end

-- GET /x/relations/contacts/export?format=vcard|csv&version=4.0|3.0: all people that the caller may read, in pieces.
px.route("GET", "/contacts/export", function(request)
  local format, version = request.query.format or "vcard", request.query.version or "4.0"
  if format ~= "vcard" and format ~= "csv" then
    return px.http.problem(422, "invalid", px.i18n.t("contacts.format"), { pointer = "/format" })
  elseif version ~= "4.0" and version ~= "3.0" then
    return px.http.problem(422, "invalid", px.i18n.t("contacts.version"), { pointer = "/version" })
  end
  local csv = format == "csv"
  return px.http.stream({
    content_type = csv and "text/csv; charset=utf-8" or "text/vcard; charset=utf-8",
    headers = { ["content-disposition"] = 'attachment; filename="contacts.' .. (csv and "csv" or "vcf") .. '"' },
  }, function(write)
    if csv then
      write(px.csv.encode({ cards.COLUMNS }, { header = false }))
    end
    for person in px.store.each("person", { order = "name", limit = 200 }) do
      local contact = contact_of(person)
      write(csv and px.csv.encode({ csv_row(contact) }, { header = false }) or px.vcard.encode(cards.to_card(contact, version)))
    end
  end)
end)

