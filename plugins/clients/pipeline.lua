-- T9: an opportunity's place in its pipeline and relations' own stage say the same; each move is noted with the time spent.
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

local DAY_SECONDS <const> = 86400

-- ---- pipelines that come with the program; users change them and add their own ----

local SEEDS <const> = {
  { code = "sales", name = "Sales", name_el = "Πωλήσεις", stages = {
    { "lead", "Lead", "Επαφή", 10, "prospecting" }, { "needs", "Needs known", "Γνωστές ανάγκες", 25, "engaging" },
    { "proposal", "Proposal made", "Έγινε πρόταση", 50, "engaging" }, { "negotiation", "Negotiation", "Διαπραγμάτευση", 75, "engaging" },
    { "won", "Won", "Κερδήθηκε", 100, "won" }, { "lost", "Lost", "Χάθηκε", 0, "lost" } } },
  { code = "renewals", name = "Renewals", name_el = "Ανανεώσεις", stages = {
    { "ahead", "Ahead", "Έρχεται", 60, "prospecting" }, { "talks", "In talks", "Σε συζήτηση", 80, "engaging" },
    { "won", "Renewed", "Ανανεώθηκε", 100, "won" }, { "lost", "Not renewed", "Δεν ανανεώθηκε", 0, "lost" } } },
}

local function sow(seed)
  local pipeline = px.store.create("pipeline", { code = seed.code, name = seed.name, name_el = seed.name_el })
  for place, stage in ipairs(seed.stages) do
    px.store.create("pipeline_stage", { pipeline = pipeline.id, code = seed.code .. "." .. stage[1], name = stage[2],
      name_el = stage[3], place = place, probability = stage[4], stage = stage[5] })
  end
end

px.start(function()
  px.store.tx(function()
    if not px.store.first("pipeline") then
      for _, seed in ipairs(SEEDS) do
        sow(seed)
      end
    end
  end)
end)

-- ---- both stages say the same ----

local function is_set(value)
  return value ~= nil and value ~= px.null
end

local function take_pipeline_stage(draft, current)
  local target = px.store.get("pipeline_stage", draft.pipeline_stage)
  if not target then
    return -- the check of references says so
  end
  local stage = draft.stage or current and current.stage or "prospecting"
  if draft.stage and current and draft.stage ~= current.stage and draft.stage ~= target.stage then
    px.refuse("pipeline_stage", "this pipeline stage is one of " .. target.stage .. ", the stage given is " .. draft.stage
      .. ": give one of the two")
  end
  if not current and target.stage ~= stage then
    px.refuse("pipeline_stage", "a new opportunity begins in a pipeline stage of " .. stage .. "; move it on afterwards")
  end
  if target.stage ~= stage then
    draft.stage = target.stage
  end
  if draft.probability == nil then
    draft.probability = target.probability
  end
end

-- The opportunity moved by relations' own stage: its place in the pipeline follows.
local function follow_stage(draft, current)
  if is_set(current.pipeline_stage) then
    local here = px.store.get("pipeline_stage", current.pipeline_stage)
    local there = here and px.store.first("pipeline_stage", {
      filter = { pipeline = here.pipeline, stage = draft.stage }, order = "place" })
    if there then
      draft.pipeline_stage, draft.probability = there.id, draft.probability or there.probability
    end
  elseif draft.stage == "won" or draft.stage == "lost" then
    draft.probability = draft.stage == "won" and 100 or 0
  elseif current.stage == "lost" then
    draft.probability = draft.probability or px.null
  end
end

local function note_end(draft, current)
  local ends = draft.stage == "won" or draft.stage == "lost"
  if ends and not is_set(draft.closed_on) and not current.closed_on then
    draft.closed_on = today()
  elseif not ends and current.stage == "lost" then
    draft.closed_on = draft.closed_on or px.null
    draft.lost_reason, draft.lost_to = px.null, px.null
  end
end

px.before("opportunity.create", function(drafts)
  for _, draft in ipairs(drafts) do
    if is_set(draft.pipeline_stage) then
      take_pipeline_stage(draft)
    end
  end
end)

px.before("opportunity.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if is_set(draft.pipeline_stage) or is_set(draft.stage) then
      local current = px.store.get("opportunity", draft.id)
      if current and is_set(draft.pipeline_stage) and draft.pipeline_stage ~= current.pipeline_stage then
        take_pipeline_stage(draft, current)
      elseif current and is_set(draft.stage) and draft.stage ~= current.stage then
        follow_stage(draft, current)
      end
      if current and is_set(draft.stage) and draft.stage ~= current.stage then
        note_end(draft, current)
      end
    end
  end
end)

-- ---- the log of stages ----

-- Plugins' own writes pass no hook, and who may not see pipelines cannot move in them: the plugin puts right what they left apart.
local function put_right(id, opportunity)
  local here = opportunity.pipeline_stage and px.store.get("pipeline_stage", opportunity.pipeline_stage)
  if not here or here.stage == opportunity.stage then
    return
  end
  local there = px.store.first("pipeline_stage", { filter = { pipeline = here.pipeline, stage = opportunity.stage }, order = "place" })
  if there then
    px.store.update("opportunity", id, { pipeline_stage = there.id, probability = there.probability })
  end
end

px.on("opportunity.updated", { key = "id", name = "stage_log" }, function(event)
  local before, after = event.before, event.after
  if before.stage == after.stage and before.pipeline_stage == after.pipeline_stage then
    return
  end
  put_right(event.id, after)
  local last = px.store.first("stage_change", { filter = { opportunity = event.id }, order = "-changed_at" })
  local since = last and last.changed_at or after.created_at
  local seconds = math.max(0, px.date.diff(event.at, since, "seconds"))
  px.store.create("stage_change", {
    opportunity = event.id, from_stage = before.stage, to_stage = after.stage,
    from_pipeline_stage = before.pipeline_stage, to_pipeline_stage = after.pipeline_stage,
    changed_at = event.at, changed_by = event.actor, days_in_stage = px.decimal.div(seconds, DAY_SECONDS, 2),
  })
end)

-- ---- hand-over to sales ----

local function handover_origin(id)
  return "sales_handover:" .. id
end

local function close_handover(id)
  kept_task.close(handover_origin(id), "done")
end

px.before("sales_handover.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local current = px.store.get("sales_handover", draft.id)
    local answers = draft.state == "accepted" or draft.state == "declined"
    if current and answers and current.state == "offered" and px.actor.user() ~= current.receiver then
      px.refuse("state", "a hand-over is accepted or declined by its receiver alone")
    end
  end
end)

px.on("sales_handover.state.offered", { name = "handover_offered" }, function(event)
  local offered = event.after
  px.store.upsert("task", { origin = handover_origin(event.id) }, {
    title = px.i18n.t("task_handover", { name = offered.name }, { language = px.config.get("language") }), description = offered.reason, state = "open",
    owner = offered.receiver, organisation = offered.organisation,
    due = px.clock.calendar(px.config.get("calendar")).add(today(), 2),
  })
end)

px.on("sales_handover.state.accepted", { name = "handover_accepted" }, function(event)
  local accepted = event.after
  close_handover(event.id)
  local opportunity = px.store.create("opportunity", { name = accepted.name, organisation = accepted.organisation,
    product = accepted.product, owner = accepted.receiver, lead_source = "hand_over" })
  px.store.update("sales_handover", event.id, { opportunity = opportunity.id })
  if accepted.need then
    px.store.link("need", accepted.need, "met_by", opportunity.id)
  end
end)

px.on("sales_handover.state.declined", { name = "handover_declined" }, function(event)
  close_handover(event.id)
end)
