-- What one should know of a party before the call, in the order in which one would tell it: { section, what, when, who, id }.
local last_contact <const> = require "last_contact"
local reader <const> = require "reader"

local M = {}

local LIMIT <const> = 20

-- What may not be seen, or is not there, gives nothing.
local function find(object, query)
  query.limit = query.limit or LIMIT
  return px.try(px.store.find, object, query) or {}
end

local function name_of(id)
  local user = id and px.try(px.store.get, "user", id)
  return user and user.name
end

local function add(brief, section, what, rest)
  local row = rest or {}
  row.section, row.what = section, what
  brief[#brief + 1] = row
end

local function who(brief, party)
  local record = party.record
  local parts = { record.name }
  for _, field in ipairs { "legal_name", "industry", "country", "location" } do
    parts[#parts + 1] = record[field] ~= record.name and record[field] or nil
  end
  for _, role in ipairs(record.roles or {}) do
    parts[#parts + 1] = role
  end
  add(brief, "who", table.concat(parts, ", "), { who = name_of(record.owner), id = record.id })
  if record.do_not_contact then
    add(brief, "who", px.i18n.t("brief.do_not_contact", nil, { language = brief.language }))
  end
end

-- Both sides: a firm that is client and supplier has two bonds, and one sees both.
local function bonds(brief, party)
  local person = party.object == "person" and "_person" or ""
  for _, side in ipairs { "source", "target" } do
    local other = side == "source" and "target" or "source"
    local rows = find("relationship", {
      filter = { [side .. person] = party.record.id, ended_on = { "is", "null" } },
      include = { "type", other, other .. "_person" },
    })
    for _, bond in ipairs(rows) do
      local end_ = bond[other] or bond[other .. "_person"]
      local label = bond.type and reader.text(bond.type, side == "source" and "name" or "reverse_name", brief.language) or "?"
      add(brief, "bond", label .. " " .. (end_ and end_.name or "?"), { when = bond.started_on, who = name_of(bond.owner), id = bond.id })
      brief.bonds[#brief.bonds + 1] = bond.id
    end
  end
end

local function people(brief, party)
  local mine, other = party.object, party.object == "person" and "organisation" or "person"
  local rows = find("affiliation", { filter = { [mine] = party.record.id, ended_on = { "is", "null" } }, include = { other } })
  for _, affiliation in ipairs(rows) do
    local far = affiliation[other]
    if far then
      add(brief, other == "person" and "person" or "organisation",
        far.name .. (affiliation.job_title and ", " .. affiliation.job_title or ""), { when = affiliation.started_on, id = far.id })
    end
  end
end

local function contact(brief, party)
  local last = px.try(last_contact.of, party.object, party.record.id)
  if last then
    add(brief, "last_contact", px.i18n.t("how." .. last.kind, nil, { language = brief.language }) .. ": " .. last.subject,
      { when = px.date.format(last.at, "yyyy-mm-dd"), who = last.by ~= px.null and last.by or nil, id = last.interaction })
  else
    add(brief, "last_contact", px.i18n.t("brief.unknown", nil, { language = brief.language }))
  end
end

local function work(brief, party)
  local id = party.record.id
  for _, promise in ipairs(find("promise", {
    filter = { [party.object] = id, state = { "in", { "open", "overdue" } } }, order = "due",
  })) do
    local direction = px.i18n.t("brief." .. promise.direction, nil, { language = brief.language })
    add(brief, "promise", direction .. ": " .. promise.text .. (promise.state == "overdue" and " (!)" or ""),
      { when = promise.due, who = name_of(promise.owner), id = promise.id })
  end
  for _, task in ipairs(find("task", { filter = { [party.object] = id, state = "open", promise = { "is", "null" } }, order = "due" })) do
    add(brief, "task", task.title, { when = task.due, who = name_of(task.owner), id = task.id })
  end
end

local function business(brief, party)
  local id = party.record.id
  if party.object == "organisation" then
    for _, contract in ipairs(find("contract", {
      filter = { party = id, stage = { "in", { "signed", "in_force", "renewed", "notice_given" } } }, order = "last_notice_on",
    })) do
      local day = contract.last_notice_on or contract.ends_on
      add(brief, "deadline", contract.name, { when = day, who = name_of(contract.owner), id = contract.id })
    end
    for _, opportunity in ipairs(find("opportunity", {
      filter = { organisation = id, stage = { "nin", { "won", "lost" } } }, order = "-updated_at",
    })) do
      add(brief, "opportunity", opportunity.name .. " (" .. opportunity.stage .. ")" .. (opportunity.value and ", " .. tostring(opportunity.value) or ""),
        { who = name_of(opportunity.owner), id = opportunity.id })
    end
  end
  for _, bond in ipairs(brief.bonds) do
    local health = find("health_score", { filter = { relationship = bond }, limit = 1 })[1]
    if health then
      local change = reader.text({ change = health.change_en, change_el = health.change_el }, "change", brief.language)
      add(brief, "health", (health.score or px.i18n.t("brief.unknown", nil, { language = brief.language }))
        .. (change and ": " .. change or ""), { when = health.computed_on, id = bond })
    end
  end
end

function M.of(party, language)
  local brief = { language = language, bonds = {} }
  for _, part in ipairs { who, bonds, people, contact, work, business } do
    part(brief, party)
  end
  brief.language, brief.bonds = nil, nil
  return brief
end

return M
