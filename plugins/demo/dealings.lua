-- What went on in three years: bonds and how well they were kept, what was said, what was sold. Whether a bond is lost is decided by how it
-- was looked after in truth, which nobody sees, and by chance; never by the figures that the program computes from what is visible.
local chance <const> = require "chance"
local make <const> = require "make"
local parties <const> = require "parties"
local plan <const> = require "plan"

local M = {}

local KINDS <const> = { client = "client_of", supplier = "supplier_of", service_provider = "service_provider_of", partner = "partner_of" }
local BOND_ROLES <const> = { "client", "supplier", "service_provider", "partner" }
local CONTACTS <const> = { "meeting", "call", "call", "email", "email", "visit", "note" }
local KEPT_BY_ADMIN <const> = 4 -- every fourth bond

--- Every bond that there is: { i = organisation, role }, in order.
function M.bonds(organisations)
  local bonds = {}
  for i = 1, organisations do
    for _, role in ipairs(BOND_ROLES) do
      if parties.has_role(i, role) then
        bonds[#bonds + 1] = { organisation = i, role = role, key = role .. ":" .. i }
      end
    end
  end
  return bonds
end

--- What became of a bond: how well it was really kept (0 to 1), when it began, and how many days ago it was lost, if it was.
function M.fate(bond)
  local draw = chance.stream("fate:" .. bond.key)
  local care = draw.share()
  local began = 300 + draw.upto(plan.DAYS - 300)
  local shock = draw.often(0.04) -- a sale of the company, a cheaper offer: nobody's fault
  local lost = shock or draw.often(0.3 * (1 - care) ^ 2)
  return { care = care, began = began, lost_ago = lost and draw.upto(began - 120) or nil, draw = draw }
end

--- Is this bond the administrator's own?
function M.is_kept(index)
  return index % KEPT_BY_ADMIN == 0
end

--- ids: { organisation = key → id, type = code → id }; keeper: whose every fourth bond is.
function M.bond(index, bond, ids, last, keeper)
  local fate = M.fate(bond)
  make.create("relationship", "bond:" .. bond.key, {
    type = ids.type[KINDS[bond.role]], source = ids.organisation["organisation:" .. bond.organisation], target = ids.organisation[parties.US],
    managed = true, owner = M.is_kept(index) and keeper or nil,
    value_at_stake = px.money((10 + fate.draw.upto(490)) * 50000, bond.organisation % 12 == 0 and "USD" or "EUR"),
    started_on = plan.day(last, fate.began), ended_on = fate.lost_ago and plan.day(last, fate.lost_ago) or nil,
    ended_reason = fate.lost_ago and "lost" or nil, contact_every_days = fate.draw.pick { 30, 60, 90 }, contact_hours = px.decimal("0.5"),
  })
end

--- Who cares calls: more often where a bond is looked after, with chance in it, until it is lost.
function M.contacts(bond, ids, last, people)
  local fate = M.fate(bond)
  local draw, words = chance.stream("contacts:" .. bond.key), parties.words_of(bond.organisation)
  local organisation = ids.organisation["organisation:" .. bond.organisation]
  local every = math.floor(40 + 160 * (0.6 * (1 - fate.care) + 0.4 * draw.share()))
  local ago, n = fate.began - draw.upto(20), 0
  while ago > (fate.lost_ago or 0) + 1 do
    n = n + 1
    local person = people[bond.organisation] and draw.pick(people[bond.organisation])
    make.create("interaction", "contact:" .. bond.key .. ":" .. n, {
      kind = draw.pick(CONTACTS), subject = draw.pick(words.subject), at = plan.instant(last, ago, draw.upto(540)),
      organisations = { organisation }, people = person and { person } or nil, status = "held",
      direction = draw.often(0.6) and "outbound" or "inbound", duration_minutes = 5 + draw.upto(85),
    })
    ago = ago - every // 2 - draw.upto(every)
  end
end

function M.product(i)
  local draw = chance.stream("product:" .. i)
  make.create("product", "product:" .. i, {
    name = (i % 3 == 0 and "Series " or "Σειρά ") .. i, series = draw.pick { "Α", "Β", "Γ" }, price = px.money(draw.upto(900) * 1000, "EUR"),
  })
end

--- A sale in the making: begun within the three years, closed some weeks later, or still open.
function M.opportunity(i, buyers, ids, last, products)
  local draw = chance.stream("opportunity:" .. i)
  local buyer = buyers[draw.upto(#buyers)]
  local engaged = draw.upto(plan.DAYS - 60)
  local closed = engaged - 20 - draw.upto(100)
  local stage = closed <= 0 and #ids.pipeline_stage > 0 and draw.pick(ids.pipeline_stage) or nil
  local id = make.create("opportunity", "opportunity:" .. i, {
    name = parties.words_of(buyer).deal .. " " .. i, organisation = ids.organisation["organisation:" .. buyer],
    product = ids.product["product:" .. draw.upto(products)], value = px.money(draw.upto(400) * 25000, "EUR"),
    engaged_on = plan.day(last, engaged), pipeline_stage = stage and stage.id, probability = stage and stage.probability,
    expected_close_on = closed <= 0 and last + (-closed + draw.upto(90) .. "d") or nil,
  })
  px.store.update("opportunity", id, { stage = "engaging" })
  if closed > 0 then
    px.store.update("opportunity", id, { stage = draw.often(0.58) and "won" or "lost", closed_on = plan.day(last, closed) })
  end
end

return M
