-- B1: one unit as a whole: above, below, who leads it, what it owes and is owed, as last measured.
local ask <const> = require "ask"

local MOST <const> = 200

local function levels(unit, side, other)
  local name, rows = ask.names(), {}
  for i, level in ipairs(px.store.find("service_level", { filter = { [side] = unit.id }, order = "name", limit = MOST })) do
    local last = px.store.first("service_measurement", { filter = { service_level = level.id }, order = "-measured_on" })
    rows[i] = {
      id = level.id, name = level.name, [other] = level[other], [other .. "_name"] = name("organisation", level[other]) or px.null,
      target = level.target, direction = level.direction, measure = level.measure or px.null,
      measured = last and last.value or px.null, measured_on = last and last.measured_on or px.null,
      met = last and last.met, -- unknown while nobody has measured
    }
    if rows[i].met == nil then
      rows[i].met = px.null
    end
  end
  return px.json.list(rows)
end

-- GET /x/business/units/:unit (name or id)
px.route("GET", "/units/:unit", function(request)
  local unit, name = ask.organisation(request.params.unit, "unit"), ask.names()
  local below = {}
  for i, child in ipairs(px.store.find("organisation", { filter = { parent = unit.id }, order = "name", limit = MOST })) do
    below[i] = { id = child.id, name = child.name, head = child.head or px.null }
  end
  return px.http.json {
    id = unit.id, name = unit.name, parent = unit.parent or px.null, parent_name = name("organisation", unit.parent) or px.null,
    head = unit.head or px.null, head_name = name("user", unit.head) or px.null, staff = px.json.list(unit.staff or {}),
    units = px.json.list(below), provides = levels(unit, "provider", "receiver"), receives = levels(unit, "receiver", "provider"),
  }
end)
