-- How many bonds were kept: with each playbook, and without any.
local M = {}

-- What we ended ourselves, or what was completed, was not lost; why it ended is unknown without a reason.
local NOT_LOST <const> = { completed = true, ended_by_us = true, merged = true }

--- "kept", "lost", or null where nobody said why it ended.
function M.outcome(bond)
  if not bond then
    return px.null
  elseif not bond.ended_on or NOT_LOST[bond.ended_reason] then
    return "kept"
  end
  return bond.ended_reason and "lost" or px.null
end

--- A health_score whose change since last week is a fall of so many points. An unknown change is none.
function M.has_fallen(score, points)
  return score.change ~= nil and -score.change >= points
end

function M.share(kept, lost)
  return kept + lost > 0 and kept / (kept + lost) or px.null
end

local function playbook_rows(from, to)
  local rows, order = {}, px.json.list {}
  for _, group in ipairs(px.store.aggregate("playbook_run", {
    group = { "playbook", "outcome" }, measures = { n = true }, filter = { started_on = { "between", { from, to } } },
  })) do
    local row = rows[group.playbook]
    if not row then
      local playbook = px.store.get("playbook", group.playbook)
      row = { playbook = group.playbook, name = playbook and playbook.name, runs = 0, kept = 0, lost = 0, unknown = 0 }
      rows[group.playbook], order[#order + 1] = row, row
    end
    row.runs = row.runs + group.n
    local outcome = (group.outcome == nil or group.outcome == px.null) and "unknown" or group.outcome
    row[outcome] = row[outcome] + group.n
  end
  for _, row in ipairs(order) do
    row.kept_share = M.share(row.kept, row.lost)
  end
  return order
end

local function distinct(filter)
  local row = px.store.aggregate("playbook_run", { measures = { n = { "distinct", "relationship" } }, filter = filter })[1]
  return row and row.n or 0
end

-- Bonds in our care that were never in a playbook: those that last, and those that were lost in the time.
local function without(from, to)
  local ended = { "between", { from, to } }
  local lost = px.store.count("relationship", { filter = { managed = true, ended_on = ended, ended_reason = { "in", { "lost", "ceased" } } } })
  local unknown = px.store.count("relationship", { filter = { managed = true, ended_on = ended, ended_reason = { "is", "null" } } })
  local lasting = px.store.count("relationship", { filter = { managed = true, ended_on = { "is", "null" } } })
  local in_time = { ["relationship.managed"] = true, ["relationship.ended_on"] = ended }
  local lost_with = distinct { ["relationship.managed"] = true, ["relationship.ended_on"] = ended,
    ["relationship.ended_reason"] = { "in", { "lost", "ceased" } } }
  in_time["relationship.ended_reason"] = { "is", "null" }
  local row = {
    kept = lasting - distinct { ["relationship.managed"] = true, ["relationship.ended_on"] = { "is", "null" } },
    lost = lost - lost_with,
    unknown = unknown - distinct(in_time),
  }
  row.kept_share = M.share(row.kept, row.lost)
  return row
end

function M.report(from, to)
  local rows, points, unknown = playbook_rows(from, to), px.json.list {}, 0
  for _, row in ipairs(rows) do
    if row.kept_share ~= px.null then
      points[#points + 1] = { x = row.name, y = row.kept_share }
    end
    unknown = unknown + row.unknown
  end
  local beside = without(from, to)
  return {
    report = "playbooks", unit = "share kept",
    series = {
      { name = "with", points = points },
      { name = "without", points = px.json.list(beside.kept_share ~= px.null and { { x = "without", y = beside.kept_share } } or {}) },
    },
    playbooks = rows, without = beside, unknown = unknown,
  }
end

return M
