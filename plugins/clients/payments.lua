-- Payments from files of banks (C8): every entry is matched with invoices, or reported with its place and the reason. A file is one
-- change-set: taken back, it is as if it had never come.

local camt <const> = require "camt"
local invoices <const> = require "invoices"
local references <const> = require "references"

local ENTRIES_MOST <const> = 2000
local NUMBERS_MOST <const> = 20

-- ---- which invoices an entry pays ----

local function is_payable(invoice)
  return invoice and invoice.status == "issued" and invoice.payable_amount ~= nil
end

local function add(found, invoice, how)
  if is_payable(invoice) and not found.seen[invoice.id] then
    found.seen[invoice.id] = true
    table.insert(found, { invoice = invoice, how = how })
  end
end

local function by_reference(part, found)
  local wrong
  for _, said in ipairs(part.references) do
    local plain = references.normalise(said)
    if references.is_reference(plain) and not references.is_valid(plain) then
      wrong = "the check digits of " .. plain:sub(1, 30) .. " are wrong"
    else
      add(found, px.store.first("invoice", { filter = { payment_reference = plain:sub(1, 25) } }), "reference")
      add(found, px.store.first("invoice", { filter = { number = said:sub(1, 40) } }), "reference")
    end
  end
  return wrong
end

-- Words that may be numbers of invoices: with a digit, cut where blanks and stops are.
local function words_of(text)
  local words = {}
  for word in text:gmatch("[^%s,;:()]+") do
    word = word:gsub("%.$", "")
    if #words < NUMBERS_MOST and word:find("%d") and #word <= 40 then
      words[#words + 1] = word
    end
  end
  return words
end

local function by_number(part, found)
  for _, text in ipairs(part.words) do
    for _, reference in ipairs(references.find_all(text)) do
      add(found, px.store.first("invoice", { filter = { payment_reference = reference } }), "reference")
    end
    for _, word in ipairs(words_of(text)) do
      add(found, px.store.first("invoice", { filter = { number = word } }) or
        px.store.first("invoice", { filter = { number = word:upper() } }), "number")
    end
  end
end

-- The same amount from a payer of that name: told to a person, never booked.
local function suggestion(part, amount)
  if not part.counterparty then
    return nil
  end
  local name = px.text.fold(part.counterparty)
  local only
  local query = { filter = { status = "issued", payment_state = { "in", { "unpaid", "partly" } }, payable_amount = amount }, limit = 50,
    order = "due_date" }
  for _, invoice in ipairs((px.store.find("invoice", query))) do
    local client = px.store.get("organisation", invoice.organisation)
    local theirs = client and px.text.fold(client.name)
    if theirs and (name:find(theirs, 1, true) or theirs:find(name, 1, true)) then
      only = only or invoice
    end
  end
  return only
end

-- ---- what is booked ----

local function pay(invoice, entry, amount, how)
  px.store.create("payment", { invoice = invoice.id, bank_entry = entry.id, amount = amount, paid_on = entry.booked_on, matched_by = how })
  invoices.settle(invoice, "paid_amount", amount)
end

-- In the order in which the payer named them; what is more than all of them stays with the entry.
local function allocate(entry, found)
  local left, other_currency = entry.amount, false
  for _, one in ipairs(found) do
    local invoice = px.store.get("invoice", one.invoice.id)
    if invoice.currency ~= left.currency then
      other_currency = true
    elseif left.amount > 0 and invoice.payable_amount.amount > 0 then
      local amount = px.money(math.min(left.amount, invoice.payable_amount.amount), left.currency)
      pay(invoice, entry, amount, one.how)
      left = left - amount
    end
  end
  return left, other_currency
end

local function judge(entry, left, other_currency, part)
  if left.amount == 0 then
    return { state = "matched", reason = "all of it", left = left }
  elseif left.amount < entry.amount.amount then
    return { state = "partly", reason = "more was paid than is left to pay", left = left }
  elseif other_currency then
    return { state = "open", reason = "the invoice is in another currency", left = left }
  end
  local meant = suggestion(part, entry.amount)
  return { state = meant and "suggested" or "open", suggestion = meant and meant.id, left = left,
    reason = meant and "the amount and the name fit" or nil }
end

-- Why nothing is looked for.
local function set_aside(entry)
  if entry.status ~= "BOOK" then
    return "not booked yet (" .. entry.status .. ")"
  elseif entry.reversal then
    return "a reversal of an earlier entry"
  elseif entry.sign < 0 then
    return "money that went out"
  end
end

local function match(kept, entry, part)
  local aside = set_aside(entry)
  if aside then
    return { state = entry.reversal and "open" or "none", reason = aside }
  elseif not kept.amount then
    return { state = "open", reason = "the amount has more digits than its currency" }
  end
  local found = { seen = {} }
  local wrong = by_reference(part, found)
  if #found == 0 then
    by_number(part, found)
  end
  local left, other_currency = allocate(kept, found)
  local verdict = judge(kept, left, other_currency, part)
  if not verdict.reason then
    verdict.reason = wrong or #found > 0 and "the invoice is paid already" or "no invoice is named, and none fits"
  end
  return verdict
end

-- ---- one entry once ----

local NO_ID <const> = { NOTPROVIDED = true }

-- The same in whichever message the bank tells it, a notice of the day or the statement: by the bank's own reference, else by all that
-- is said of it; two equal ones of one statement are then two. What looks known is reported: a payment that is missed is seen, one
-- that is booked twice is not.
local function key_of(part, entry, piece, n, seen)
  local said = { part.account or "", tostring(px.decimal.round(entry.amount.number, 5)), entry.amount.currency, tostring(entry.sign),
    tostring(entry.reversal), entry.status == "BOOK" and "BOOK" or "PDNG", tostring(n),
    entry.booked_on and px.date.format(entry.booked_on) or part.id or "" }
  if entry.bank_reference then
    return px.crypto.hash(px.json.encode { entry.bank_reference, said })
  end
  local id = not NO_ID[piece.id or ""] and piece.id or ""
  for _, more in ipairs { id, table.concat(piece.words, " "), table.concat(piece.references, " "), piece.counterparty or "" } do
    said[#said + 1] = more
  end
  local text = px.json.encode(said)
  seen[text] = (seen[text] or 0) + 1
  return px.crypto.hash(text .. "#" .. seen[text])
end

local function cut(text, most)
  return text and px.text.sub(text, 1, most) or nil
end

local function keep_entry(statement, part, entry, piece, key)
  return px.store.create("bank_entry", {
    bank_statement = statement.id, entry_key = key, place = piece.place, amount = px.try(px.money.of, piece.amount.text, piece.amount.currency),
    direction = entry.sign > 0 and "in" or "out", booked_on = entry.booked_on or entry.value_on, bank_reference = cut(entry.bank_reference, 100),
    reference = cut(piece.references[1], 140), remittance = cut(table.concat(piece.words, " "), 1000),
    counterparty = cut(piece.counterparty, 200), counterparty_account = cut(piece.counterparty_account, 60), state = "open",
  })
end

local function report_row(piece, state, reason, kept)
  return { place = piece.place, amount = piece.amount.text, currency = piece.amount.currency, counterparty = piece.counterparty,
    state = state, reason = reason, entry = kept and kept.id, suggestion = kept and kept.suggestion, left = kept and kept.left }
end

local function book_piece(statement, part, entry, piece, key, report)
  local known = px.store.first("bank_entry", { filter = { entry_key = key } })
  if known then
    report.duplicates = report.duplicates + 1
    return report_row(piece, "duplicate", "booked before", known)
  end
  local kept = keep_entry(statement, part, entry, piece, key)
  kept = px.store.update("bank_entry", kept.id, match(kept, entry, piece))
  local counted = kept.state == "matched" and "matched" or "reported"
  report[counted] = report[counted] + 1
  return report_row(piece, kept.state, kept.reason, kept)
end

local function book_part(import, part, report)
  local balances = part.balances
  local statement = px.store.create("bank_statement", {
    bank_import = import.id, account = cut(part.account, 60), statement_id = cut(part.id, 100), currency = part.currency,
    opening = balances.opening and tostring(balances.opening.number), closing = balances.closing and tostring(balances.closing.number),
    balance = part.balanced and "checked" or "unknown",
  })
  local seen, rows = {}, px.json.list {}
  for _, entry in ipairs(part.entries) do
    for n, piece in ipairs(entry.parts) do
      report.entries = report.entries + 1
      rows[#rows + 1] = book_piece(statement, part, entry, piece, key_of(part, entry, piece, n, seen), report)
    end
  end
  report.statements[#report.statements + 1] = { id = part.id, account = part.account, place = part.place,
    balance = part.balanced and "checked" or "unknown", entries = rows }
end

local function count(file)
  local n = 0
  for _, part in ipairs(file.parts) do
    for _, entry in ipairs(part.entries) do
      n = n + #entry.parts
    end
  end
  return n
end

local function book(file, hash)
  local report
  px.store.changeset("bank file " .. (file.id or hash:sub(1, 12)), function(id)
    report = { message = file.id, type = file.type, changeset = id, entries = 0, matched = 0, reported = 0, duplicates = 0,
      statements = px.json.list {} }
    local import = px.store.create("bank_import", { file_hash = hash, message_id = cut(file.id, 100), message_type = file.type,
      created_on_bank_at = cut(file.made_at, 40), changeset = id })
    for _, part in ipairs(file.parts) do
      book_part(import, part, report)
    end
    px.store.update("bank_import", import.id, { entries = report.entries, matched = report.matched, reported = report.reported,
      duplicates = report.duplicates })
    report.id = import.id
  end)
  return report
end

-- POST /x/clients/bank_files, the file as the body.
px.route("POST", "/bank_files", function(request)
  local hash = px.crypto.hash(request.body)
  local known = px.store.first("bank_import", { filter = { file_hash = hash } })
  if known then
    return px.http.json { again = true, id = known.id, message = known.message_id, type = known.message_type, changeset = known.changeset,
      entries = known.entries, matched = 0, reported = 0, duplicates = known.entries }
  end
  local file, place, mistake = camt.read(request.body)
  if not file then
    return px.http.problem(422, "bank_file", place .. ": " .. mistake, { pointer = place })
  elseif count(file) > ENTRIES_MOST then
    return px.http.problem(422, "bank_file", "a file holds up to " .. ENTRIES_MOST .. " entries", { pointer = "/Document" })
  end
  return px.http.json(book(file, hash), { status = 201 })
end)

-- POST /x/clients/bank_entries/:id/match { invoice, amount }: what a person decides; a suggestion is taken so, too.
px.route("POST", "/bank_entries/:id/match", function(request)
  local said = request.json or {}
  local answer
  px.store.tx(function()
    local entry = px.store.get("bank_entry", request.params.id)
    local invoice = type(said.invoice) == "string" and px.store.get("invoice", said.invoice)
    if not entry then
      answer = px.http.problem(404, "not_found", "there is no such entry")
      return
    elseif not is_payable(invoice) then
      px.refuse("invoice", "the id of an issued invoice")
    elseif entry.direction ~= "in" or not entry.left or entry.left.amount == 0 then
      px.refuse("entry", "nothing of this entry is left to match")
    elseif entry.left.currency ~= invoice.currency then
      px.refuse("invoice", "the invoice is in " .. invoice.currency .. ", the entry in " .. entry.left.currency)
    end
    local most = math.min(entry.left.amount, invoice.payable_amount.amount)
    local amount = said.amount == nil and most or said.amount
    if math.type(amount) ~= "integer" or amount < 1 or amount > most then
      px.refuse("amount", "minor units, 1 to " .. most)
    end
    local paid = px.money(amount, invoice.currency)
    pay(invoice, entry, paid, "hand")
    local left = entry.left - paid
    local after = px.store.update("bank_entry", entry.id, { left = left, state = left.amount == 0 and "matched" or "partly",
      suggestion = px.null, reason = "matched by hand" })
    answer = px.http.json { id = after.id, state = after.state, left = after.left }
  end)
  return answer
end)

-- What was booked from a file is taken back with the file, or not at all.
local function refuse_by_hand(drafts)
  if #drafts > 0 then
    px.refuse("amount", "payments come from POST /x/clients/bank_files or …/bank_entries/{id}/match; a file is taken back by its change-set")
  end
end

for _, object in ipairs { "payment", "bank_entry", "bank_statement", "bank_import" } do
  for _, verb in ipairs { "create", "update", "delete" } do
    px.before(object .. "." .. verb, refuse_by_hand)
  end
end
