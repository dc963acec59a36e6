-- Mail to people: by template or in one's own words, recorded as an interaction, in the thread that it belongs to. Mailboxes are not read
-- yet: what came in is recorded by people, with its Message-ID, and answered in its thread.
local body <const> = require "body"
local letters <const> = require "letters"
local reader <const> = require "reader"

local REFERENCES_MAX <const> = 20
local THREAD_MAX <const> = 200
local SUBJECT_MAX <const> = 200

local function problem(status, code, field, detail)
  return px.http.problem(status, code, detail, { pointer = field and "/" .. field })
end

local function is_message_id(text)
  return type(text) == "string" and #text <= 250 and text:match("^<[!-;=?-~]+@[!-;=?-~]+>$") ~= nil
end

--- The thread that an answer belongs to: that of what it answers, else what it answers begins one.
local function thread_of(in_reply_to)
  local before = px.store.first("interaction", { filter = { message_id = in_reply_to } })
  return before and before.thread or in_reply_to
end

px.before("interaction.create", function(drafts)
  for _, draft in ipairs(drafts) do
    for _, field in ipairs { "message_id", "in_reply_to" } do
      if draft[field] and not is_message_id(draft[field]) then
        px.refuse(field, px.i18n.t("mail.message_id"))
      end
    end
    if draft.in_reply_to and not draft.thread then
      draft.thread = thread_of(draft.in_reply_to)
    elseif draft.message_id and not draft.thread then
      draft.thread = draft.message_id
    end
  end
end)

-- What became of it; the sender may be told by whoever follows interaction.delivery.failed.
local function note_end(event, delivery)
  local data = event.data
  if data.plugin ~= "relations" or data.template ~= "message" or not data.related then
    return
  end
  local kept = px.store.get("interaction", data.related)
  if kept and kept.delivery == "waiting" then
    px.store.update("interaction", kept.id, { delivery = delivery })
  end
end

px.on("mail.sent", function(event)
  note_end(event, "sent")
end)

px.on("mail.failed", function(event)
  note_end(event, "failed")
end)

-- ---- sending ----

--- Subject and body as asked for: of a template merged for the person, or given; nil and the refusal.
local function text_of(asked, person, sender, language)
  if not asked.template and not asked.key then
    if type(asked.subject) ~= "string" or type(asked.body) ~= "string" or not asked.subject:match("%S") or not asked.body:match("%S") then
      return nil, problem(422, "required", "subject", px.i18n.t("mail.required"))
    end
    return { subject = asked.subject, body = asked.body }
  end
  local wants = asked.language or person.language or language
  local template = body.record("template", asked.template)
    or asked.key and letters.choose(asked.key, wants, person.audience or "general")
  if not template then
    return nil, problem(422, "invalid", asked.key and "key" or "template", px.i18n.t("mail.no_template"))
  end
  local values = letters.values(person, nil, sender, template.language)
  for name, value in pairs(type(asked.values) == "table" and asked.values or {}) do
    values[name] = value
  end
  local written = letters.write(template, values)
  if #written.missing > 0 then
    return nil, problem(422, "invalid", "values", px.i18n.t("mail.missing", { fields = table.concat(written.missing, ", ") }))
  end
  return { subject = asked.subject or written.subject or template.name, body = written.body, template = template.id }
end

--- What is answered, and the Message-IDs of the thread so far: the first and the newest ones.
local function thread(answered)
  local references = {}
  if answered and answered.thread then
    local filter = { thread = answered.thread, message_id = { "is", "not_null" }, at = { "le", answered.at } }
    for _, one in ipairs((px.store.find("interaction", { filter = filter, order = "at", limit = THREAD_MAX }))) do
      if one.message_id ~= answered.message_id then
        references[#references + 1] = one.message_id
      end
    end
    references[#references + 1] = answered.message_id
    while #references > REFERENCES_MAX do
      table.remove(references, 2)
    end
  end
  return references
end

local function subject_of(written, answered)
  local subject = written.subject:gsub("%c", " ")
  if answered and not subject:match("^[Rr][Ee]:") and subject == answered.subject then
    subject = "Re: " .. subject
  end
  return px.text.sub(subject, 1, SUBJECT_MAX)
end

--- In a unit of work: the interaction, and the mail that leaves when both are written.
local function send(person, written, sender, answered)
  local subject = subject_of(written, answered)
  local made = px.store.create("interaction", {
    kind = "email", subject = subject, body = written.body, template = written.template, at = px.date.now(), direction = "outbound",
    status = "held", people = { person.id }, delivery = "waiting", in_reply_to = answered and answered.message_id or nil,
  })
  local id = px.mail.send {
    to = person.email, name = person.name:gsub("%c", " "), template = "message", language = person.language, related = made.id,
    data = { subject = subject, body = written.body }, reply_to = sender and sender.email or nil,
    in_reply_to = answered and answered.message_id or nil, references = thread(answered), idempotency_key = "message " .. made.id,
  }
  local message_id = px.mail.message_id(id)
  return px.store.update("interaction", made.id, {
    message_id = message_id, thread = answered and answered.thread or answered and answered.message_id or message_id,
  })
end

local function may_not(person)
  if not person.email then
    return problem(422, "invalid", "email", px.i18n.t("mail.no_address"))
  elseif person.do_not_contact then
    return problem(422, "refused", "do_not_contact", px.i18n.t("mail.closed"))
  end
end

--- The interaction; nil and the refusal.
local function write(person, asked, language)
  local sender = px.actor.user() and px.store.get("user", px.actor.user())
  local refusal = may_not(person)
  local answered = body.record("interaction", asked.answers)
  if not refusal and asked.answers and not (answered and answered.message_id) then
    refusal = problem(422, "invalid", "answers", px.i18n.t("mail.answers"))
  end
  local written
  if not refusal then
    written, refusal = text_of(asked, person, sender, language)
  end
  if refusal then
    return nil, refusal
  end
  return px.store.tx(function()
    return send(person, written, sender, answered)
  end)
end

-- POST /x/relations/people/:id/mail { subject, body | key | template, values?, language?, answers? = an interaction }
px.route("POST", "/people/:id/mail", function(request)
  local person = px.store.get("person", request.params.id)
  if not person then
    return problem(404, "not_found", nil, px.i18n.t("mail.no_person"))
  end
  local asked = body.of(request)
  local made, refusal = write(person, asked, reader.language(request))
  return refusal or px.http.json(px.store.get("interaction", made.id), { status = 201 })
end)

-- GET /x/relations/mail/threads/:id, of an interaction: all of its thread that the caller may see, oldest first.
px.route("GET", "/mail/threads/:id", function(request)
  local one = px.store.get("interaction", request.params.id)
  if not one or not one.thread then
    return problem(404, "not_found", nil, px.i18n.t("mail.no_thread"))
  end
  local list, more = px.store.find("interaction", { filter = { thread = one.thread }, order = "at", limit = THREAD_MAX })
  return px.http.json { thread = one.thread, messages = px.json.list(list), more = more ~= nil }
end)

px.command("write", {
  help = { en = "a mail to a person", el = "μήνυμα σε ένα πρόσωπο" },
  args = {
    { "person", required = true, help = { en = "the person's id", el = "ο κωδικός του προσώπου" } },
    { "text", rest = true, help = { en = "the text, unless it is a template's", el = "το κείμενο, αν δεν είναι προτύπου" } },
    { "subject", named = true }, { "key", named = true, help = { en = "of a template", el = "ενός προτύπου" } },
  },
}, function(args, out)
  local person = px.store.get("person", args.person)
  if not person then
    px.refuse("person", px.i18n.t("mail.no_person"))
  end
  local made, refusal = write(person, { subject = args.subject, body = args.text, key = args.key }, out.language)
  if not made then
    px.refuse(refusal.json.errors[1].pointer:sub(2), refusal.json.detail)
  end
  out.line(made.id)
end)
