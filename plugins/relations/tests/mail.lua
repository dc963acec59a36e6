-- Mail to people and its threads.

local function write(t, person, fields)
  return t.call("POST", "/people/" .. person.id .. "/mail", { json = fields })
end

test("S3 a mail is recorded with its Message-ID and begins a thread; an answer joins it", function(t)
  local anna = t.person { name = "Anna", email = "anna@example.com" }
  local first = write(t, anna, { subject = "Prices", body = "Here they are." })
  assert(first.status == 201 and first.json.kind == "email" and first.json.direction == "outbound", first.text)
  assert(first.json.message_id:match("^<.+@.+>$") and first.json.thread == first.json.message_id)
  local answer = t.create("interaction", { kind = "email", subject = "Re: Prices", at = "2026-01-05T08:00:00Z", people = { anna.id },
    message_id = "<x@example.org>", in_reply_to = first.json.message_id, direction = "inbound" })
  assert(answer.thread == first.json.thread)
  local second = write(t, anna, { subject = "Re: Prices", body = "Thanks.", answers = answer.id })
  assert(second.json.in_reply_to == "<x@example.org>" and second.json.thread == first.json.thread, second.text)
  local thread = t.call("GET", "/mail/threads/" .. answer.id)
  assert(#thread.json.messages == 3, thread.text)
  t.emit("mail.failed", { plugin = "relations", template = "message", related = second.json.id, code = "network" })
  t.expect_record("interaction", { id = second.json.id, delivery = "failed" })
end)

test("S3 S7 a template is merged for the reader, or says what it lacks", function(t)
  local anna = t.person { name = "Άννα", email = "anna@example.com", language = "el" }
  t.create("template", { name = "Greeting", key = "hello", language = "el", subject = "Προς {name}", body = "Γεια, {name}." })
  local sent = write(t, anna, { key = "hello" })
  assert(sent.status == 201 and sent.json.subject == "Προς Άννα" and sent.json.body == "Γεια, Άννα.", sent.text)
  t.create("template", { name = "Price", key = "price", language = "el", subject = "s", body = "{price}", extra_fields = "price" })
  local lacks = write(t, anna, { key = "price" })
  assert(lacks.status == 422 and lacks.json.errors[1].pointer == "/values" and lacks.json.detail:find("price"), lacks.text)
  assert(write(t, anna, { key = "price", values = { price = "5" } }).json.body == "5")
end)

test("S3 who may not or cannot be written to is refused, and so are wrong ids", function(t)
  local closed = t.person { name = "C", email = "c@example.com", do_not_contact = true }
  local silent, anna = t.person { name = "S" }, t.person { name = "A", email = "a@example.com" }
  local plain = { subject = "s", body = "b" }
  assert(write(t, closed, plain).json.errors[1].pointer == "/do_not_contact")
  assert(write(t, silent, plain).json.errors[1].pointer == "/email")
  assert(write(t, anna, { subject = "s" }).json.errors[1].pointer == "/subject")
  assert(write(t, anna, { key = "none" }).json.errors[1].pointer == "/key")
  assert(write(t, anna, { subject = "s", body = "b", answers = anna.id }).json.errors[1].pointer == "/answers")
  local note = { kind = "email", subject = "s", at = "2026-01-05T08:00:00Z", message_id = "<a@b>\r\nBcc: <c@d>" }
  assert(t.refuses("refused", t.create, "interaction", note).field == "/message_id")
  t.expect_no_record("interaction")
  local out = t.command("write", { person = anna.id, subject = "Hello", text = "There" })
  assert(out.exit_code == 0, out.output)
  t.expect_record("interaction", { subject = "Hello", body = "There", people = { anna.id } })
end)
