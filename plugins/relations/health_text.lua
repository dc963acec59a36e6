-- What changed, in one sentence, in either language.

local M = {}

local function label(formula, name, language)
  for _, factor in ipairs(formula.factors) do
    if factor.name == name then
      return factor.label and factor.label[language] or name
    end
  end
  return name
end

--- The factor that moved the score most in the direction in which it went; nil when none did.
function M.mover(before, after, sign)
  local best, most = nil, 0
  for name, points in pairs(after) do
    local moved = sign * (points - (before[name] or 0))
    if moved > most or (moved == most and best and name < best) then
      best, most = name, moved
    end
  end
  for name, points in pairs(before) do
    local moved = after[name] == nil and -sign * points or 0
    if moved > most or (moved == most and moved > 0 and name < best) then
      best, most = name, moved
    end
  end
  return best
end

local function key_of(now, before)
  if not now.score then
    return "health.unknown_now"
  elseif not before or not before.score then
    return "health.unknown_before"
  elseif now.score == before.score then
    return "health.same"
  end
  return now.score > before.score and "health.rose" or "health.fell"
end

-- A night's bonds share few sentences: what was said is kept and said again.
local SAID_MAX <const> = 2000
local said, said_count = {}, 0

local function sentence(key, values, language)
  local word = table.concat({ language, key, values.coverage, values.since, values.count or "", values.factor or "" }, "\0")
  if not said[word] then
    if said_count == SAID_MAX then
      said, said_count = {}, 0
    end
    said[word], said_count = px.i18n.t(key, values, { language = language }), said_count + 1
  end
  return said[word]
end

--- The points gained since the point of last week, nil when unknown, and the sentence in English and Greek.
function M.change(formula, now, before)
  local key = key_of(now, before)
  local change = now.score and before and before.score and now.score - before.score or nil
  local values, mover = { coverage = now.coverage, since = before and px.date.format(before.week, "dd/mm/yyyy") or "" }, nil
  if change and change ~= 0 then
    mover = M.mover(before.points or {}, now.points, change > 0 and 1 or -1)
    values.count, values.factor = math.abs(change), ""
    key = mover and key or key .. "_plain"
  end
  local both = {}
  for i, language in ipairs { "en", "el" } do
    values.factor = mover and label(formula, mover, language) or values.factor
    both[i] = sentence(key, values, language)
  end
  return change, both[1], both[2]
end

return M
