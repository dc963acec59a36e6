-- What a score is, from facts and a formula; nothing here reads or writes. Unknown is left out of the weights, never taken as good or bad.

local M = {}

M.SOURCES = { "last_contact", "contact_trend", "breadth", "our_promises", "their_promises", "signal" }

local LN2 <const> = math.log(2)
local FACTORS_MAX <const> = 40

--- The part that is left after `age` days: half after each half-life; all of it without one.
function M.decay(age, half_life)
  if not half_life then
    return 1
  end
  return math.exp(-LN2 * math.max(0, age) / half_life)
end

-- Each gives value (0 to 1), freshness (0 to 1) and the day of its evidence; nil: unknown.

local values = {}

function values.last_contact(factor, facts, today)
  if facts.contact_on then
    return M.decay(px.date.diff(today, facts.contact_on), factor.half_life_days or 30), 1, facts.contact_on
  end
end

function values.contact_trend(_, facts)
  local recent, earlier = facts.recent or 0, facts.earlier or 0
  if recent + earlier > 0 then
    return recent / (recent + earlier), 1
  end
end

function values.breadth(factor, facts)
  if (facts.people or 0) > 0 then
    return math.min(1, facts.people / (factor.target or 3)), 1
  end
end

local function kept_part(promises)
  local all = promises and promises.kept + promises.broken + promises.overdue or 0
  if all > 0 then
    return promises.kept / all, 1
  end
end

function values.our_promises(_, facts)
  return kept_part(facts.by_us)
end

function values.their_promises(_, facts)
  return kept_part(facts.to_us)
end

function values.signal(factor, facts, today)
  local signal = facts.signals and facts.signals[factor.name]
  if signal then
    return signal.value, M.decay(px.date.diff(today, signal.on), factor.half_life_days), signal.on
  end
end

local function digits(number, by)
  local rounded = math.floor(number * by + 0.5)
  return by == 1 and rounded or rounded / by
end

--- What is known of each factor on a day: { [name] = { value, fresh, on } }.
function M.read(formula, facts, today)
  local reads = {}
  for _, factor in ipairs(formula.factors) do
    local value, fresh, on = values[factor.source](factor, facts, today)
    if value then
      reads[factor.name] = { value = value, fresh = fresh, on = on }
    end
  end
  return reads
end

--- The figures of what is known: { score, coverage, points }. A factor's say is its weight as far as it is fresh, of all that is known.
function M.weigh(formula, reads)
  local all, known, sum = 0, 0, 0
  for _, factor in ipairs(formula.factors) do
    local read = reads[factor.name]
    all = all + factor.weight
    if read then
      local say = factor.weight * read.fresh
      known, sum = known + say, sum + say * read.value
    end
  end
  local points = {}
  for _, factor in ipairs(known > 0 and formula.factors or {}) do
    local read = reads[factor.name]
    if read then
      points[factor.name] = digits(100 * factor.weight * read.fresh * read.value / known, 10)
    end
  end
  local coverage = all > 0 and 100 * known / all or 0
  return {
    score = known > 0 and coverage >= formula.minimum_coverage and digits(100 * sum / known, 1) or nil,
    coverage = digits(coverage, 1), points = points,
  }
end

--- What is kept of the factors that have a say, by name, small.
function M.kept(reads, points)
  local kept = {}
  for name, of_all in pairs(points) do
    local read = reads[name]
    kept[name] = { value = digits(read.value, 100), fresh = digits(read.fresh, 100), points = of_all, on = read.on and tostring(read.on) }
  end
  return kept
end

--- The same figures with each factor beside them, known or not: { score, coverage, points, factors }.
function M.combine(formula, reads)
  local result = M.weigh(formula, reads)
  result.factors = {}
  for i, factor in ipairs(formula.factors) do
    local read = reads[factor.name]
    result.factors[i] = {
      name = factor.name, weight = factor.weight, value = read and digits(read.value, 100), fresh = read and digits(read.fresh, 100),
      on = read and read.on and tostring(read.on), points = result.points[factor.name],
    }
  end
  return result
end

--- Is it a number within these bounds, both included?
function M.number_in(value, least, most)
  return type(value) == "number" and value >= least and value <= most
end

local function is_source(word)
  for _, source in ipairs(M.SOURCES) do
    if word == source then
      return true
    end
  end
  return false
end

local function factor_fault(factor, names)
  if type(factor) ~= "table" then
    return "", "a factor is { name, weight, source }"
  elseif type(factor.name) ~= "string" or not factor.name:find("^[a-z][a-z0-9_]*$") or #factor.name > 40 then
    return "/name", "a factor's name is made of a-z, 0-9 and _, 40 at most"
  elseif names[factor.name] then
    return "/name", "this name stands twice; each factor has a name of its own"
  elseif not M.number_in(factor.weight, 0, 1000) or factor.weight == 0 then
    return "/weight", "a weight is above 0, 1000 at most"
  elseif not is_source(factor.source) then
    return "/source", "a source is one of " .. table.concat(M.SOURCES, ", ")
  elseif factor.half_life_days ~= nil and not M.number_in(factor.half_life_days, 1, 3650) then
    return "/half_life_days", "a half-life has 1 to 3650 days"
  elseif factor.target ~= nil and not M.number_in(factor.target, 1, 100) then
    return "/target", "a target has 1 to 100 people"
  end
end

--- The place and the sentence of what is wrong with a list of factors; nil when nothing is.
function M.fault(factors)
  if type(factors) ~= "table" or #factors == 0 or #factors > FACTORS_MAX then
    return "", "factors are a list of 1 to " .. FACTORS_MAX
  end
  local names = {}
  for i, factor in ipairs(factors) do
    local place, sentence = factor_fault(factor, names)
    if place then
      return "/" .. (i - 1) .. place, sentence
    end
    names[factor.name] = true
  end
end

--- What came with the program: contact and promises are seen by it, all else is told by signals.
M.DEFAULT = {
  { name = "last_contact", source = "last_contact", weight = 25, half_life_days = 45,
    label = { en = "last contact", el = "τελευταία επαφή" } },
  { name = "contact_trend", source = "contact_trend", weight = 10,
    label = { en = "trend of contacts", el = "τάση επαφών" } },
  { name = "breadth", source = "breadth", weight = 10, target = 3,
    label = { en = "people met", el = "πρόσωπα που συναντήσαμε" } },
  { name = "promises", source = "our_promises", weight = 15,
    label = { en = "our promises", el = "υποσχέσεις μας" } },
  { name = "satisfaction", source = "signal", weight = 15, half_life_days = 180,
    label = { en = "satisfaction", el = "ικανοποίηση" } },
  { name = "cases", source = "signal", weight = 10, half_life_days = 90,
    label = { en = "open cases and complaints", el = "ανοικτές υποθέσεις και παράπονα" } },
  { name = "payments", source = "signal", weight = 5, half_life_days = 180,
    label = { en = "payments on time", el = "έγκαιρες πληρωμές" } },
  { name = "contract", source = "signal", weight = 5, half_life_days = 90,
    label = { en = "contract's nearness to its end", el = "εγγύτητα λήξης σύμβασης" } },
  { name = "competition", source = "signal", weight = 5, half_life_days = 180,
    label = { en = "competitors' presence", el = "παρουσία ανταγωνιστών" } },
}

return M
