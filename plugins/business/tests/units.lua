-- Units: a tree with heads, and what units owe one another.

test("B1 a unit shows what is above, below, and owed", function(t)
  local head
  t.as("manager", function(user) head = user.id end)
  local group = t.organisation { name = "Group", roles = { "business_unit" } }
  local it = t.organisation { name = "IT", roles = { "business_unit" }, parent = group.id, head = head, cost_centre = "CC-7" }
  local plant = t.organisation { name = "Plant", roles = { "business_unit" }, parent = group.id }
  local level = t.service_level { name = "Help within hours", provider = it.id, receiver = plant.id, target = 4, direction = "at_most", measure = "h" }
  local unit = t.call("GET", "/units/IT").json
  assert(unit.parent == group.id and unit.head == head and #unit.provides == 1 and unit.provides[1].met == nil)
  local first = t.service_measurement { service_level = level.id, measured_on = "2026-01-03", value = 3 }
  assert(t.get("service_measurement", first).met == true)
  t.service_measurement { service_level = level.id, measured_on = "2026-01-04", value = 6 }
  unit = t.call("GET", "/units/Plant").json
  assert(unit.receives[1].met == false and tostring(unit.receives[1].measured):find("6", 1, true) and unit.receives[1].provider == it.id)
  assert(#t.call("GET", "/units/Group").json.units == 2)
end)

test("B1 a unit is not above itself and owes nothing to itself", function(t)
  local group = t.organisation { roles = { "business_unit" } }
  local it = t.organisation { parent = group.id, cost_centre = "CC-7" }
  t.refuses("cycle", t.update, "organisation", group, { parent = it.id })
  t.refuses("rule", t.service_level, { provider = it.id, receiver = it.id })
  t.refuses("unique", t.organisation, { cost_centre = "CC-7" })
  assert(t.call("GET", "/units/Nowhere").status == 422)
end)
