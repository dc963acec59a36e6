-- What scores mean: which is low, and what many of them are together.
local M = {}

-- NPS: 0 to 6 are detractors, 9 and 10 promoters. CSAT: 1 and 2 are unsatisfied, 4 and 5 satisfied.
local LOW <const> = { nps = 6, csat = 2 }
local HIGH <const> = { nps = 9, csat = 4 }

function M.is_low(kind, score, low_score)
  return score ~= nil and score <= (low_score or LOW[kind])
end

-- { [score] = how many } → NPS from -100 to 100, CSAT as the share of satisfied in per cent; nil when nobody answered.
function M.figure(kind, counts)
  local all, high, low = 0, 0, 0
  for score, n in pairs(counts) do
    all = all + n
    high = high + (score >= HIGH[kind] and n or 0)
    low = low + (score <= LOW[kind] and n or 0)
  end
  if all == 0 then
    return nil, 0
  end
  return 100 * (kind == "nps" and high - low or high) / all, all
end

return M
