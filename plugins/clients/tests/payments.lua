-- C8: files of banks. The file below is our own; those of a library of others are read over HTTP (tests/api/domain_orders.test.mjs).

local camt <const> = require "camt"
local references <const> = require "references"

local function entry(fields)
  return "<Ntry><Amt Ccy=\"" .. (fields.currency or "EUR") .. "\">" .. fields.amount .. "</Amt><CdtDbtInd>" .. (fields.sign or "CRDT")
    .. "</CdtDbtInd>" .. (fields.reversal and "<RvslInd>true</RvslInd>" or "") .. "<Sts>" .. (fields.status or "BOOK")
    .. "</Sts><BookgDt><Dt>2026-01-05</Dt></BookgDt>"
    .. (fields.id and "<AcctSvcrRef>" .. fields.id .. "</AcctSvcrRef>" or "") .. "<NtryDtls>" .. (fields.details or
      "<TxDtls><RltdPties><Dbtr><Nm>" .. (fields.name or "Somebody") .. "</Nm></Dbtr></RltdPties><RmtInf>"
      .. (fields.text and "<Ustrd>" .. fields.text .. "</Ustrd>" or "")
      .. (fields.reference and "<Strd><CdtrRefInf><Ref>" .. fields.reference .. "</Ref></CdtrRefInf></Strd>" or "") .. "</RmtInf></TxDtls>")
    .. "</NtryDtls></Ntry>"
end

local function balance(code, amount)
  return "<Bal><Tp><CdOrPrtry><Cd>" .. code .. "</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">" .. amount
    .. "</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-05</Dt></Dt></Bal>"
end

local function statement(id, opening, closing, ...)
  return "<Stmt><Id>" .. id .. "</Id><Acct><Id><IBAN>GR1601101250000000012300695</IBAN></Id></Acct>" .. balance("OPBD", opening)
    .. balance("CLBD", closing) .. table.concat { ... } .. "</Stmt>"
end

local function file(...)
  return "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr>"
    .. table.concat { ... } .. "</BkToCstmrStmt></Document>"
end

local function send(t, text)
  return t.call("POST", "/bank_files", { body = text })
end

local function invoice(t, client, amount)
  local made = t.call("POST", "/invoices", { json = { organisation = client.id, currency = "EUR",
    lines = { { item_name = "Work", quantity = 1, price_amount = { amount = amount, currency = "EUR" }, tax_percent = 0 } } } })
  return t.call("POST", "/invoices/" .. made.json.id .. "/issue").json
end

test("C8 references have check digits, in groups and small letters, too", function()
  assert(references.is_valid("RF18 5390 0754 7034") and references.is_valid("rf18539007547034"))
  assert(not references.is_valid("RF19539007547034") and not references.is_valid("RF18"))
  assert(references.is_valid(references.make("INV-000001")))
  local found = references.find_all("Payment RF18 5390 0754 7034 of May")
  assert(#found == 1 and found[1] == "RF18539007547034", px.json.encode(found))
  assert(#references.find_all("nothing of RF19 5390 0754 7034") == 0)
end)

test("C8 an entry pays by its reference first, then by the number in its text", function(t)
  local client = t.organisation()
  local one, two = invoice(t, client, 10000), invoice(t, client, 5000)
  local answer = send(t, file(statement("S1", "100.00", "250.00", entry { amount = "100.00000", reference = one.payment_reference },
    entry { amount = "50.00", text = "Thank you, " .. two.number .. "." })))
  assert(answer.status == 201 and answer.json.matched == 2 and answer.json.reported == 0, answer.text)
  assert(answer.json.statements[1].balance == "checked")
  t.expect_record("invoice", { id = one.id, payment_state = "paid", payable_amount = px.money(0, "EUR") })
  t.expect_record("payment", { invoice = two.id, amount = px.money(5000, "EUR"), matched_by = "number", paid_on = "2026-01-05" })
end)

test("C8 partial, split and overpaid", function(t)
  local client = t.organisation()
  local one, two, three = invoice(t, client, 10000), invoice(t, client, 5000), invoice(t, client, 2000)
  local answer = send(t, file(statement("S1", "0", "230", entry { amount = "40", reference = one.payment_reference },
    entry { amount = "110", text = one.number .. " + " .. two.number }, entry { amount = "80", text = three.payment_reference })))
  local rows = answer.json.statements[1].entries
  assert(rows[1].state == "matched" and rows[2].state == "matched", answer.text)
  assert(rows[3].state == "partly" and rows[3].left.amount == 6000 and rows[3].reason == "more was paid than is left to pay")
  for _, paid in ipairs { one, two, three } do
    t.expect_record("invoice", { id = paid.id, payment_state = "paid" })
  end
  assert(#t.find("payment", { filter = { invoice = one.id } }) == 2)
  local four = invoice(t, client, 1000)
  local wrong = t.call("POST", "/bank_entries/" .. rows[3].entry .. "/match", { json = { invoice = four.id, amount = 1001 } })
  assert(wrong.status == 422 and wrong.json.errors[1].pointer == "/amount", wrong.text)
  local by_hand = t.call("POST", "/bank_entries/" .. rows[3].entry .. "/match", { json = { invoice = four.id } })
  assert(by_hand.status == 200 and by_hand.json.left.amount == 5000, by_hand.text)
end)

test("C8 amount and name are a suggestion and nothing more", function(t)
  local client = t.organisation { name = "Οίνοι Σάμου" }
  local due = invoice(t, client, 7777)
  local answer = send(t, file(statement("S1", "0", "77.77", entry { amount = "77.77", name = "ΟΙΝΟΙ ΣΑΜΟΥ ΑΕ", text = "for wine" })))
  local row = answer.json.statements[1].entries[1]
  assert(row.state == "suggested" and row.suggestion == due.id and answer.json.reported == 1, answer.text)
  t.expect_no_record("payment")
  t.expect_record("invoice", { id = due.id, payment_state = "unpaid" })
end)

test("C8 what cannot be matched is reported with its place and the reason", function(t)
  local client = t.organisation()
  local due = invoice(t, client, 1000)
  local answer = send(t, file(statement("S1", "1.00", "11.00", entry { amount = "1", sign = "DBIT" }, entry { amount = "1", status = "PDNG" },
    entry { amount = "1", reversal = true }, entry { amount = "10", text = "rent", reference = "RF00" .. due.payment_reference:sub(5) }),
    statement("S2", "1", "1", entry { amount = "5", currency = "USD", text = due.number }), statement("S3", "1", "1.00001", entry { amount = "0.00001" })))
  local reasons = {}
  for _, part in ipairs(answer.json.statements) do
    for _, row in ipairs(part.entries) do
      reasons[#reasons + 1] = row.place:match("/(Stmt%[.*)") .. " " .. row.reason
    end
  end
  local expected = {
    "Stmt[1]/Ntry[1] money that went out", "Stmt[1]/Ntry[2] not booked yet (PDNG)", "Stmt[1]/Ntry[3] a reversal of an earlier entry",
    "Stmt[1]/Ntry[4] the check digits of RF00" .. due.payment_reference:sub(5) .. " are wrong",
    "Stmt[2]/Ntry[1] the invoice is in another currency", "Stmt[3]/Ntry[1] the amount has more digits than its currency",
  }
  for n, line in ipairs(expected) do
    assert(reasons[n] == line, tostring(reasons[n]))
  end
  assert(answer.json.statements[2].balance == "unknown" and answer.json.matched == 0)
end)

test("C8 the same file and the same entry are booked once", function(t)
  local due = invoice(t, t.organisation(), 30000)
  local first = entry { amount = "100", reference = due.payment_reference, id = "BANK-1" }
  local text = file(statement("S1", "0", "100", first))
  assert(send(t, text).status == 201)
  local again = send(t, text)
  assert(again.status == 200 and again.json.again and again.json.duplicates == 1, again.text)
  local more = send(t, file(statement("S2", "0", "200", first, entry { amount = "100", reference = due.payment_reference, id = "BANK-2" })))
  assert(more.json.duplicates == 1 and more.json.matched == 1 and more.json.statements[1].entries[1].state == "duplicate", more.text)
  t.expect_record("invoice", { id = due.id, paid_amount = px.money(20000, "EUR"), payment_state = "partly" })
end)

test("C8 a batch is taken apart where its parts make the whole", function(t)
  local one, two = invoice(t, t.organisation(), 1000), invoice(t, t.organisation(), 2000)
  local function part(amount, number)
    return "<TxDtls><AmtDtls><TxAmt><Amt Ccy=\"EUR\">" .. amount .. "</Amt></TxAmt></AmtDtls><RmtInf><Ustrd>" .. number .. "</Ustrd></RmtInf></TxDtls>"
  end
  local answer = send(t, file(statement("S1", "0", "30", entry { amount = "30", details = part("10", one.number) .. part("20", two.number) })))
  assert(answer.json.matched == 2 and answer.json.statements[1].entries[2].place:find("TxDtls[2]", 1, true), answer.text)
end)

test("C8 a file whose sum is wrong is refused with the place, and nothing of it is kept", function(t)
  local due = invoice(t, t.organisation(), 1000)
  local good = entry { amount = "10", reference = due.payment_reference }
  local wrong = send(t, file(statement("S1", "0", "10", good), statement("S2", "10", "21", entry { amount = "10" })))
  assert(wrong.status == 422 and wrong.json.errors[1].pointer == "/Document/BkToCstmrStmt/Stmt[2]/Bal[2]", wrong.text)
  assert(wrong.json.detail:find("make 20 EUR, the closing balance says 21", 1, true), wrong.json.detail)
  t.expect_no_record("bank_import")
  t.expect_record("invoice", { id = due.id, payment_state = "unpaid" })
end)

test("C8 a file that is none is refused with the place", function()
  local function place(text)
    local read, at = camt.read(text)
    return not read and at
  end
  assert(place("<Document") == "line 1, column 10" or place("<Document"):find("line 1", 1, true))
  assert(place("<Document/>") == "/Document")
  assert(place(file()) == "/Document/BkToCstmrStmt/Stmt")
  assert(place(file(statement("S", "0", "0", "<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>"))) == "/Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/Amt")
  assert(place(file(statement("S", "0", "0", entry { amount = "-1" }))) == "/Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/Amt")
  assert(place(file(statement("S", "0", "0", entry { amount = "1", sign = "PLUS" }))):find("/CdtDbtInd", 1, true))
  assert(place(file(statement("S", "0", "1", "<TxsSummry><TtlCdtNtries><NbOfNtries>2</NbOfNtries></TtlCdtNtries></TxsSummry>", entry { amount = "1" })))
    == "/Document/BkToCstmrStmt/Stmt[1]/TxsSummry/TtlCdtNtries/NbOfNtries")
end)

test("C8 payments are not written by hand", function(t)
  t.refuses("refused", t.create, "payment", { amount = px.money(1, "EUR") })
  t.refuses("refused", t.create, "bank_entry", { place = "here", entry_key = "k" })
end)
