-- The document of px.pdf as HTML: the same data, every text escaped.

local M = {}

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(text)
  return (tostring(text == nil and "" or text):gsub("[&<>\"']", ENTITIES))
end

local function put(out, ...)
  for _, text in ipairs { ... } do
    out[#out + 1] = text
  end
end

local BLOCKS <const> = {}

function BLOCKS.heading(out, block)
  local tag = "h" .. math.min(3, math.max(1, math.tointeger(block.level) or 1)) + 1
  put(out, "<", tag, ">", escape(block.text), "</", tag, ">\n")
end

function BLOCKS.paragraph(out, block)
  put(out, "<p>", (escape(block.text):gsub("\n", "<br>")), "</p>\n")
end

function BLOCKS.list(out, block)
  local tag = block.ordered and "ol" or "ul"
  put(out, "<", tag, ">\n")
  for _, item in ipairs(block.items or {}) do
    put(out, "<li>", escape(item), "</li>\n")
  end
  put(out, "</", tag, ">\n")
end

local function put_row(out, cells, tag)
  put(out, "<tr>")
  for _, cell in ipairs(cells) do
    put(out, "<", tag, ">", escape(cell), "</", tag, ">")
  end
  put(out, "</tr>\n")
end

function BLOCKS.table(out, block)
  put(out, "<table>\n")
  put_row(out, block.columns or {}, "th")
  for _, row in ipairs(block.rows or {}) do
    put_row(out, row, "td")
  end
  put(out, "</table>\n")
end

function BLOCKS.signatures(out, block)
  for _, party in ipairs(block.parties or {}) do
    put(out, "<p>____________________<br>", escape(party.name), "<br>", escape(party.capacity), "</p>\n")
  end
end

BLOCKS["break"] = function(out)
  put(out, "<hr>\n")
end

function M.render(document)
  local out = {}
  put(out, "<!doctype html>\n<html lang=\"", escape(document.language), "\">\n<head><meta charset=\"utf-8\"><title>",
    escape(document.title), "</title></head>\n<body>\n")
  if document.header then
    put(out, "<header>", escape(document.header), "</header>\n")
  end
  put(out, "<h1>", escape(document.title), "</h1>\n")
  for _, block in ipairs(document.blocks or {}) do
    local draw = BLOCKS[block.kind or "paragraph"]
    if not draw then
      return nil, "there is no block of kind " .. tostring(block.kind)
    end
    draw(out, block)
  end
  if document.footer then
    put(out, "<footer>", escape(document.footer), "</footer>\n")
  end
  put(out, "</body>\n</html>\n")
  return table.concat(out)
end

return M
