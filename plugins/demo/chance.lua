-- Chance that is the same everywhere and at every start: each thing draws from a stream of its own, named by what it is, so that
-- what was begun before a crash goes on as it would have. Park–Miller.
local MODULUS <const> = 2147483647

local M = {}

local function seed_of(text)
  local seed = 7919
  for i = 1, #text do
    seed = (seed * 131 + string.byte(text, i)) % MODULUS
  end
  return seed > 0 and seed or 1
end

--- A stream: stream.upto(n) → 1 … n, stream.share() → 0 … 1, stream.pick(list), stream.often(p).
function M.stream(name)
  local state = seed_of(name)
  local stream = {}
  local function next_state()
    state = state * 16807 % MODULUS
    return state
  end
  for _ = 1, 3 do -- names that differ in their last letter begin near one another
    next_state()
  end
  function stream.upto(n)
    return next_state() % n + 1
  end
  function stream.share()
    return next_state() / MODULUS
  end
  function stream.pick(list)
    return list[next_state() % #list + 1]
  end
  function stream.often(probability)
    return next_state() / MODULUS < probability
  end
  return stream
end

return M
