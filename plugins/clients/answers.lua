-- The answer library (T6): found in Greek, Greeklish and English, used in cases, reviewed when its day comes.
local body <const> = require "body"

local FOUND_MOST <const> = 20

local function keep_review(answer)
  local origin = "answer:" .. answer.id .. ":review"
  local task = px.store.first("task", { filter = { origin = origin } })
  if answer.status == "retired" then
    if task and task.state == "open" then
      px.store.update("task", task.id, { state = "dropped" })
    end
    return
  end
  px.store.upsert("task", { origin = origin }, {
    title = px.i18n.t("answer_review", { question = px.text.sub(answer.question, 1, 250) }, { language = px.config.get("language") }), kind = "review",
    answer = answer.id, owner = answer.owner, due = answer.review_on, state = "open",
  })
end

-- A later day of review means that the answer was looked at: the same task waits for the next time.
px.on("answer.*", { key = "id", name = "answer_reviews" }, function(event)
  local answer = event.after and px.store.get("answer", event.id)
  if answer then
    keep_review(answer)
  end
end)

local function language_of(request)
  local language = request.query.language or "el"
  if language ~= "el" and language ~= "en" then
    px.refuse("language", "el or en")
  end
  return language
end

-- In the language asked for, or in the other one, which is then said.
local function text_of(answer, language)
  local other = language == "el" and "en" or "el"
  local spoken = answer["answer_" .. language] and language or other
  return {
    id = answer.id, language = spoken, question = spoken == "el" and answer.question_el or answer.question,
    answer = answer["answer_" .. spoken], source = answer.source, review_on = answer.review_on,
    review_due = answer.review_on <= px.date.today(px.config.get("zone")), status = answer.status,
  }
end

local function find(words, language)
  local rows = px.json.list {}
  for _, hit in ipairs(px.store.search(words, { objects = "answer", limit = FOUND_MOST, wait = true })) do
    local answer = px.store.get("answer", hit.id)
    if answer and answer.status == "approved" then
      rows[#rows + 1] = text_of(answer, language)
    end
  end
  return rows
end

-- GET /x/clients/answers?q=…&language=el: only what was approved is told to a client.
px.route("GET", "/answers", function(request)
  if not request.query.q or request.query.q == "" then
    px.refuse("q", "say what to look for")
  end
  return px.http.json { data = find(request.query.q, language_of(request)) }
end)

-- GET /x/clients/answers/:id/used: the cases in which it was said, the newest first.
px.route("GET", "/answers/:id/used", function(request)
  if not px.store.get("answer", request.params.id) then
    return px.http.problem(404, "not_found", "there is no such answer")
  end
  local query = { filter = { answers = { "has", request.params.id } }, order = "-reported_at", limit = 1000,
    fields = { "number", "subject", "organisation", "status", "reported_at" } }
  local cases, next_page = px.store.find("case", query)
  return px.http.json { data = px.json.list(cases), next = next_page }
end)

-- POST /x/clients/cases/:id/answer { answer, language }: the case is resolved with the library's words.
px.route("POST", "/cases/:id/answer", function(request)
  local said = body.of(request)
  local case = px.store.get("case", request.params.id)
  local answer = body.record("answer", said.answer)
  if not case then
    return px.http.problem(404, "not_found", "there is no such case")
  elseif not answer or answer.status ~= "approved" then
    px.refuse("answer", "an approved answer of the library")
  end
  local text = text_of(answer, said.language == "en" and "en" or "el")
  local after = px.store.update("case", case.id, { answers = px.add(answer.id), resolution = text.answer, status = "resolved" })
  return px.http.json { id = after.id, number = after.number, status = after.status, resolution = after.resolution }
end)

px.command("answer", {
  help = { en = "what the library says to these words", el = "τι λέει η βιβλιοθήκη για αυτές τις λέξεις" },
  args = {
    { "words", required = true, rest = true, help = { en = "Greek, Greeklish or English", el = "ελληνικά, greeklish ή αγγλικά" } },
    { "language", default = "el", named = true, help = { en = "el or en", el = "el ή en" } },
  },
}, function(args, out)
  local rows = find(args.words, args.language == "en" and "en" or "el")
  out.table({ "question", "answer", "language", "review_on" }, rows)
end)
