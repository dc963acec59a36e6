-- Documents of contracts from templates.

local BODY <const> = {
  title = "Σύμβαση {reference}", footer = "{party}",
  blocks = {
    { kind = "heading", text = "1. Αντικείμενο" },
    { kind = "paragraph", text = "Με την {party_legal_name}, έως {ends_on}." },
    { kind = "list", ordered = true, items = { "γραφεία", "<b>κήπος</b>" } },
    { kind = "table", columns = { "Τι", "Αξία" }, rows = { { "Όλα", "{value}" } } },
    { kind = "signatures" },
  },
}

local function contract_of(t, fields)
  fields = fields or {}
  fields.side, fields.reference, fields.ends_on = "supplier", "Σ-7", fields.ends_on or "2027-03-31"
  fields.value, fields.party = px.money(1200050, "EUR"), t.organisation { name = "Οίνος & Υιοί" }
  return t.contract(fields)
end

local function ask(t, contract, query)
  return t.call("GET", "/contracts/" .. contract.id .. "/document", { query = query })
end

test("T11 a contract's document is made from a template, escaped, and kept once per content", function(t)
  t.document_template { name = "Σύμβαση", code = "contract", language = "el", body = BODY }
  local contract = contract_of(t)
  t.contract_signatory { contract = contract, name = "Άννα", capacity = "διευθύντρια" }
  local answer = ask(t, contract, { language = "el" })
  assert(answer.status == 200, answer.text)
  assert(answer.text:find("Με την Οίνος &amp; Υιοί, έως 2027-03-31.", 1, true), answer.text)
  assert(answer.text:find("&lt;b&gt;κήπος", 1, true) and answer.text:find("Άννα", 1, true))
  assert(ask(t, contract, { language = "el" }).status == 200)
  t.expect_record("contract_version", { contract = contract.id, number = 1, kind = "document", language = "el" })
  assert(#t.find("contract_version") == 1)
  t.update("contract", contract, { ends_on = "2027-04-30" })
  ask(t, contract, { language = "el" })
  assert(#t.find("contract_version") == 2)
end)

test("T11 the same document as PDF", function(t)
  t.document_template { name = "Σύμβαση", code = "contract", language = "el", body = BODY }
  local answer = ask(t, contract_of(t), { language = "el", format = "pdf" })
  assert(answer.status == 200, answer.text)
end)

test("T11 what a template names and the contract lacks is told, not left blank", function(t)
  t.document_template { name = "Law", code = "contract", language = "en",
    body = { title = "x", blocks = { { text = "Law: {governing_law}, {moon}" } } } }
  local contract = contract_of(t)
  local answer = ask(t, contract, { language = "en" })
  assert(answer.status == 422 and answer.text:find("governing_law, moon", 1, true), answer.text)
  assert(ask(t, contract, { language = "el" }).status == 404)
  assert(ask(t, contract, { format = "docx" }).status == 422)
  local refusal = t.refuses("refused", t.document_template, { name = "y", code = "y", language = "en",
    body = { blocks = { { kind = "picture" } } } })
  assert(refusal.field == "/body")
  local template = t.document_template { name = "z", code = "z", language = "en", body = { blocks = { { text = "z" } } } }
  t.refuses("refused", t.update, "document_template", template, { body = { title = "without blocks" } })
  assert(t.update("document_template", template, { active = false }).active == false)
end)
