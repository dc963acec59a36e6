-- Questions to clients and others: asked by people or by a link that works once, followed up when the answer is low.
local body <const> = require "body"
local scores <const> = require "scores"
local today <const> = require("days").today

local LINK_DAYS <const> = 30
local TOKEN_BYTES <const> = 24
local COMMENT_MAX <const> = 4000 -- as the field has it
local NO_USER <const> = { forbidden = true, not_found = true, unauthenticated = true }

-- What the record says of itself, so that the rules need look nowhere else.
px.before("satisfaction_answer.create", function(drafts)
  for _, draft in ipairs(drafts) do
    local questionnaire = draft.questionnaire and px.store.get("questionnaire", draft.questionnaire)
    local relationship = draft.relationship and px.store.get("relationship", draft.relationship)
    draft.kind = questionnaire and questionnaire.kind
    if relationship and not draft.organisation and not draft.person then
      draft.organisation, draft.person = relationship.source, relationship.source_person
    end
    draft.asked_on = draft.asked_on or today()
    if draft.score and not draft.answered_on then
      draft.answered_on = today()
    end
  end
end)

px.before("satisfaction_answer.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.score and not draft.answered_on then
      draft.answered_on = today()
    end
  end
end)

-- Who looks after it: the bond's owner, else the party's, else who asked.
local function owner_of(answer)
  local relationship = answer.relationship and px.store.get("relationship", answer.relationship)
  local organisation = answer.organisation and px.store.get("organisation", answer.organisation)
  return relationship and relationship.owner or organisation and organisation.owner or answer.owner
end

local function close_the_loop(event)
  local answer = px.store.get("satisfaction_answer", event.id)
  local questionnaire = answer and px.store.get("questionnaire", answer.questionnaire)
  if not questionnaire or not scores.is_low(answer.kind, answer.score, questionnaire.low_score) then
    return
  end
  local key = { origin = "satisfaction:" .. answer.id }
  if px.store.first("task", { filter = key }) then
    return
  end
  px.store.upsert("task", key, {
    title = px.i18n.t("satisfaction.close", { score = answer.score, kind = px.text.upper(answer.kind) },
      { language = px.config.get("language") }),
    description = answer.comment,
    kind = "close_the_loop",
    priority = "high",
    due = today() + (questionnaire.close_days .. "d"),
    owner = owner_of(answer),
    satisfaction_answer = answer.id,
    organisation = answer.organisation,
    person = answer.person,
    relationship = answer.relationship,
  })
end

px.on("satisfaction_answer.created", { key = "id" }, close_the_loop)
px.on("satisfaction_answer.updated", { key = "id" }, close_the_loop)

-- The link itself is kept nowhere, only its hash, and that apart from the record.
local function link_key(token)
  return "link:" .. px.crypto.hash(token)
end

-- POST /x/relations/satisfaction/ask { questionnaire, organisation | person | relationship }: a question with a link, shown this once.
px.route("POST", "/satisfaction/ask", function(request)
  local asked = body.of(request)
  local questionnaire = body.record("questionnaire", asked.questionnaire)
  if not questionnaire then
    return px.http.problem(422, "required", "say which questionnaire is asked", { pointer = "/questionnaire" })
  elseif not questionnaire.active then
    return px.http.problem(422, "refused", "this questionnaire is not in use", { pointer = "/questionnaire" })
  end
  local token = px.crypto.random(TOKEN_BYTES):gsub(".", function(byte) return string.format("%02x", byte:byte()) end)
  local answer = px.store.tx(function()
    local made = px.store.create("satisfaction_answer", {
      questionnaire = questionnaire.id,
      kind = questionnaire.kind,
      organisation = asked.organisation,
      person = asked.person,
      relationship = asked.relationship,
      asked_on = today(),
      link_until = today() + (LINK_DAYS .. "d"),
    })
    px.store.kv.set(link_key(token), made.id)
    return made
  end)
  return { status = 201, json = {
    id = answer.id, link = "/x/relations/answer/" .. token, valid_until = answer.link_until,
  } }
end)

-- Who follows a link did not log in: what he does is done as the user whom the operator named for it, with that user's rights.
local function with_answer(request, fn)
  local user = px.config.get("answers_as")
  if user == "" then
    return px.http.problem(503, "unavailable", "answers by link are not set up: name a user in relations.answers_as")
  end
  local answered, err = px.try(px.actor.as, user, function()
    local id = px.store.kv.get(link_key(request.params.token))
    local answer = id and px.store.get("satisfaction_answer", id)
    if not answer or answer.link_until < today() then
      return px.http.problem(404, "not_found", "this link is not valid")
    elseif answer.score then
      return px.http.problem(409, "conflict", "this question was answered; thank you")
    end
    return fn(answer)
  end)
  if answered then
    return answered
  elseif NO_USER[err.code] then
    return px.http.problem(503, "unavailable", "answers by link are not set up: the user named in relations.answers_as is none")
  end
  error(err, 0)
end

px.route("GET", "/answer/:token", { public = true }, function(request)
  return with_answer(request, function(answer)
    local questionnaire = px.store.get("questionnaire", answer.questionnaire)
    return { json = {
      kind = answer.kind,
      question = { en = questionnaire.question, el = questionnaire.question_el or questionnaire.question },
      from = answer.kind == "nps" and 0 or 1,
      to = answer.kind == "nps" and 10 or 5,
    } }
  end)
end)

px.route("POST", "/answer/:token", { public = true }, function(request)
  local given = body.of(request)
  local score, comment = math.tointeger(given.score), given.comment
  return with_answer(request, function(answer)
    local from, to = answer.kind == "nps" and 0 or 1, answer.kind == "nps" and 10 or 5
    if not score or score < from or score > to then
      return px.http.problem(422, "range", ("the score is a whole number from %d to %d"):format(from, to),
        { pointer = "/score" })
    elseif comment ~= nil and type(comment) ~= "string" then
      return px.http.problem(422, "type", "the comment is a text", { pointer = "/comment" })
    elseif comment and px.text.len(comment) > COMMENT_MAX then
      return px.http.problem(422, "range", "the comment has at most " .. COMMENT_MAX .. " characters", { pointer = "/comment" })
    end
    -- Of two who come at once, the second finds another version.
    local _, err = px.try(px.store.update, "satisfaction_answer", answer.id,
      { score = score, comment = comment, answered_on = today() }, { version = answer.version })
    if err then
      -- Why is for the log: he who answers is a stranger.
      px.log.warn("an answer by link was not taken", { answer = answer.id, code = err.code })
      return px.http.problem(409, "conflict", "this question was answered meanwhile, or can no longer be answered")
    end
    return { status = 204 }
  end)
end)

local function series(kind, from, to, by)
  local months, order = {}, {}
  local rows = px.store.aggregate("satisfaction_answer", {
    group = { { "answered_on", by }, "score" }, measures = { n = true },
    filter = { kind = kind, answered_on = { "between", { from, to } } },
  })
  for _, row in ipairs(rows) do
    local x = row.answered_on
    if not months[x] then
      months[x] = {}
      order[#order + 1] = x
    end
    months[x][row.score] = row.n
  end
  local figures, answers = {}, {}
  for i, x in ipairs(order) do
    local figure, n = scores.figure(kind, months[x])
    figures[i], answers[i] = { x = x, y = figure }, { x = x, y = n }
  end
  return figures, answers
end

local PERIODS <const> = { month = true, quarter = true, year = true }

-- GET /x/relations/reports/satisfaction?from=&to=&by=month&kind=nps: months in which nobody answered have no point.
px.route("GET", "/reports/satisfaction", function(request)
  local query = request.query
  local kind, by = query.kind or "nps", query.by or "month"
  local from = px.try(px.date.parse, query.from or tostring(today() - "365d"))
  local to = px.try(px.date.parse, query.to or tostring(today()))
  if kind ~= "nps" and kind ~= "csat" then
    return px.http.problem(400, "enum", "kind is nps or csat", { pointer = "/kind" })
  elseif not PERIODS[by] then
    return px.http.problem(400, "enum", "by is month, quarter or year", { pointer = "/by" })
  elseif not from or not to then
    return px.http.problem(400, "type", "from and to are days such as 2026-01-31", { pointer = from and "/to" or "/from" })
  end
  local figures, answers = series(kind, from, to, by)
  return { json = {
    report = "satisfaction",
    unit = kind == "nps" and "NPS, -100 to 100" or "per cent satisfied",
    series = { { name = kind, points = px.json.list(figures) }, { name = "answers", points = px.json.list(answers) } },
    unknown = px.store.count("satisfaction_answer", {
      filter = { kind = kind, score = { "is", "null" }, asked_on = { "between", { from, to } } },
    }),
  } }
end)
