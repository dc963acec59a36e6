-- T1: needs are captured in the meeting where they were heard; what is lost or won changes what is said of them.
local body <const> = require "body"
local today <const> = require("days").today

local NEEDS_MAX <const> = 50
local LIST_MAX <const> = 1000
local SETTLED <const> = { "met", "dropped" }

px.before("need.create", function(drafts)
  for _, draft in ipairs(drafts) do
    draft.captured_on = draft.captured_on or today()
    if draft.captured_on > today() then
      px.refuse("captured_on", "a need is captured today or was before: give the day on which it was heard")
    end
  end
end)

-- Which need an opportunity was lost on is known again as a need without an answer.
px.on("opportunity.stage.lost", { name = "needs_unanswered" }, function(event)
  for _, need in ipairs(px.store.find("need", { filter = { met_by = { "has", event.id }, state = "addressed" }, limit = LIST_MAX })) do
    local update = { met_by = px.remove(event.id) }
    if #need.met_by == 1 then
      update.state = "confirmed"
    end
    px.store.update("need", need.id, update)
  end
end)

local function capture(interaction, organisation, item)
  local need = px.store.create("need", {
    name = item.name, organisation = item.organisation or organisation, people = item.people or interaction.people,
    products = item.products, priority = item.priority, evidence = item.evidence, source = interaction.id, owner = px.actor.user(),
    captured_on = item.captured_on or px.date.parse(px.date.format(interaction.at, "yyyy-mm-dd")),
  })
  px.store.link("interaction", interaction.id, "needs", need.id)
  return need.id
end

-- POST /x/clients/interactions/:id/needs: what was heard in one meeting, all or none.
px.route("POST", "/interactions/:id/needs", function(request)
  local interaction = px.store.get("interaction", request.params.id)
  if not interaction then
    return px.http.problem(404, "not_found", "no interaction with this id that you may read")
  end
  local items = body.of(request).needs
  if type(items) ~= "table" or #items == 0 or #items > NEEDS_MAX then
    return px.http.problem(422, "range", "needs is a list of 1 to " .. NEEDS_MAX .. " needs", { pointer = "/needs" })
  end
  local organisations = interaction.organisations or {}
  local only = #organisations == 1 and organisations[1] or nil
  for i, item in ipairs(items) do
    if not (item.organisation or only) then
      return px.http.problem(422, "required", "this meeting was not with one organisation alone: say whose need it is",
        { pointer = "/needs/" .. i - 1 .. "/organisation" })
    end
  end
  local made = px.store.tx(function()
    local ids = {}
    for i, item in ipairs(items) do
      ids[i] = capture(interaction, only, item)
    end
    return ids
  end)
  return { status = 201, json = { needs = made } }
end)

local function answer_of(need)
  local answers = {}
  for _, id in ipairs(need.met_by or {}) do
    local opportunity = px.store.get("opportunity", id)
    answers[#answers + 1] = opportunity and { id = id, name = opportunity.name, stage = opportunity.stage }
  end
  return answers
end

-- GET /x/clients/needs?organisation=ID: what is still needed, and whether anything of ours answers it.
px.route("GET", "/needs", function(request)
  local organisation = request.query.organisation
  if not organisation then
    return px.http.problem(422, "required", "say whose needs: ?organisation=ID", { pointer = "/organisation" })
  end
  local needs, next_page = px.store.find("need", { filter = { organisation = organisation, state = { "nin", SETTLED } },
    order = "captured_on", limit = tonumber(request.query.limit) or 100, after = request.query.after })
  local rows, unanswered = {}, 0
  for i, need in ipairs(needs) do
    local answers = answer_of(need)
    unanswered = unanswered + (#answers == 0 and 1 or 0)
    rows[i] = { id = need.id, name = need.name, priority = need.priority, state = need.state, people = need.people,
      products = need.products, captured_on = need.captured_on, answered_by = px.json.list(answers) }
  end
  return { json = { needs = px.json.list(rows), unanswered = unanswered, next = next_page } }
end)
