-- Merge fields: what a text may name in braces, where it names something else, and the text with all of them filled.
local M = {}

--- What every text may name; a template adds its own in extra_fields.
M.FIELDS = {
  "name", "given_name", "family_name", "salutation", "job_title", "organisation", "sender", "our_company", "today",
}

local function at_line(text, position)
  local line, start = 1, 1
  for i in text:gmatch("()\n") do
    if i >= position then
      break
    end
    line, start = line + 1, i + 1
  end
  return line, px.text.len(text:sub(start, position - 1)) + 1
end

local function place(text, position, detail)
  local line, column = at_line(text, position)
  return string.format("line %d, column %d: %s", line, column, detail)
end

--- The parts of a text: { text } and { field, at }; nil and why, with the place, where a brace is not closed.
local function parts_of(text)
  local parts, from = {}, 1
  while true do
    local open = text:find("{", from, true)
    parts[#parts + 1] = { text = text:sub(from, (open or 0) - 1) }
    if not open then
      return parts
    end
    if text:sub(open + 1, open + 1) == "{" then
      parts[#parts + 1], from = { text = "{" }, open + 2
    else
      local name, close = text:match("^{%s*([%w_]+)%s*}()", open)
      if not name then
        return nil, place(text, open, "a brace opens no merge field; write {{ for a brace")
      end
      parts[#parts + 1], from = { field = name, at = open }, close
    end
  end
end

-- The name whose letters agree most from the start: enough for a slip of the finger.
local function nearest(name, known)
  local best, most = nil, 1
  for _, other in ipairs(known) do
    local same = 0
    while same < #name and name:sub(same + 1, same + 1) == other:sub(same + 1, same + 1) do
      same = same + 1
    end
    if same > most then
      best, most = other, same
    end
  end
  return best
end

--- The fields that this template may name.
function M.known(extra)
  local known, is_known = {}, {}
  for _, name in ipairs(M.FIELDS) do
    known[#known + 1], is_known[name] = name, true
  end
  for name in (extra or ""):gmatch("[%w_]+") do
    known[#known + 1], is_known[name] = name, true
  end
  return known, is_known
end

--- What is wrong with a text, with its place; nil when it can be merged.
function M.fault(text, extra)
  local parts, fault = parts_of(text)
  if not parts then
    return fault
  end
  local known, is_known = M.known(extra)
  for _, part in ipairs(parts) do
    if part.field and not is_known[part.field] then
      local near = nearest(part.field, known)
      local hint = near and ("; did you mean {" .. near .. "}?") or "; name it in extra_fields if the sender fills it"
      return place(text, part.at, "there is no merge field {" .. part.field .. "}" .. hint)
    end
  end
end

--- The text with its fields filled. What has no value stays in its braces and its name is added to `missing`.
function M.fill(text, values, missing)
  local out = {}
  for _, part in ipairs(parts_of(text) or {}) do
    local value = part.text or values[part.field]
    if value == nil then
      missing[part.field] = true
      value = "{" .. part.field .. "}"
    end
    out[#out + 1] = tostring(value)
  end
  return table.concat(out)
end

return M
