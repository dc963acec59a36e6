-- Competitors: where they are, how we know, what that means for one bond.

local function rival(t, name)
  return t.organisation { name = name or "Rival", roles = { "competitor" } }
end

local function presence(t, competitor, fields)
  fields.competitor = competitor
  for _, place in ipairs { "client", "product", "territory" } do
    fields[place] = fields[place] or px.null
  end
  fields.strength, fields.confidence = fields.strength or 4, fields.confidence or "high"
  fields.source, fields.noted_on = fields.source or "Anna saw their van", fields.noted_on or "2026-01-02"
  fields.expires_on = fields.expires_on or "2026-07-02"
  return t.competitor_presence(fields)
end

local function bond(t, client, fields)
  fields = fields or {}
  fields.source, fields.target = client, t.organisation { name = "We" }
  fields.managed = true
  for _, field in ipairs { "source_person", "target_person", "ended_on", "ended_reason" } do
    fields[field] = px.null
  end
  return t.relationship(fields)
end

local function part_of(threat, name)
  for _, part in ipairs(threat.parts) do
    if part.name == name then
      return part
    end
  end
end

test("C6 the threat to a bond is explained part by part, and what is unknown is not guessed", function(t)
  local competitor, client = rival(t), t.organisation { name = "Samos" }
  local one = bond(t, client, { switching_cost = 3 })
  presence(t, competitor, { client = client, confidence = "medium", strength = 5 })
  local threat = t.call("GET", "/threats?relationship=" .. one.id).json.threats[1]
  assert(threat.threat == nil and threat.at_most == 42, px.json.encode(threat))
  assert(part_of(threat, "presence").value == 0.7 and part_of(threat, "switching").value == 0.6)
  assert(part_of(threat, "presence").says == "known at the client, strength 5 of 5, confidence medium")
  assert(part_of(threat, "contract_gap").value == nil and part_of(threat, "contract_gap").says == "no contract is on record")
  local found = t.call("GET", "/threats?competitor=" .. competitor.id).json.threats
  assert(#found == 1 and found[1].relationship == one.id)
end)

test("C6 a threat with all parts known is a figure", function()
  local threat = require "threat"
  local judged = threat.judge { presences = { { at = "client", strength = 5, confidence = "high" }, { at = "territory", strength = 5, confidence = "high" } },
    contract = { days = 73 }, health = 50, switching_cost = 1 }
  assert(judged.threat == 40 and #judged.unknown == 0)
  assert(threat.judge({ presences = {}, contract = { ended = true }, health = 0, switching_cost = 1 }).threat == nil)
  local near = threat.judge { presences = { { at = "product", strength = 5, confidence = "high" } }, contract = { ended = true }, health = 0,
    switching_cost = 1 }
  assert(near.threat == 60)
  local expired = threat.judge { presences = { { at = "client", strength = 5, confidence = "high", expired = true } } }
  assert(expired.parts[1].why.key == "threat_presence_expired" and expired.parts[1].value == nil)
end)

test("C6 what expires counts no more, and is looked at again", function(t)
  local competitor, client = rival(t), t.organisation { name = "Samos" }
  local one = bond(t, client)
  presence(t, competitor, { client = client, expires_on = "2026-01-06" })
  t.advance("2d")
  t.expect_record("task", { title = "Is Rival still there? What was noted has expired", organisation = client })
  local threat = t.call("GET", "/threats?relationship=" .. one.id).json.threats[1]
  assert(part_of(threat, "presence").value == nil)
  assert(part_of(threat, "presence").says == "what was known of competitors here has expired")
end)

test("C6 what is wrong is refused, and where", function(t)
  local competitor, client = rival(t), t.organisation { name = "Samos" }
  assert(t.refuses("refused", presence, t, client, { territory = "GR" }).field == "/competitor")
  assert(t.refuses("refused", presence, t, competitor, { territory = "GR", noted_on = "2026-02-01" }).field == "/noted_on")
  local refusal = t.refuses("rule", presence, t, competitor, { territory = "GR", client = client })
  assert(refusal.detail:find("name one of the three", 1, true), refusal.detail)
  t.refuses("rule", presence, t, competitor, { territory = "GR", expires_on = "2026-01-01" })
  t.refuses("rule", presence, t, competitor, { client = competitor })
  assert(t.call("GET", "/threats").json.code == "required")
end)

test("T7 the dossier: presence, clients, strategies with sources, won and lost", function(t)
  local competitor, client = rival(t, "Ανταγωνισμός ΑΕ"), t.organisation { name = "Samos" }
  presence(t, competitor, { client = client, source = "Fair" })
  presence(t, competitor, { territory = "CY", expires_on = "2026-01-05", noted_on = "2025-01-05" })
  t.competitor_strategy { competitor = competitor, kind = "price", statement = "A tenth below us", source = "Their list", noted_on = "2026-01-01" }
  local function deal(stage, fields)
    local one = t.create("opportunity", { name = stage, competitors = { competitor.id }, value = px.money(100000, "EUR") })
    fields = fields or {}
    if stage == "won" then
      t.update("opportunity", one, { stage = "engaging" })
    end
    fields.stage = stage
    return t.update("opportunity", one, fields)
  end
  deal("won")
  deal("lost", { lost_to = competitor.id })
  deal("lost")
  local dossier = t.call("GET", "/competitors/" .. competitor.id .. "/dossier").json
  assert(dossier.won_against.n == 1 and dossier.lost_to.n == 1 and dossier.lost_to_unknown.n == 1, px.json.encode(dossier))
  assert(dossier.lost_to.value == 100000 and #dossier.clients == 1 and dossier.clients[1].source == "Fair")
  assert(#dossier.presences == 2 and dossier.strategies[1].source == "Their list")
  local printed = t.command("dossier", { competitor = "ανταγωνισμος" })
  assert(printed.output:find("lost to them: 1 (1000.00 EUR)", 1, true), printed.output)
  assert(printed.tables[1].rows[1].where == "Samos")
  assert(t.command("dossier", { competitor = "Samos" }).exit_code == 1)
  t.refuses("rule", t.create, "opportunity", { name = "x", lost_to = competitor.id })
  assert(t.call("GET", "/competitors/" .. client.id .. "/dossier").status == 422)
end)
