-- How bonds are kept: what was promised, what clients answered, contracts on both sides, what broke and was mended.
local chance <const> = require "chance"
local dealings <const> = require "dealings"
local make <const> = require "make"
local parties <const> = require "parties"
local plan <const> = require "plan"

local M = {}

local PROMISES_EVERY <const>, CONTRACTS_EVERY <const>, CASES_EVERY <const> = 3, 4, 6

local function organisation_of(bond, ids)
  return ids.organisation["organisation:" .. bond.organisation]
end

--- Those bonds that still are, one in so many.
local function live(index, bond, every)
  return index % every == 0 and not dealings.fate(bond).lost_ago
end

local function past_promise(key, bond, fields, draw, last)
  local due = draw.upto(300) + 10
  local kept = draw.often(0.5 + 0.45 * dealings.fate(bond).care)
  fields.due = plan.day(last, due)
  local id = make.create("promise", key, fields)
  px.store.update("promise", id, {
    state = kept and "kept" or "broken", closed_on = plan.day(last, due - (kept and 0 or draw.upto(9))),
    reason = not kept and "—" or nil,
  })
end

function M.promises(index, bond, ids, last, keeper)
  if not live(index, bond, PROMISES_EVERY) then
    return
  end
  local draw = chance.stream("promise:" .. bond.key)
  local function fields()
    return {
      text = draw.pick(parties.words_of(bond.organisation).promise), organisation = organisation_of(bond, ids),
      relationship = ids.bond["bond:" .. bond.key], direction = draw.often(0.7) and "by_us" or "to_us", owner = keeper(index),
    }
  end
  past_promise("promise:" .. bond.key .. ":1", bond, fields(), draw, last)
  if draw.often(0.3) then
    local open = fields()
    open.due = last + (draw.upto(25) .. "d")
    make.create("promise", "promise:" .. bond.key .. ":2", open)
  end
end

--- The question that clients are asked; its id.
function M.questionnaire()
  local key = "questionnaire:year"
  return make.find("questionnaire", key) or make.create("questionnaire", key, {
    name = "Yearly question", kind = "nps", question = "How likely would you recommend us?", question_el = "Πόσο πιθανό είναι να μας συστήσετε;",
  })
end

--- What a client answers follows how he was really looked after, more or less; two of five do not answer.
function M.answer(index, bond, ids, last, questionnaire)
  local draw = chance.stream("answer:" .. bond.key)
  if bond.role ~= "client" or not live(index, bond, 1) or draw.often(0.4) then
    return
  end
  local asked = 20 + draw.upto(300)
  local score = math.floor(10 * (0.7 * dealings.fate(bond).care + 0.3 * draw.share()) + 0.5)
  make.create("satisfaction_answer", "answer:" .. bond.key, {
    questionnaire = questionnaire, kind = "nps", organisation = organisation_of(bond, ids), relationship = ids.bond["bond:" .. bond.key],
    asked_on = plan.day(last, asked), answered_on = plan.day(last, asked - draw.upto(15)), score = math.min(10, math.max(0, score)),
  })
end

--- A contract in force whose term ends some time within the next 14 months, on either side.
function M.contract(index, bond, ids, last, keeper)
  if not live(index, bond, CONTRACTS_EVERY) then
    return
  end
  local draw = chance.stream("contract:" .. bond.key)
  local notice, client = draw.pick { 30, 60, 90 }, bond.role == "client"
  local ends, renews = notice - 5 + draw.upto(400), draw.often(0.5) -- of a few the last day to give notice has passed
  local id = make.create("contract", "contract:" .. bond.key, {
    name = (parties.words_of(bond.organisation).language == "el" and "Σύμβαση " or "Contract ") .. bond.organisation,
    side = client and "client" or bond.role == "partner" and "other" or "supplier", party = organisation_of(bond, ids),
    relationship = ids.bond["bond:" .. bond.key], value = px.money(draw.upto(200) * 50000, "EUR"),
    starts_on = plan.day(last, 1095 - ends), ends_on = last + (ends .. "d"), notice_count = notice, notice_unit = "days",
    auto_renew = renews, renewal_term_months = renews and 12 or nil, owner = keeper(index),
  })
  for _, stage in ipairs { "in_signature", "signed", "in_force" } do
    px.store.update("contract", id, { stage = stage })
  end
end

--- How soon clients are answered.
function M.service_level()
  local key = "sla_policy:all"
  if not make.find("sla_policy", key) then
    make.create("sla_policy", key, { name = "All clients", response_count = 8, resolution_count = 24 })
  end
end

--- What broke: most of it is mended.
function M.case(index, bond, ids, last, keeper)
  if bond.role ~= "client" or not live(index, bond, CASES_EVERY) then
    return
  end
  local draw, words = chance.stream("case:" .. bond.key), parties.words_of(bond.organisation)
  local id = make.create("case", "case:" .. bond.key, {
    subject = words.subject[5], organisation = organisation_of(bond, ids), relationship = ids.bond["bond:" .. bond.key],
    priority = draw.pick { "low", "normal", "normal", "high" }, reported_at = plan.instant(last, draw.upto(6) - 1, draw.upto(300)), owner = keeper(index),
  })
  if draw.often(0.7) then
    px.store.update("case", id, { status = "resolved", resolution = words.language == "el" and "Έγινε νέα παράδοση" or "Delivered again" })
  end
end

return M
