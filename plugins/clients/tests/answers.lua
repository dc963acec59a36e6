-- T6: questions and concerns as light cases, and the library that answers them.

local function approved(t, fields)
  fields.review_on = fields.review_on or "2026-12-01"
  local answer = t.answer(fields)
  return t.update("answer", answer, { status = "approved" })
end

local function delivery(t)
  return approved(t, {
    question = "How long does delivery take?", question_el = "Πόσο διαρκεί η παράδοση;",
    answer_en = "Two working days.", answer_el = "Δύο εργάσιμες ημέρες.",
  })
end

test("T6 an answer is found in Greek, in Greeklish and in English", function(t)
  local answer = delivery(t)
  for _, words in ipairs { "παραδοση", "paradosi", "delivery" } do
    local found = t.call("GET", "/answers", { query = { q = words } }).json.data
    assert(#found == 1 and found[1].id == answer.id and found[1].answer == "Δύο εργάσιμες ημέρες.", words)
  end
  local english = t.call("GET", "/answers", { query = { q = "delivery", language = "en" } }).json.data[1]
  assert(english.answer == "Two working days." and english.language == "en")
  assert(t.command("answer", { words = "paradosi" }).tables[1].rows[1].answer == "Δύο εργάσιμες ημέρες.")
end)

test("T6 what is not approved is told to nobody", function(t)
  t.answer { question = "Draft about refunds", answer_en = "Perhaps.", review_on = "2026-12-01" }
  assert(#t.call("GET", "/answers", { query = { q = "refunds" } }).json.data == 0)
end)

test("T6 a question is resolved with the library's words, and the answer knows where it was used", function(t)
  local answer = delivery(t)
  local question = t.case { kind = "question", subject = "When will it come?", organisation = t.organisation() }
  local done = t.call("POST", "/cases/" .. question.id .. "/answer", { json = { answer = answer.id, language = "el" } })
  assert(done.status == 200 and done.json.status == "resolved", done.text)
  local case = t.expect_record("case", { id = question.id, kind = "question", resolution = "Δύο εργάσιμες ημέρες.", resolved_at = px.date.now() })
  assert(case.answers[1] == answer.id)
  local used = t.call("GET", "/answers/" .. answer.id .. "/used").json.data
  assert(#used == 1 and used[1].id == question.id)
end)

test("T6 an answer is looked at again when its day comes", function(t)
  local answer = approved(t, { question = "VAT on books?", answer_en = "Six per cent.", review_on = "2026-02-01" })
  local origin = "answer:" .. answer.id .. ":review"
  t.expect_record("task", { origin = origin, due = "2026-02-01", state = "open", answer = answer.id })
  t.update("answer", answer, { review_on = "2027-02-01" })
  t.expect_record("task", { origin = origin, due = "2027-02-01" })
  t.update("answer", answer, { status = "retired" })
  t.expect_record("task", { origin = origin, state = "dropped" })
end)

test("T6 what is wrong is refused, and where", function(t)
  t.refuses("rule", t.answer, { question = "Why?", review_on = "2026-12-01" })
  t.refuses("required", t.create, "answer", { question = "Why?", answer_en = "Because." })
  local case = t.case { kind = "concern", subject = "Is it safe?", organisation = t.organisation() }
  local draft = t.answer { question = "Safe?", answer_en = "Yes.", review_on = "2026-12-01" }
  local refusal = t.call("POST", "/cases/" .. case.id .. "/answer", { json = { answer = draft.id } })
  assert(refusal.status == 422 and refusal.json.errors[1].pointer == "/answer", refusal.text)
  assert(t.call("GET", "/answers").json.errors[1].pointer == "/q")
end)
