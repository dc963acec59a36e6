-- What orders and invoices share (C8): lines read from a request, with the catalogue's prices; sums written from the lines.

local catalogue <const> = require "catalogue"
local totals <const> = require "totals"

local M = {}

local LINES_MOST <const> = 500

local function at(n, field)
  return "lines/" .. n - 1 .. "/" .. field
end

local function read_number(said, where)
  local number = said ~= nil and px.try(px.decimal, type(said) == "number" and string.format("%.14g", said) or tostring(said))
  if not number then
    px.refuse(where, "a number, such as 2 or \"2.5\"")
  end
  return number
end

local function product_of(line, n)
  if line.product then
    return px.store.get("product", line.product) or px.refuse(at(n, "product"), "there is no such product")
  elseif line.sku then
    return px.store.first("product", { filter = { sku = line.sku } }) or px.refuse(at(n, "sku"), "there is no product of this article number")
  elseif not line.item_name then
    px.refuse(at(n, "product"), "a line names a product, a sku or an item_name")
  end
end

local function price_of(line, n, product, document, quantity)
  if line.price_amount ~= nil then
    local price = line.price_amount
    if type(price) ~= "table" or math.type(price.amount) ~= "integer" or price.amount < 0 or price.currency ~= document.currency then
      px.refuse(at(n, "price_amount"), "minor units, 0 or more, in " .. document.currency)
    end
    return px.money(price.amount, price.currency)
  end
  local best = product and catalogue.price_for { product = product.id, organisation = document.organisation, currency = document.currency,
    quantity = quantity, day = px.date.today(px.config.get("zone")) }
  if not best then
    px.refuse(at(n, "price_amount"), "no price list has a price: say it here")
  end
  return best.price.unit_price
end

local function read_line(line, n, document)
  if type(line) ~= "table" then
    px.refuse("lines/" .. n - 1, "a line is an object")
  end
  local product = product_of(line, n)
  local quantity = read_number(line.quantity, at(n, "quantity"))
  if quantity <= px.decimal("0") then
    px.refuse(at(n, "quantity"), "a quantity above zero")
  end
  local price = price_of(line, n, product, document, quantity)
  local percent = line.tax_percent ~= nil and read_number(line.tax_percent, at(n, "tax_percent")) or product and product.tax_percent
  return {
    position = n, product = product and product.id, item_name = line.item_name or product.name, quantity = quantity,
    unit_code = line.unit_code or product and product.unit_code, price_amount = price, tax_percent = percent or nil,
    line_extension_amount = totals.line_amount(quantity, price),
  }
end

-- document: organisation, currency. Each mistake is told with its line.
function M.read_lines(said, document)
  if type(said) ~= "table" or #said == 0 or #said > LINES_MOST then
    px.refuse("lines", "1 to " .. LINES_MOST .. " lines")
  end
  local lines = {}
  for n, line in ipairs(said) do
    lines[n] = read_line(line, n, document)
  end
  return lines
end

-- What the client reckoned must be what we reckon, to the cent.
function M.check_totals(said, sums)
  for field, expected in pairs(sums) do
    local given = type(said) == "table" and said[field]
    if given and expected ~= px.null and (given.amount ~= expected.amount or given.currency ~= expected.currency) then
      px.refuse("totals/" .. field, "the lines make " .. tostring(expected))
    end
  end
end

function M.write_lines(object, parent, id, lines)
  for _, line in ipairs(lines) do
    line[parent] = id
    px.store.create(object, line)
  end
end

function M.lines_of(object, parent, id)
  return (px.store.find(object, { filter = { [parent] = id }, order = "position", limit = 1000 }))
end

-- Sums of a document whose lines were changed one by one.
function M.sum_up(object, document, lines)
  for _, line in ipairs(lines) do
    local amount = totals.line_amount(line.quantity, line.price_amount)
    if not line.line_extension_amount or line.line_extension_amount.amount ~= amount.amount then
      px.store.update(object, line.id, { line_extension_amount = amount })
      line.line_extension_amount = amount
    end
  end
  return totals.of(lines, document.currency)
end

-- Refuses fields that the plugin keeps, when people or imports send them.
function M.keep(object, fields)
  local function look(drafts)
    for _, draft in ipairs(drafts) do
      for _, field in ipairs(fields) do
        if draft[field] ~= nil and draft[field] ~= px.null then
          px.refuse(field, "is reckoned from the lines, or given by the series; it is not written by hand")
        end
      end
    end
  end
  px.before(object .. ".create", look)
  px.before(object .. ".update", look)
end

-- Lines stand still once their document left the draft.
function M.lock_lines(object, parent, parent_object)
  local function look(drafts)
    for _, draft in ipairs(drafts) do
      local kept = draft.id and px.store.get(object, draft.id)
      for _, id in ipairs { draft[parent] or false, kept and kept[parent] or false } do
        local document = id and px.store.get(parent_object, id)
        if document and document.status ~= "draft" then
          px.refuse(parent, "lines change only while the document is a draft")
        end
      end
    end
  end
  for _, verb in ipairs { "create", "update", "delete" } do
    px.before(object .. "." .. verb, look)
  end
end

return M
