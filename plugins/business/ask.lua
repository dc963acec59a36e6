-- What routes and commands are asked: a party by id or name, a limit, a page.
local M = {}

local MOST <const> = 1000

--- The organisation of this id or name, under the rights of who asks; refuses when there is none.
function M.organisation(text, field)
  local found = text and (px.try(px.store.get, "organisation", text) or px.store.first("organisation", { filter = { name = text } }))
  if not found then
    px.refuse(field, px.i18n.t("ask.no_party", { name = text or "" }))
  end
  return found
end

--- A whole number of the query, between 1 and `most`.
function M.number(request, name, otherwise, most)
  local text = request.query[name]
  local number = text and math.tointeger(tonumber(text)) or nil
  if text and (not number or number < 1 or number > most) then
    px.refuse(name, px.i18n.t("ask.number", { name = name, most = most }))
  end
  return number or otherwise
end

function M.limit(request)
  return M.number(request, "limit", 50, MOST)
end

--- A page of records as a route answers it.
function M.page(request, object, query)
  query.limit, query.after = M.limit(request), request.query.after
  local rows, next_page = px.store.find(object, query)
  return px.http.json { data = px.json.list(rows), next = next_page or px.null }
end

--- The names of records that rows refer to, each read once.
function M.names()
  local known = {}
  return function(object, id)
    if not id or id == px.null then
      return nil
    end
    if known[id] == nil then
      local record = px.store.get(object, id)
      known[id] = record and (record.label or record.name or record.title) or false
    end
    return known[id] or nil
  end
end

return M
