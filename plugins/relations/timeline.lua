-- One timeline per record: interactions, tasks, promises and its own changes, the newest first, as far as who asks may see them.

local LIMIT <const> = 50
local LIMIT_MAX <const> = 500

-- Field names that differ from the rule `object .. "s"`.
local PLURALS <const> = { person = "people", opportunity = "opportunities" }

-- What each source holds, by which field it refers to the record, and when a row of it stands.
local SOURCES <const> = {
  { name = "interaction", object = "interaction", at = "at", many = true },
  { name = "task", object = "task", at = "created_at" },
  { name = "promise", object = "promise", at = "created_at" },
}

local function ref_field(source, object)
  if not source.many then
    return object
  end
  return PLURALS[object] or (object:gsub("y$", "ie") .. "s")
end

-- Of one moment: sources by their place, then ids downwards. So a page ends anywhere and the next goes on.
local function older_than(source, rank, cursor)
  if not cursor then
    return nil
  end
  local same = { [source.at] = cursor.at }
  if rank < cursor.rank then
    return { [source.at] = { "lt", cursor.at } }
  elseif rank == cursor.rank then
    same.id = { "lt", cursor.id }
  end
  return { ["or"] = { { [source.at] = { "lt", cursor.at } }, same } }
end

-- A source that does not refer to this type of record, or that is not for who asks, gives nothing.
local NOTHING <const> = { unknown_field = true, forbidden = true }

local function rows_of(source, rank, object, id, cursor, limit)
  local filter = older_than(source, rank, cursor) or {}
  filter[ref_field(source, object)] = source.many and { "has", id } or id
  local rows, err = px.try(px.store.find, source.object, {
    filter = filter, order = { "-" .. source.at, "-id" }, limit = limit,
  })
  if not rows and not NOTHING[err.code] then
    error(err)
  end
  return rows or {}
end

local function before(a, b)
  if a.at ~= b.at then
    return a.at > b.at
  elseif a.rank ~= b.rank then
    return a.rank < b.rank
  end
  return a.id > b.id
end

local function add_history(items, object, id, cursor)
  local rank = #SOURCES + 1
  for index, entry in ipairs(px.store.history(object, id)) do
    local item = { at = entry.at, kind = "change", rank = rank, id = string.format("%010d", index), record = entry }
    if not cursor or before(cursor, item) then
      items[#items + 1] = item
    end
  end
end

local function collect(object, id, cursor, limit)
  local items = {}
  for rank, source in ipairs(SOURCES) do
    for _, record in ipairs(rows_of(source, rank, object, id, cursor, limit)) do
      items[#items + 1] = { at = record[source.at], kind = source.name, rank = rank, id = record.id, record = record }
    end
  end
  add_history(items, object, id, cursor)
  table.sort(items, before)
  return items
end

local function cursor_of(text)
  if not text then
    return nil
  end
  local at, rank, id = text:match("^([^~]+)~(%d)~(%w+)$")
  local moment = at and px.try(px.date.parse, at)
  if not moment then
    px.refuse("after", "after is the `next` of the page before")
  end
  return { at = moment, rank = tonumber(rank), id = id }
end

-- GET /x/relations/timeline/:object/:id?limit=&after=
px.route("GET", "/timeline/:object/:id", function(request)
  local object, id = request.params.object, request.params.id
  local limit = request.query.limit and math.tointeger(tonumber(request.query.limit)) or LIMIT
  if limit < 1 or limit > LIMIT_MAX then
    return px.http.problem(400, "range", "limit is 1 to " .. LIMIT_MAX, { pointer = "/limit" })
  end
  local record = px.try(px.store.get, object, id)
  if not record then
    return px.http.problem(404, "not_found", "there is no such record, or it is not yours to see", { pointer = "/id" })
  end
  local items = collect(object, id, cursor_of(request.query.after), limit + 1)
  local page, last = {}, nil
  for i = 1, math.min(limit, #items) do
    last = items[i]
    page[i] = { at = last.at, kind = last.kind, record = last.record }
  end
  local more = #items > limit
  return { json = {
    data = px.json.list(page),
    next = more and string.format("%s~%d~%s", last.at, last.rank, last.id) or px.null,
  } }
end)
