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

--- The points gained since the point of last week, nil when unknown, and the sentence in a language.
function M.change(formula, now, before, language)
  local key = key_of(now, before)
  local change = now.score and before and before.score and now.score - before.score or nil
  local values = { coverage = now.coverage, since = before and px.date.format(before.week, "dd/mm/yyyy") or "" }
  if change and change ~= 0 then
    local mover = M.mover(before.points or {}, now.points, change > 0 and 1 or -1)
    values.count = math.abs(change)
    values.factor = mover and label(formula, mover, language) or ""
    key = mover and key or key .. "_plain"
  end
  return change, px.i18n.t(key, values, { language = language })
end

return M
