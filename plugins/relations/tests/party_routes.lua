-- What people ask of a party.

local function kind(t, code)
  return t.find("relationship_type", { filter = { code = code } })[1]
end

local function ask(t, path, query)
  local answer = t.call("GET", path, { query = query })
  assert(answer.status == 200, answer.text)
  return answer.json
end

test("T4 the chart says who reports to whom on a day, and whose superior is elsewhere", function(t)
  local acme, other = t.organisation(), t.organisation()
  local head, sales, clerk, guest = t.person { name = "Anna" }, t.person { name = "Bill" }, t.person { name = "Cleo" }, t.person { name = "Dora" }
  t.affiliation { organisation = acme, person = head, job_title = "CEO", started_on = "2020-01-01" }
  t.affiliation { organisation = acme, person = sales, reports_to = head, started_on = "2021-01-01" }
  t.affiliation { organisation = acme, person = clerk, reports_to = sales, started_on = "2022-01-01", ended_on = "2025-06-30" }
  t.affiliation { organisation = acme, person = guest, reports_to = t.person() }
  t.affiliation { organisation = other, person = clerk }
  local now = ask(t, "/organisations/" .. acme.id .. "/chart")
  assert(now.people == 3 and #now.top == 2 and now.beginning_unknown == 1)
  assert(now.top[1].name == "Anna" and now.top[1].reports[1].name == "Bill" and #now.top[1].reports[1].reports == 0)
  assert(now.top[2].name == "Dora" and now.top[2].superior_elsewhere)
  local past = ask(t, "/organisations/" .. acme.id .. "/chart", { on = "2025-01-01" })
  assert(past.top[1].reports[1].reports[1].name == "Cleo")
  assert(t.call("GET", "/organisations/" .. acme.id .. "/chart", { query = { on = "soon" } }).status == 422)
  assert(t.call("GET", "/organisations/" .. head.id .. "/chart").status == 404)
end)

test("T4 nobody stands above himself: the line that would close a circle is refused", function(t)
  local acme, a, b = t.organisation(), t.person(), t.person()
  t.affiliation { organisation = acme, person = a, reports_to = b }
  t.refuses("cycle", t.affiliation, { organisation = acme, person = b, reports_to = a })
end)

test("R1 R2 one firm is seen on both sides, with its net position", function(t)
  local us, acme = t.organisation { roles = { "own_company" } }, t.organisation()
  t.relationship { type = kind(t, "client_of"), source = acme, target = us, value_at_stake = px.money(200000, "EUR") }
  t.relationship { type = kind(t, "supplier_of"), source = acme, target = us, value_at_stake = px.money(50000, "EUR") }
  t.relationship { type = kind(t, "client_of"), source = acme, target = us, value_at_stake = px.money(9, "EUR"),
    started_on = "2020-01-01", ended_on = "2021-01-01" }
  local seen = ask(t, "/parties/" .. acme.id, { language = "el" })
  assert(#seen.bonds == 3 and seen.position.both_sides)
  assert(#seen.cautions == 1 and seen.cautions[1]:find("πελάτης και προμηθευτής", 1, true))
  assert(seen.position.client.bonds == 1 and seen.position.net.amount == 150000 and seen.position.net.currency == "EUR")
  local labels = {}
  for _, bond in ipairs(seen.bonds) do
    labels[bond.label] = bond.other.name
  end
  assert(labels["προμηθευτής του/της"] == us.name)
  assert(ask(t, "/parties/" .. us.id).bonds[1].label:find("^has "))
end)

test("R1 R2 what is unknown is counted apart and never as zero", function(t)
  local us, acme = t.organisation { roles = { "own_company" } }, t.organisation()
  t.relationship { type = kind(t, "client_of"), source = acme, target = us, value_at_stake = px.money(1000, "EUR") }
  t.relationship { type = kind(t, "supplier_of"), source = acme, target = us, value_at_stake = px.money(1000, "USD") }
  local position = ask(t, "/parties/" .. acme.id).position
  assert(position.net == nil or position.net == px.null)
  assert(position.without_rate[1] == "USD" and position.unknown_values == 0)
  t.exchange_rate { base = "EUR", currency = "USD", on = "2026-01-01", rate = "1.25" }
  position = ask(t, "/parties/" .. acme.id).position
  assert(position.net.amount == 200 and position.rates[1].on == "2026-01-01", px.json.encode(position))
  t.relationship { type = kind(t, "supplier_of"), source = acme, target = us }
  position = ask(t, "/parties/" .. acme.id).position
  assert((position.net == nil or position.net == px.null) and position.unknown_values == 1)
end)

test("R2 shares of owners add up as far as they are known", function(t)
  local acme, holding, fund = t.organisation(), t.organisation(), t.organisation()
  t.relationship { type = kind(t, "owns"), source = holding, target = acme, share = "60.5" }
  t.relationship { type = kind(t, "owns"), source = fund, target = acme }
  local ownership = ask(t, "/parties/" .. acme.id).ownership
  assert(#ownership.owners == 2 and tonumber(ownership.share_known) == 60.5 and not ownership.over_the_whole)
  assert(ask(t, "/parties/" .. holding.id).ownership.holdings[1].party.name == acme.name)
end)

test("T4 the shortest way to somebody goes through people of ours, and each hop says why", function(t)
  local us, acme = t.organisation { roles = { "own_company" } }, t.organisation { name = "Acme" }
  local ours, friend, wanted = t.person { name = "Ours" }, t.person { name = "Friend" }, t.person { name = "Wanted" }
  t.affiliation { organisation = us, person = ours, started_on = "2020-01-01" }
  t.relationship { type = kind(t, "advises"), source_person = ours, target_person = friend }
  t.affiliation { organisation = acme, person = friend, started_on = "2018-01-01", ended_on = "2021-01-01" }
  t.affiliation { organisation = acme, person = wanted, started_on = "2020-06-01" }
  local found = ask(t, "/people/" .. wanted.id .. "/introductions")
  local hops = found.ways[1].hops
  assert(#found.ways == 1 and #hops == 2, px.json.encode(found))
  assert(hops[1].from.name == "Ours" and hops[1].to.name == "Friend" and hops[1].why == "advises", hops[1].why)
  assert(hops[2].to.name == "Wanted" and hops[2].why == "at Acme at the same time" and found.ways[1].certain)
end)

test("T4 who was there at other times, or with an unknown date, is no sure acquaintance", function(t)
  local us, acme = t.organisation { roles = { "own_company" } }, t.organisation { name = "Acme" }
  local ours, wanted = t.person(), t.person()
  t.affiliation { organisation = us, person = ours }
  local former = t.affiliation { organisation = acme, person = ours, started_on = "2010-01-01", ended_on = "2012-01-01" }
  local mine = t.affiliation { organisation = acme, person = wanted, started_on = "2015-01-01" }
  assert(#ask(t, "/people/" .. wanted.id .. "/introductions").ways == 0)
  t.update("affiliation", mine, { started_on = px.null })
  local way = ask(t, "/people/" .. wanted.id .. "/introductions", { language = "el" }).ways[1]
  assert(way.certain == false and way.hops[1].why:find("ίσως", 1, true) and way.hops[1].record.id == former.id)
end)

test("T4 whom a colleague has met is known to him, the newest first", function(t)
  local wanted, friend = t.person(), t.person()
  t.as("manager", function()
    t.interaction { kind = "note", at = "2026-01-01T09:00:00Z", people = { wanted } }
    t.interaction { kind = "meeting", subject = "Fair", at = "2026-01-02T09:00:00Z", people = { wanted, friend } }
  end)
  local found = ask(t, "/people/" .. wanted.id .. "/introductions")
  assert(#found.ways == 1 and #found.ways[1].hops == 1)
  local hop = found.ways[1].hops[1]
  assert(hop.from.object == "user" and hop.why == "meeting on 2026-01-02: Fair", hop.why)
  assert(t.call("GET", "/people/" .. wanted.id .. "/introductions", { query = { limit = "0" } }).status == 422)
  assert(t.call("GET", "/people/" .. t.organisation().id .. "/introductions").status == 404)
end)
