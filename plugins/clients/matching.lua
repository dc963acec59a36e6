-- Which invoices an entry of a bank's file pays (C8): by its structured reference, then by numbers in its text; amount and name are a
-- suggestion and nothing more. It reads, and writes nothing.

local references <const> = require "references"

local M = {}

local NUMBERS_MOST <const> = 20

-- ---- which invoices an entry pays ----

local function cut(text, most)
  return text and px.text.sub(text, 1, most) or nil
end

function M.is_payable(invoice)
  return invoice and invoice.status == "issued" and invoice.payable_amount ~= nil
end

local function add(found, kept, how)
  if kept and M.is_payable(kept.invoice) and not found.seen[kept] then
    found.seen[kept] = true
    table.insert(found, { kept = kept, how = how })
  end
end

-- Of each invoice one table, with what is left of it while the file is booked. Invoices are written once, behind all entries: a unit
-- looks through what it wrote at each question, and two thousand entries would ask it two thousand times.
local function look_up(book, field, value)
  local key = field .. " " .. value
  if book.asked[key] == nil then
    local invoice = px.store.first("invoice", { filter = { [field] = value } })
    if invoice and not book.invoices[invoice.id] then
      book.invoices[invoice.id] = { invoice = invoice, left = invoice.payable_amount and invoice.payable_amount.amount, paid = 0 }
    end
    book.asked[key] = invoice and book.invoices[invoice.id] or false
  end
  return book.asked[key] or nil
end

local function by_reference(book, part, found)
  local wrong
  for _, said in ipairs(part.references) do
    local plain = references.normalise(said)
    if references.is_reference(plain) and not references.is_valid(plain) then
      wrong = "the check digits of " .. plain:sub(1, 30) .. " are wrong"
    else
      add(found, look_up(book, "payment_reference", plain:sub(1, 25)), "reference")
      add(found, look_up(book, "number", cut(said, 40)), "reference")
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

local function by_number(book, part, found)
  for _, text in ipairs(part.words) do
    for _, reference in ipairs(references.find_all(text)) do
      add(found, look_up(book, "payment_reference", reference), "reference")
    end
    for _, word in ipairs(words_of(text)) do
      add(found, look_up(book, "number", word) or look_up(book, "number", word:upper()), "number")
    end
  end
end

-- The same amount from a payer of that name: told to a person, never booked.
local function suggestion(book, part, amount)
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
    local kept = book.invoices[invoice.id]
    if theirs and not (kept and kept.paid > 0) and (name:find(theirs, 1, true) or theirs:find(name, 1, true)) then
      only = only or invoice
    end
  end
  return only
end

-- ---- what is booked ----

-- In the order in which the payer named them; what is more than all of them stays with the entry.
local function allocate(amount, found)
  local left, other_currency, shares = amount, false, {}
  for _, one in ipairs(found) do
    local kept = one.kept
    if kept.invoice.currency ~= left.currency then
      other_currency = true
    elseif left.amount > 0 and kept.left > 0 then
      local share = px.money(math.min(left.amount, kept.left), left.currency)
      kept.left, kept.paid = kept.left - share.amount, kept.paid + share.amount
      left = left - share
      shares[#shares + 1] = { invoice = kept.invoice.id, amount = share, how = one.how }
    end
  end
  return left, other_currency, shares
end

local function judge(book, amount, left, other_currency, part)
  if left.amount == 0 then
    return { state = "matched", reason = "all of it", left = left }
  elseif left.amount < amount.amount then
    return { state = "partly", reason = "more was paid than is left to pay", left = left }
  elseif other_currency then
    return { state = "open", reason = "the invoice is in another currency", left = left }
  end
  local meant = suggestion(book, part, amount)
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

-- What an entry is, and what it pays.
function M.match(book, amount, entry, part)
  local aside = set_aside(entry)
  if aside then
    return { state = entry.reversal and "open" or "none", reason = aside }, {}
  elseif not amount then
    return { state = "open", reason = "the amount has more digits than its currency" }, {}
  end
  local found = { seen = {} }
  local wrong = by_reference(book, part, found)
  if #found == 0 then
    by_number(book, part, found)
  end
  local left, other_currency, shares = allocate(amount, found)
  local verdict = judge(book, amount, left, other_currency, part)
  if not verdict.reason then
    verdict.reason = wrong or #found > 0 and "the invoice is paid already" or "no invoice is named, and none fits"
  end
  return verdict, shares
end

return M
