-- What is said to whom, in which language.

local function preview(t, asked)
  local answer = t.call("POST", "/templates/preview", { json = asked })
  assert(answer.status == 200, answer.text)
  return answer.json
end

test("S7 a template speaks the listener's language, and to his audience", function(t)
  local function template(language, audience, body)
    t.template { key = "offer", language = language, audience = audience, subject = "For {organisation}", body = body }
  end
  template("en", "general", "Dear all")
  template("el", "general", "{salutation} στις {today}")
  template("el", "technical", "Τεχνικά, {name}")
  local firm = t.organisation { name = "Ελαιώνες ΑΕ" }
  local nikos = t.person { name = "Νίκος Βλάχος", language = "el", audience = "technical" }
  t.affiliation { person = nikos, organisation = firm, job_title = "Μηχανικός" }
  local shown = preview(t, { key = "offer", person = nikos.id })
  assert(shown.body == "Τεχνικά, Νίκος Βλάχος" and shown.subject == "For Ελαιώνες ΑΕ" and next(shown.differs) == nil)
  shown = preview(t, { key = "offer", person = nikos.id, audience = "finance" })
  assert(shown.audience == "general" and shown.differs.audience == "general")
  assert(shown.body:find("Νίκος Βλάχος, στις 05/01/2026", 1, true), shown.body)
  shown = preview(t, { key = "offer", person = t.person({ language = "fr" }).id })
  assert(shown.language == "en" and shown.differs.language == "en")
  t.as("manager", function()
    assert(t.command("letter", { "offer", nikos.id }).output:find("Τεχνικά, Νίκος", 1, true))
  end)
end)

test("S7 an unknown merge field is refused, with its place and the nearest", function(t)
  local refusal = t.refuses("refused", t.template, { body = "Dear {name},\nας δούμε {organisatoin}" })
  assert(refusal.field == "/body" and refusal.detail == "line 2, column 10: there is no merge field {organisatoin}; did you mean {organisation}?", refusal.detail)
  t.refuses("refused", t.template, { subject = "{", body = "x" })
  t.template { body = "{{name} is a word in braces" }
  local template = t.template { body = "until {deadline}", extra_fields = "deadline, discount" }
  t.refuses("refused", t.update, "template", template, { body = "until {end_of_time}" })
  t.update("template", template, { body = "{discount} until {deadline}" })
end)

test("S7 what has no value is named, and the sender's own values go in", function(t)
  local template = t.template { body = "{job_title}: {deadline}", extra_fields = "deadline" }
  local nikos = t.person()
  local shown = preview(t, { template = template.id, person = nikos.id })
  assert(shown.body == "{job_title}: {deadline}" and #shown.missing == 2 and shown.missing[1] == "deadline")
  shown = preview(t, { template = template.id, person = nikos.id, values = { deadline = "Friday", job_title = "CFO" } })
  assert(shown.body == "CFO: Friday" and #shown.missing == 0)
  assert(t.call("POST", "/templates/preview", { json = { key = "none" } }).status == 422)
  assert(t.call("POST", "/templates/preview", { json = {} }).json.errors[1].pointer == "/key")
end)

test("S7 one text for a key, a language and an audience", function(t)
  t.template { key = "thanks", language = "el" }
  t.refuses("unique", t.template, { key = "thanks", language = "el" })
  t.template { key = "thanks", language = "en" }
end)

test("T4 the command tells who knows somebody", function(t)
  local wanted = t.person { name = "Wanted Woman" }
  t.as("manager", function()
    t.interaction { kind = "call", at = "2026-01-02T09:00:00Z", people = { wanted } }
    local printed = t.command("who-knows", { "Wanted", "Woman" }).tables[1]
    assert(#printed.rows == 1 and printed.rows[1].knows == "Wanted Woman")
    local refusal = t.refuses("refused", t.command, "who-knows", { "Nobody" })
    assert(refusal.detail == "nobody is called Nobody", refusal.detail)
  end)
end)
