-- A party by its id or its name, in Greek, in Latin letters or in Greeklish: the search reads all three alike.
local M = {}

local OBJECTS <const> = { "organisation", "person" }
local CANDIDATES <const> = 10

local function by_id(text)
  if not text:match("^%w+$") or #text ~= 13 then
    return nil
  end
  for _, object in ipairs(OBJECTS) do
    local record = px.try(px.store.get, object, text)
    if record then
      return { object = object, record = record }
    end
  end
end

-- The one that is called so; nil and all that might be meant when that is nobody or several.
function M.find(text)
  local found = by_id(text)
  if found then
    return found
  end
  local hits = px.store.search(text, { objects = OBJECTS, limit = CANDIDATES, wait = true })
  local exact = {}
  for _, hit in ipairs(hits) do
    if px.text.fold(hit.record.name or "") == px.text.fold(text) then
      exact[#exact + 1] = hit
    end
  end
  local only = #exact == 1 and exact[1] or #hits == 1 and hits[1]
  if only then
    return { object = only.object, record = only.record }
  end
  return nil, hits
end

-- The same for commands: says who might be meant. nil: nothing is to be done.
function M.named(text, out)
  local found, candidates = M.find(text)
  if found then
    return found
  end
  local language = { language = out.language }
  out.line(px.i18n.t(#candidates == 0 and "party.nobody" or "party.several", { text = text }, language))
  local rows = {}
  for i, hit in ipairs(candidates) do
    rows[i] = { id = hit.id, kind = px.i18n.t("party." .. hit.object, nil, language), name = hit.record.name }
  end
  if #rows > 0 then
    out.table({ { "name", px.i18n.t("column.name", nil, language) }, { "kind", px.i18n.t("column.kind", nil, language) }, "id" }, rows)
  end
  return nil
end

return M
