-- Structured creditor references (ISO 11649), as Greek and other banks carry them: RF, two check digits, up to 21 letters or digits. Pure.

local M = {}

local BODY_MOST <const> = 21

-- The remainder by 97 of letters and digits, A being 10 and Z 35, as for an IBAN.
local function remainder(text)
  local rest = 0
  for n = 1, #text do
    local value = tonumber(text:sub(n, n), 36)
    rest = (rest * (value > 9 and 100 or 10) + value) % 97
  end
  return rest
end

-- As it is written on paper, with blanks and small letters, or as banks send it.
function M.normalise(text)
  return (text:gsub("[%s%-]", ""):upper())
end

function M.is_reference(text)
  local plain = M.normalise(text)
  return plain:find("^RF%d%d%w+$") ~= nil and #plain <= BODY_MOST + 4
end

function M.is_valid(text)
  local plain = M.normalise(text)
  return M.is_reference(plain) and remainder(plain:sub(5) .. plain:sub(1, 4)) == 1
end

-- The reference of a document number: its letters and digits, the last 21 of them.
function M.make(number)
  local body = number:gsub("[^%w]", ""):upper():sub(-BODY_MOST)
  return string.format("RF%02d%s", 98 - remainder(body .. "RF00"), body)
end

-- Every valid reference that stands in a text, also one written in groups of four.
function M.find_all(text)
  local found = {}
  local upper = text:upper()
  local from = 1
  while true do
    local begins = upper:find("RF%d%d", from)
    if not begins then
      return found
    end
    local best
    local plain = ""
    for n = begins, math.min(#upper, begins + 40) do
      local character = upper:sub(n, n)
      if character:find("%w") then
        plain = plain .. character
        if #plain > 4 and M.is_valid(plain) and not upper:sub(n + 1, n + 1):find("%w") then
          best = plain
        end
      elseif character ~= " " then
        break
      end
    end
    found[#found + 1] = best
    from = begins + 4
  end
end

return M
