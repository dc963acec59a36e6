-- T8: nothing is presented without proof; after the sale somebody measures what came of it.
local kept_task <const> = require "kept_task"
local today <const> = require("days").today

local LIST_MAX <const> = 200
local MEASURE_AFTER <const> = "90d"

--- A proof of kind file counts once the file is there.
local function has_proof(proposition)
  local filter = { value_proposition = proposition, ["or"] = { { kind = { "ne", "file" } }, { file = { "is", "not_null" } } } }
  return px.store.first("value_proof", { filter = filter }) ~= nil
end

px.before("value_proposition.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.state == "presented" and not has_proof(draft.id) then
      px.refuse("state", "nothing is presented without proof: add a file, a case study or a reference client to value_proofs")
    end
    local measured_on = draft.measured_on
    if measured_on and measured_on ~= px.null and measured_on > today() then
      px.refuse("measured_on", "a result is measured today or before")
    end
  end
end)

local function result_origin(id)
  return "value:" .. id .. ":result"
end

px.on("opportunity.stage.won", { name = "value_results" }, function(event)
  local filter = { opportunity = event.id, state = { "in", { "presented", "accepted" } }, actual = { "is", "null" } }
  for _, proposition in ipairs(px.store.find("value_proposition", { filter = filter, limit = LIST_MAX })) do
    px.store.upsert("task", { origin = result_origin(proposition.id) }, {
      title = px.i18n.t("task_value_result", { name = proposition.name }, { language = px.config.get("language") }), state = "open",
      owner = proposition.owner or event.after.owner, organisation = event.after.organisation, opportunity = event.id,
      due = proposition.expected_by or today() + MEASURE_AFTER,
    })
  end
end)

px.on("value_proposition.updated", { name = "value_measured" }, function(event)
  if event.after.actual and not event.before.actual then
    kept_task.close(result_origin(event.id), "done")
  end
end)

local function proofs_of(proposition)
  local rows = {}
  for i, proof in ipairs(px.store.find("value_proof", { filter = { value_proposition = proposition }, order = "-dated", limit = LIST_MAX })) do
    rows[i] = { id = proof.id, name = proof.name, kind = proof.kind, file = proof.file, url = proof.url,
      reference = proof.reference, dated = proof.dated }
  end
  return px.json.list(rows)
end

-- GET /x/clients/value?need=ID | ?stakeholder=ID | ?opportunity=ID: what was promised, on what proof, and what came of it.
px.route("GET", "/value", function(request)
  local filter
  for _, field in ipairs { "need", "stakeholder", "opportunity" } do
    if request.query[field] then
      filter = { [field] = request.query[field] }
    end
  end
  if not filter then
    return px.http.problem(422, "required", "say of what: ?need=ID, ?stakeholder=ID or ?opportunity=ID", { pointer = "/need" })
  end
  local rows, counts = {}, { measured = 0, unknown = 0 }
  for i, one in ipairs(px.store.find("value_proposition", { filter = filter, order = "id", limit = LIST_MAX })) do
    local known = one.actual ~= nil
    counts.measured = counts.measured + (known and 1 or 0)
    counts.unknown = counts.unknown + (known and 0 or 1)
    rows[i] = { id = one.id, name = one.name, need = one.need, stakeholder = one.stakeholder, product = one.product,
      state = one.state, statement = one.statement, unit = one.unit, expected = one.expected, expected_by = one.expected_by,
      actual = one.actual, measured_on = one.measured_on, share_reached = one.share_reached, proofs = proofs_of(one.id) }
  end
  return { json = { propositions = px.json.list(rows), measured = counts.measured, result_unknown = counts.unknown } }
end)
