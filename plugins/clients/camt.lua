-- Reads files of banks: camt.052, camt.053 and camt.054 of ISO 20022, versions 2 and later. Says of each thing where it stands, and
-- of a file that does not add up, where. Pure.

local M = {}

local KINDS <const> = {
  BkToCstmrAcctRpt = { name = "camt.052", part = "Rpt" },
  BkToCstmrStmt = { name = "camt.053", part = "Stmt" },
  BkToCstmrDbtCdtNtfctn = { name = "camt.054", part = "Ntfctn" },
}

local function refuse(place, message)
  error({ camt = true, place = place, message = message }, 0)
end

local function plain(name)
  return name:match("([^:]+)$")
end

local function children(node, name)
  local found = {}
  for _, child in ipairs(node and node.children or {}) do
    if type(child) == "table" and plain(child.name) == name then
      found[#found + 1] = child
    end
  end
  return found
end

-- The first node on a way of names: first(entry, "NtryDtls", "Btch").
local function first(node, ...)
  for _, name in ipairs { ... } do
    node = node and children(node, name)[1]
  end
  return node
end

local function text(node, ...)
  local found = first(node, ...)
  local child = found and found.children and found.children[1]
  local trimmed = type(child) == "string" and child:match("^%s*(.-)%s*$")
  return trimmed ~= "" and trimmed or nil
end

local function amount(node, place)
  local said = text(node)
  local currency = node.attributes and node.attributes.Ccy
  local number = said and said:find("^%d+%.?%d*$") and px.try(px.decimal, said)
  if not number then
    refuse(place, "an amount is digits, with a point at most: " .. (said or "there is none"))
  elseif not currency then
    refuse(place, "the amount has no currency (Ccy)")
  end
  return { number = number, currency = currency, text = said }
end

local function sign(node, place)
  local said = text(node, "CdtDbtInd")
  if said ~= "CRDT" and said ~= "DBIT" then
    refuse(place .. "/CdtDbtInd", "CRDT or DBIT")
  end
  return said == "CRDT" and 1 or -1
end

local function day(node, name, place)
  local said = text(node, name, "Dt") or text(node, name, "DtTm")
  local parsed = said and px.try(px.date.parse, said:sub(1, 10))
  if said and not parsed then
    refuse(place .. "/" .. name, "there is no such day: " .. said)
  end
  return parsed
end

local function account(node)
  return text(node, "Acct", "Id", "IBAN") or text(node, "Acct", "Id", "Othr", "Id") or text(node, "Acct", "Id", "PrtryAcct", "Id")
end

-- Payer of what came in, payee of what went out. Versions from 8 on put the party one level deeper.
local function counterparty(node, incoming)
  local parties = first(node, "RltdPties")
  local party = first(parties, incoming and "Dbtr" or "Cdtr")
  local other = first(parties, incoming and "DbtrAcct" or "CdtrAcct")
  return text(party, "Nm") or text(party, "Pty", "Nm"), text(other, "Id", "IBAN") or text(other, "Id", "Othr", "Id")
end

local function remittance(node)
  local info = first(node, "RmtInf")
  local words, references = {}, {}
  for _, one in ipairs(children(info, "Ustrd")) do
    words[#words + 1] = text(one)
  end
  for _, one in ipairs(children(info, "Strd")) do
    references[#references + 1] = text(one, "CdtrRefInf", "Ref") or text(one, "CdtrRefInf", "CdtrRef")
    for _, document in ipairs(children(one, "RfrdDocInf")) do
      words[#words + 1] = text(document, "Nb")
    end
    for _, more in ipairs(children(one, "AddtlRmtInf")) do
      words[#words + 1] = text(more)
    end
  end
  return words, references
end

local function detail_amount(node, place)
  local found = first(node, "Amt") or first(node, "AmtDtls", "TxAmt", "Amt")
  return found and amount(found, place)
end

local function read_detail(node, entry, place)
  local words, references = remittance(node)
  local incoming = entry.sign > 0
  local name, their_account = counterparty(node, incoming)
  return {
    place = place, words = words, references = references, counterparty = name, counterparty_account = their_account,
    amount = detail_amount(node, place .. "/Amt"),
    id = text(node, "Refs", "AcctSvcrRef") or text(node, "Refs", "UETR") or text(node, "Refs", "TxId") or text(node, "Refs", "EndToEndId"),
  }
end

-- A batch is taken apart only where its parts make the whole; else it is one entry that knows the words of all parts.
local function parts_of(entry, details)
  if #details > 1 then
    local sum = px.decimal("0")
    for _, detail in ipairs(details) do
      if not detail.amount or detail.amount.currency ~= entry.amount.currency then
        return nil
      end
      sum = sum + detail.amount.number
    end
    return sum == entry.amount.number and details or nil
  end
end

local function whole(entry, details)
  local one = { place = entry.place, words = {}, references = {}, amount = entry.amount }
  for _, detail in ipairs(details) do
    table.move(detail.words, 1, #detail.words, #one.words + 1, one.words)
    table.move(detail.references, 1, #detail.references, #one.references + 1, one.references)
    one.counterparty = one.counterparty or detail.counterparty
    one.counterparty_account = one.counterparty_account or detail.counterparty_account
    one.id = one.id or detail.id
  end
  return one
end

local function read_entry(node, place)
  local entry = { place = place, sign = sign(node, place), reversal = text(node, "RvslInd") == "true" }
  local node_amount = first(node, "Amt")
  if not node_amount then
    refuse(place .. "/Amt", "the entry has no amount")
  end
  entry.amount = amount(node_amount, place .. "/Amt")
  entry.status = text(node, "Sts", "Cd") or text(node, "Sts") or "BOOK"
  entry.booked_on, entry.value_on = day(node, "BookgDt", place), day(node, "ValDt", place)
  entry.bank_reference = text(node, "AcctSvcrRef")
  entry.reference = text(node, "NtryRef")
  local details, n = {}, 0
  for _, group in ipairs(children(node, "NtryDtls")) do
    for _, detail in ipairs(children(group, "TxDtls")) do
      n = n + 1
      details[n] = read_detail(detail, entry, place .. "/NtryDtls/TxDtls[" .. n .. "]")
    end
  end
  entry.parts = parts_of(entry, details) or { whole(entry, details) }
  if text(node, "AddtlNtryInf") and #entry.parts == 1 then
    table.insert(entry.parts[1].words, text(node, "AddtlNtryInf"))
  end
  return entry
end

local function read_balances(node, place)
  local found = {}
  for n, one in ipairs(children(node, "Bal")) do
    local at = place .. "/Bal[" .. n .. "]"
    local code = text(one, "Tp", "CdOrPrtry", "Cd")
    local node_amount = first(one, "Amt")
    if code and node_amount then
      local balance = amount(node_amount, at .. "/Amt")
      balance.number, balance.place = balance.number * sign(one, at), at
      -- Of several, the first one opens and the last one closes.
      if code == "OPBD" then
        found.opening = found.opening or balance
      elseif code == "PRCD" then
        found.before = found.before or balance
      elseif code == "CLBD" then
        found.closing = balance
      end
    end
  end
  found.opening = found.opening or found.before
  return found
end

-- opening + what was booked = closing, where all are there and in one currency; nil where that cannot be known.
local function check_balance(part)
  local opening, closing = part.balances.opening, part.balances.closing
  if not opening or not closing or opening.currency ~= closing.currency then
    return nil
  end
  local sum = px.decimal("0")
  for _, entry in ipairs(part.entries) do
    if entry.status == "BOOK" then
      if entry.amount.currency ~= closing.currency then
        return nil
      end
      sum = sum + entry.amount.number * entry.sign
    end
  end
  if opening.number + sum ~= closing.number then
    refuse(closing.place, "opening " .. tostring(opening.number) .. " and entries " .. tostring(sum) .. " make "
      .. tostring(opening.number + sum) .. " " .. closing.currency .. ", the closing balance says " .. tostring(closing.number))
  end
  return true
end

local SUMS <const> = { { "TtlCdtNtries", 1 }, { "TtlDbtNtries", -1 } }

-- What the file says of itself: so many entries, of such a sum.
local function check_summary(node, part)
  local summary = first(node, "TxsSummry")
  for _, kind in ipairs(SUMS) do
    local one = first(summary, kind[1])
    local count, sum = 0, px.decimal("0")
    for _, entry in ipairs(part.entries) do
      if entry.sign == kind[2] then
        count, sum = count + 1, sum + entry.amount.number
      end
    end
    local place = part.place .. "/TxsSummry/" .. kind[1]
    local said, said_sum = text(one, "NbOfNtries"), text(one, "Sum")
    if said and tonumber(said) ~= count then
      refuse(place .. "/NbOfNtries", "there are " .. count .. " such entries, the summary says " .. said)
    elseif said_sum and px.try(px.decimal, said_sum) ~= sum then
      refuse(place .. "/Sum", "the entries make " .. tostring(sum) .. ", the summary says " .. said_sum)
    end
  end
end

local function read_part(node, place)
  local part = { place = place, id = text(node, "Id"), account = account(node), entries = {} }
  part.balances = read_balances(node, place)
  for n, one in ipairs(children(node, "Ntry")) do
    part.entries[n] = read_entry(one, place .. "/Ntry[" .. n .. "]")
  end
  part.currency = text(node, "Acct", "Ccy") or part.balances.closing and part.balances.closing.currency
    or part.entries[1] and part.entries[1].amount.currency
  check_summary(node, part)
  part.balanced = check_balance(part)
  return part
end

local function find_message(root)
  if plain(root.name) == "Document" then
    for _, child in ipairs(root.children or {}) do
      if type(child) == "table" and KINDS[plain(child.name)] then
        return child, KINDS[plain(child.name)]
      end
    end
  end
  refuse("/Document", "this is no camt.052, camt.053 or camt.054")
end

local function read(bytes)
  local root, mistake = px.try(px.xml.decode, bytes)
  if not root then
    refuse(mistake.field or "line 1", mistake.detail or mistake.message)
  end
  local message, kind = find_message(root)
  local place = "/Document/" .. plain(message.name)
  local file = { type = kind.name, id = text(message, "GrpHdr", "MsgId"), made_at = text(message, "GrpHdr", "CreDtTm"), parts = {} }
  for n, node in ipairs(children(message, kind.part)) do
    file.parts[n] = read_part(node, place .. "/" .. kind.part .. "[" .. n .. "]")
  end
  if #file.parts == 0 then
    refuse(place .. "/" .. kind.part, "the file holds no statement: " .. kind.part .. " is missing")
  end
  return file
end

-- The file, or nil, the place and what is wrong there.
function M.read(bytes)
  local good, result = pcall(read, bytes)
  if good then
    return result
  elseif type(result) == "table" and result.camt then
    return nil, result.place, result.message
  end
  error(result, 0)
end

return M
