-- Who is what to us, and how parties are bound.

local function kind(t, code)
  return t.find("relationship_type", { filter = { code = code } })[1]
end

test("T4 a relationship has a name from each end, in both languages", function(t)
  local client_of = kind(t, "client_of")
  assert(client_of.name == "client of" and client_of.reverse_name == "has client")
  assert(client_of.reverse_name_el == "έχει πελάτη" and client_of.side == "client")
  local partner_of = kind(t, "partner_of")
  assert(partner_of.symmetric and partner_of.reverse_name == "partner of")
  t.create("relationship_type", { code = "lends_to", name = "lends to", reverse_name = "borrows from" })
  local refusal = t.refuses("required", t.create, "relationship_type", { code = "half", name = "half a name" })
  assert(refusal.field == "/reverse_name", refusal.field)
end)

test("T4 types are made once: what people change or delete stays so", function(t)
  t.update("relationship_type", kind(t, "audits"), { name = "examines" })
  t.delete("relationship_type", kind(t, "sponsors"))
  t.restart()
  assert(kind(t, "audits").name == "examines" and not kind(t, "sponsors"))
end)

test("T4 a bond to our own company is ours to look after, others are not", function(t)
  local us, unit = t.organisation { roles = { "own_company" } }, t.organisation { roles = { "business_unit" } }
  local acme, rival = t.organisation(), t.organisation()
  assert(t.relationship { source = acme, target = us }.managed)
  assert(t.relationship { source = acme, target = unit, type = kind(t, "supplier_of") }.managed)
  assert(t.relationship { source = acme, target = rival }.managed == false)
  assert(t.relationship { source = rival, target = us, managed = false }.managed == false)
end)

test("T4 each end of a relationship is one party, and never the same", function(t)
  local acme, nikos, eleni = t.organisation(), t.person(), t.person()
  local knows = kind(t, "knows")
  t.relationship { source_person = nikos, target_person = eleni, type = knows }
  t.relationship { source_person = nikos, target = acme, type = kind(t, "advises") }
  t.refuses("rule", t.relationship, { source = acme, source_person = nikos, target_person = eleni })
  t.refuses("rule", t.relationship, { source = acme })
  t.refuses("rule", t.relationship, { source = acme, target = acme })
  t.refuses("rule", t.relationship, { source_person = nikos, target_person = nikos, type = knows })
  t.refuses("rule", t.relationship, { source = acme, target_person = nikos, ended_reason = "lost" })
end)

test("T4 a type in use cannot be deleted", function(t)
  local bond = t.relationship { source = t.organisation(), target = t.organisation() }
  t.refuses("restricted", t.delete, "relationship_type", bond.type)
end)

test("T4 a person has one primary affiliation, the newest", function(t)
  local nikos = t.person()
  local first = t.affiliation { person = nikos, is_primary = true }
  local second = t.affiliation { person = nikos, is_primary = true }
  t.affiliation { person = t.person(), is_primary = true }
  assert(t.get("affiliation", first).is_primary == false)
  assert(t.get("affiliation", second).is_primary)
  t.update("affiliation", first, { is_primary = true })
  assert(t.get("affiliation", second).is_primary == false)
end)

test("T5 consent has its day, and several addresses each their purpose", function(t)
  local refusal = t.refuses("rule", t.person, { lawful_basis = "consent" })
  assert(refusal.detail:find("consent_on", 1, true), refusal.detail)
  local nikos = t.person { lawful_basis = "consent", consent_on = "2026-01-02" }
  t.contact_point { person = nikos, kind = "email", email = "nikos@example.org", purpose = "work" }
  t.contact_point { person = nikos, kind = "mobile", phone = "+306912345678" }
  t.refuses("rule", t.contact_point, { person = nikos, kind = "email", phone = "+306912345678" })
  t.refuses("rule", t.contact_point, { kind = "email", email = "who@example.org" })
end)
