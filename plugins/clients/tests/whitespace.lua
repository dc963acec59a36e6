-- What a client has and has not; what those alike have, counted.

local function own(t, organisation, product, fields)
  fields = fields or {}
  fields.organisation, fields.product = organisation, product
  fields.opportunity, fields["until"] = px.null, fields["until"] or px.null
  return t.owned_product(fields)
end

local function world(t)
  local products = { roof = t.product { name = "Roof", series = "Solar" }, battery = t.product { name = "Battery", series = "Solar" },
    boiler = t.product { name = "Boiler", series = "Heat" } }
  for i = 1, 5 do
    local client = t.organisation { name = "Client " .. i, industry = "energy", roles = { "client" } }
    own(t, client, products.roof)
    if i <= 3 then
      own(t, client, products.battery)
    end
    if i == 1 then
      own(t, client, products.boiler)
    end
  end
  return products
end

test("T9 what is won is owned, once", function(t)
  local organisation, product = t.organisation { name = "Samos" }, t.product { name = "Roof" }
  for _ = 1, 2 do
    local deal = t.create("opportunity", { name = "Roof", organisation = organisation.id, product = product.id })
    t.update("opportunity", deal, { stage = "engaging" })
    t.update("opportunity", deal, { stage = "won" })
  end
  t.expect_record("owned_product", { organisation = organisation, product = product, since = "2026-01-05" })
  assert(#t.find("owned_product") == 1)
  t.refuses("rule", own, t, t.organisation(), product, { since = "2026-01-05", ["until"] = "2026-01-04" })
  t.refuses("unique", own, t, organisation, product)
end)

test("T9 the grid: owned, offered, declined, free", function(t)
  local organisation = t.organisation { name = "Samos", roles = { "client" } }
  local names = { "A", "B", "C", "D" }
  local products = {}
  for i, name in ipairs(names) do
    products[i] = t.product { name = name }
  end
  own(t, organisation, products[1])
  t.create("opportunity", { name = "B", organisation = organisation.id, product = products[2].id })
  local lost = t.create("opportunity", { name = "C", organisation = organisation.id, product = products[3].id })
  t.update("opportunity", lost, { stage = "lost" })
  local row = t.call("GET", "/whitespace").json.rows[1]
  local states = {}
  for i, cell in ipairs(row.cells) do
    states[i] = cell.name .. " " .. cell.state
  end
  assert(table.concat(states, ", ") == "A owned, B offered, C declined, D free", table.concat(states, ", "))
  assert(t.call("GET", "/whitespace?organisation=0000000000000").status == 404)
end)

test("T9 suggestions say how many alike have it; too few are no reason", function(t)
  local products = world(t)
  local client = t.organisation { name = "Newcomer", industry = "energy", roles = { "client" } }
  own(t, client, products.roof)
  local answer = t.call("GET", "/suggestions?organisation=" .. client.id).json
  assert(answer.suggestions and #answer.suggestions == 1, px.json.encode(answer))
  local one = answer.suggestions[1]
  assert(one.product == products.battery.id and one.kind == "upsell" and one.owners == 3 and one.n == 6 and one.support == 0.5)
  assert(one.reason == "Battery: 3 of 6 clients in energy have it, and Roof of the same series is here", one.reason)
  local stranger = t.organisation { name = "Stranger", industry = "shipping" }
  assert(t.call("GET", "/suggestions?organisation=" .. stranger.id).json.unknown:find("only 0 clients", 1, true))
  local nameless = t.organisation { name = "Nameless", industry = px.null }
  assert(t.call("GET", "/suggestions?organisation=" .. nameless.id).json.unknown:find("industry is not known", 1, true))
  local output = t.command("whitespace", { party = "newcomer" })
  assert(output.exit_code == 0 and output.output:find("3 of 6 clients", 1, true), output.output)
  assert(t.command("whitespace", { party = "zzz" }).exit_code == 1)
end)
