-- Payments from files of banks (C8): every entry is matched with invoices, or reported with its place and the reason. A file is one
-- change-set: taken back, it is as if it had never come.

local body <const> = require "body"
local camt <const> = require "camt"
local invoices <const> = require "invoices"
local matching <const> = require "matching"

local ENTRIES_MOST <const> = 2000

local function cut(text, most)
  return text and px.text.sub(text, 1, most) or nil
end

local function write_payment(entry, share)
  px.store.create("payment", { invoice = share.invoice, bank_entry = entry.id, amount = share.amount, paid_on = entry.booked_on,
    matched_by = share.how })
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

local function keep_entry(statement, entry, piece, key, amount, verdict)
  return px.store.create("bank_entry", {
    bank_statement = statement.id, entry_key = key, place = piece.place, amount = amount, direction = entry.sign > 0 and "in" or "out",
    booked_on = entry.booked_on or entry.value_on, bank_reference = cut(entry.bank_reference, 100), reference = cut(piece.references[1], 140),
    remittance = cut(table.concat(piece.words, " "), 1000), counterparty = cut(piece.counterparty, 200),
    counterparty_account = cut(piece.counterparty_account, 60), state = verdict.state, reason = verdict.reason, left = verdict.left,
    suggestion = verdict.suggestion,
  })
end

local function report_row(piece, state, reason, kept)
  return { place = piece.place, amount = piece.amount.text, currency = piece.amount.currency, counterparty = piece.counterparty,
    state = state, reason = reason, entry = kept and kept.id, suggestion = kept and kept.suggestion, left = kept and kept.left }
end

local function book_piece(book, statement, entry, piece, report)
  local key = book.keys[piece]
  if book.known[key] then
    report.duplicates = report.duplicates + 1
    return report_row(piece, "duplicate", "booked before", { id = book.known[key] })
  end
  local amount = px.try(px.money.of, piece.amount.text, piece.amount.currency)
  local verdict, shares = matching.match(book, amount, entry, piece)
  local kept = keep_entry(statement, entry, piece, key, amount, verdict)
  book.known[key] = kept.id
  for _, share in ipairs(shares) do
    write_payment(kept, share)
  end
  local counted = kept.state == "matched" and "matched" or "reported"
  report[counted] = report[counted] + 1
  return report_row(piece, kept.state, kept.reason, kept)
end

local function book_part(book, import, part, report)
  local balances = part.balances
  local statement = px.store.create("bank_statement", {
    bank_import = import.id, account = cut(part.account, 60), statement_id = cut(part.id, 100), currency = part.currency,
    opening = balances.opening and tostring(balances.opening.number), closing = balances.closing and tostring(balances.closing.number),
    balance = part.balanced and "checked" or "unknown",
  })
  local rows = px.json.list {}
  for _, entry in ipairs(part.entries) do
    for _, piece in ipairs(entry.parts) do
      report.entries = report.entries + 1
      rows[#rows + 1] = book_piece(book, statement, entry, piece, report)
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

local KEYS_A_QUERY <const> = 500

-- The keys of all entries, and which of them were booked before: asked before anything is written.
local function open_book(file)
  local book, all = { asked = {}, invoices = {}, keys = {}, known = {} }, {}
  for _, part in ipairs(file.parts) do
    local seen = {}
    for _, entry in ipairs(part.entries) do
      for n, piece in ipairs(entry.parts) do
        book.keys[piece] = key_of(part, entry, piece, n, seen)
        all[#all + 1] = book.keys[piece]
      end
    end
  end
  for from = 1, #all, KEYS_A_QUERY do
    local some = { table.unpack(all, from, math.min(#all, from + KEYS_A_QUERY - 1)) }
    for _, entry in ipairs((px.store.find("bank_entry", { filter = { entry_key = { "in", some } }, limit = KEYS_A_QUERY, fields = { "entry_key" } }))) do
      book.known[entry.entry_key] = entry.id
    end
  end
  return book
end

local function settle_all(book)
  local ids = {}
  for id, kept in pairs(book.invoices) do
    ids[#ids + 1] = kept.paid > 0 and id or nil
  end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local invoice = px.store.get("invoice", id)
    invoices.settle(invoice, "paid_amount", px.money(book.invoices[id].paid, invoice.currency))
  end
end

local function write_file(file, hash)
  local report
  px.store.changeset("bank file " .. (file.id or hash:sub(1, 12)), function(id)
    local book = open_book(file)
    report = { message = file.id, type = file.type, changeset = id, entries = 0, matched = 0, reported = 0, duplicates = 0,
      statements = px.json.list {} }
    local import = px.store.create("bank_import", { file_hash = hash, message_id = cut(file.id, 100), message_type = file.type,
      created_on_bank_at = cut(file.made_at, 40), changeset = id })
    for _, part in ipairs(file.parts) do
      book_part(book, import, part, report)
    end
    settle_all(book)
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
  return px.http.json(write_file(file, hash), { status = 201 })
end)

-- POST /x/clients/bank_entries/:id/match { invoice, amount }: what a person decides; a suggestion is taken so, too.
px.route("POST", "/bank_entries/:id/match", function(request)
  local said = body.of(request)
  local answer
  px.store.tx(function()
    local entry = px.store.get("bank_entry", request.params.id)
    local invoice = type(said.invoice) == "string" and px.store.get("invoice", said.invoice)
    if not entry then
      answer = px.http.problem(404, "not_found", "there is no such entry")
      return
    elseif not matching.is_payable(invoice) then
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
    write_payment(entry, { invoice = invoice.id, amount = paid, how = "hand" })
    invoices.settle(invoice, "paid_amount", paid)
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
