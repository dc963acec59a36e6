-- Inside and around the company: rates of exchange, budgets and what was spent, deliveries, duties to authorities, trends.
local chance <const> = require "chance"
local make <const> = require "make"
local names <const> = require "names"
local parties <const> = require "parties"
local plan <const> = require "plan"

local M = {}

M.RATES, M.DELIVERIES_EACH, M.DUTIES, M.TRENDS = 37, 6, 12, 6
local UNITS <const> = { "sales", "supply", "operations", "finance" }
local DUTIES <const> = { "Δήλωση αποβλήτων", "Έλεγχος ασφαλείας", "Στατιστική αναφορά", "Report on packaging" }

--- A rate each month, near one another.
function M.rate(i, last)
  local draw = chance.stream("rate:" .. i)
  make.create("exchange_rate", "rate:" .. i, {
    base = "EUR", currency = "USD", rate = px.decimal(string.format("1.%04d", 400 + draw.upto(1200))), on = plan.day(last, (M.RATES - i) * 30),
    source = "demo",
  })
end

--- One unit's budget of this year and what it spent month by month.
function M.budget(i, ids, last)
  local unit = UNITS[i]
  local draw, year = chance.stream("budget:" .. unit), px.date.format(last, "yyyy")
  local amount = (20 + draw.upto(60)) * 1000000
  local budget = make.create("budget", "budget:" .. unit, {
    name = "Budget " .. year, unit = ids.organisation["unit:" .. unit], starts_on = year .. "-01-01", ends_on = year .. "-12-31",
    amount = px.money(amount, "EUR"),
  })
  for month = 1, last.month - 1 do
    make.create("cost_entry", string.format("cost:%s:%d", unit, month), {
      title = string.format("%s-%02d", year, month), budget = budget, amount = px.money(amount * (4 + draw.upto(6)) // 100, "EUR"),
      booked_on = string.format("%s-%02d-28", year, month),
    })
  end
end

--- What a supplier delivered in the last year: late ones among them.
function M.deliveries(i, ids, last)
  if not parties.has_role(i, "supplier") then
    return
  end
  local draw = chance.stream("deliveries:" .. i)
  local late = draw.share() * 0.5
  for n = 1, M.DELIVERIES_EACH do
    local promised, ordered = draw.upto(350) + 10, 10 * draw.upto(50)
    make.create("delivery", string.format("delivery:%d:%d", i, n), {
      title = string.format("%d/%d", i, n), supplier = ids.organisation["organisation:" .. i], promised_on = plan.day(last, promised),
      delivered_on = plan.day(last, promised - (draw.often(late) and draw.upto(9) or 0)), quantity_ordered = ordered, quantity_delivered = ordered,
      quantity_rejected = draw.often(0.1) and draw.upto(10) or 0,
    })
  end
end

function M.duty(i, authorities, ids, last)
  local draw = chance.stream("duty:" .. i)
  if #authorities == 0 then
    return
  end
  make.create("authority_duty", "duty:" .. i, {
    title = DUTIES[(i - 1) % #DUTIES + 1] .. " " .. i, authority = ids.organisation["organisation:" .. draw.pick(authorities)],
    unit = ids.organisation["unit:" .. draw.pick(UNITS)], first_due_on = last + (draw.upto(80) .. "d"), every_months = draw.pick { 3, 6, 12 },
  })
end

function M.trend(i, last)
  local draw = chance.stream("trend:" .. i)
  local industry = draw.pick(names.industry)
  local trend = make.create("trend", "trend:" .. i, {
    title = "Energy prices in " .. industry, source = "Trade press", observed_on = plan.day(last, draw.upto(90)), confidence = draw.pick { "low", "medium", "high" },
  })
  make.create("trend_industry", "trend_industry:" .. i, { trend = trend, industry = industry })
end

return M
