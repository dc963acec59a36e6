-- B5: negotiations issue by issue; only the team writes in one, and whoever wants nobody else to read puts it into a compartment.
local ask <const> = require "ask"
local duties <const> = require "duties"
local kept <const> = require "kept"
local talks <const> = require "talks"

local MOST <const> = 200
local value <const> = kept.value

duties.track { object = "negotiation", due = "next_round_on", state = "state", open = "open", done = { "agreed", "failed" },
  title = "negotiations.round", name = "title", organisation = "party" }

local function is_team(negotiation)
  local user = px.actor.user()
  if not user or negotiation.owner == user then
    return true
  end
  for _, member in ipairs(negotiation.team or {}) do
    if member == user then
      return true
    end
  end
  return false
end

--- The negotiation that a draft belongs to; a part has its owner and compartment.
local function belong(draft, negotiation)
  if not negotiation then
    return
  end
  if not is_team(negotiation) then
    px.refuse(nil, px.i18n.t("negotiations.team"))
  end
  if negotiation.state == "agreed" then
    px.refuse(nil, px.i18n.t("negotiations.over"))
  end
  draft.owner, draft.compartment = negotiation.owner, negotiation.compartment
end

local function negotiation_of_issue(id)
  local issue = id and px.store.get("negotiation_issue", id)
  return issue and px.store.get("negotiation", issue.negotiation)
end

local function team_only(object, find)
  px.before(object .. ".create", function(drafts)
    for _, draft in ipairs(drafts) do
      belong(draft, find(draft))
    end
  end)
  px.before(object .. ".update", function(drafts)
    for _, draft in ipairs(drafts) do
      local negotiation = find(kept.whole(object, draft))
      if negotiation and not is_team(negotiation) then
        px.refuse(nil, px.i18n.t("negotiations.team"))
      end
    end
  end)
end

team_only("negotiation_issue", function(issue) return value(issue.negotiation) and px.store.get("negotiation", issue.negotiation) end)
team_only("concession", function(one) return negotiation_of_issue(value(one.issue)) end)

-- What is agreed is agreed on every issue.
px.before("negotiation.update", function(drafts)
  for _, draft in ipairs(drafts) do
    local before = px.store.get("negotiation", draft.id)
    if before and not is_team(before) then
      px.refuse(nil, px.i18n.t("negotiations.team"))
    end
    local open = draft.state == "agreed" and px.store.first("negotiation_issue", { filter = { negotiation = draft.id, agreed = px.null } })
    if open then
      px.refuse("state", px.i18n.t("negotiations.not_all", { title = open.title }))
    end
    if draft.state == "agreed" or draft.state == "failed" then
      draft.closed_on = value(draft.closed_on) or px.date.today(px.config.get("zone"))
    end
  end
end)

-- The newest concession of a side is its position.
px.on("concession.*", { key = "issue" }, function(event)
  local one = event.after or event.before
  local last = px.store.first("concession", { filter = { issue = one.issue, side = one.side }, order = "-made_on,-created_at" })
  if last and px.store.get("negotiation_issue", one.issue) then
    px.store.update("negotiation_issue", one.issue, { [one.side] = last.to_value })
  end
end)

local function concessions(issue)
  local rows, by = {}, { ours = 0, theirs = 0 }
  for i, one in ipairs(px.store.find("concession", { filter = { issue = issue.id }, order = "made_on", limit = MOST })) do
    by[one.side] = by[one.side] + 1
    rows[i] = { side = one.side, on = one.made_on, from = one.from_value or px.null, to = one.to_value, reason = one.reason or px.null }
  end
  return rows, by
end

-- GET /x/business/negotiations/:id: for the team, positions and concessions; for everybody who sees it, where it stands.
px.route("GET", "/negotiations/:id", function(request)
  local negotiation = px.try(px.store.get, "negotiation", request.params.id)
  if not negotiation then
    return px.http.problem(404, "not_found", px.i18n.t("negotiations.none"))
  end
  local team, rows, moves = is_team(negotiation), {}, { ours = 0, theirs = 0 }
  local issues = px.store.find("negotiation_issue", { filter = { negotiation = negotiation.id }, order = "created_at", limit = MOST })
  for i, issue in ipairs(issues) do
    local list, by = concessions(issue)
    moves.ours, moves.theirs = moves.ours + by.ours, moves.theirs + by.theirs
    rows[i] = { id = issue.id, title = issue.title, unit = issue.unit or px.null, ours = issue.ours or px.null, theirs = issue.theirs or px.null,
      target = issue.target or px.null, reservation = issue.reservation or px.null, agreed = issue.agreed or px.null,
      reached = talks.reached(issue, issue.agreed) or px.null, concessions = px.json.list(list) }
  end
  local reached, unknown = talks.outcome(issues)
  return px.http.json {
    id = negotiation.id, title = negotiation.title, party = negotiation.party, side = negotiation.side, state = negotiation.state,
    team = team, issues = px.json.list(team and rows or {}), concessions = team and moves or px.null,
    reached = team and reached or px.null, unknown = unknown,
  }
end)

-- GET /x/business/negotiations?party=
px.route("GET", "/negotiations", function(request)
  local party = ask.organisation(request.query.party, "party")
  return ask.page(request, "negotiation", { filter = { party = party.id }, order = "-created_at", fields = { "title", "side", "state", "next_round_on", "closed_on" } })
end)
