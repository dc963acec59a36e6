-- May somebody be written to to win him? The answer has a reason, whichever it is.
local M = {}

local BASES <const> = { consent = true, legitimate_interests = true, contract = true }

local function no(key, values)
  return false, key, values or {}
end

local function employer(person)
  local place = px.store.first("affiliation", {
    filter = { person = person, ended_on = { "is", "null" } }, order = "-is_primary,-started_on", include = { "organisation" },
  })
  return place and place.organisation
end

local function opted_out(person)
  local filter = { person = person.id, opted_out = true }
  if person.email then
    filter = { ["or"] = { filter, { email = person.email, opted_out = true } } }
  end
  return px.store.first("contact_point", { filter = filter }) ~= nil
end

--- true; or false, the key of the reason and its values. `by` is how: only e-mail needs an address.
function M.may(person, by)
  local firm = employer(person.id)
  if person.do_not_contact then
    return no("consent_do_not_contact")
  elseif firm and firm.do_not_contact then
    return no("consent_organisation", { name = firm.name })
  elseif person.consent_withdrawn_on then
    return no("consent_withdrawn", { on = tostring(person.consent_withdrawn_on) })
  elseif not person.lawful_basis then
    return no("consent_unknown")
  elseif not BASES[person.lawful_basis] then
    return no("consent_basis", { basis = person.lawful_basis })
  elseif opted_out(person) then
    return no("consent_address")
  elseif by == "email" and not person.email then
    return no("consent_no_email")
  end
  return true
end

function M.reason(key, values, language)
  return px.i18n.t(key, values, { language = language })
end

return M
