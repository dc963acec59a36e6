-- Meetings, invitations, answers, free times, files of events.
local AT <const> = "2026-02-10T08:00:00Z"
local UNTIL <const> = "2026-02-10T09:00:00Z"

local function organiser(t)
  return t.create("user", { name = "nikos", label = "Νίκος Λέκκας", email = "nikos@example.com" })
end

local function meeting(t, fields)
  local all = { kind = "meeting", subject = "Needs of the year", at = AT, ends_at = UNTIL, status = "planned" }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return t.create("interaction", all)
end

test("T1 S1 a meeting gets what calendars know it by, and a change makes a new version of it", function(t)
  local made = meeting(t, { rrule = "FREQ=WEEKLY;COUNT=4" })
  assert(#made.uid == 32 and made.sequence == 0 and made.zone == "Europe/Athens")
  assert(t.update("interaction", made, { subject = "Needs" }).sequence == 0)
  assert(t.update("interaction", made, { at = "2026-02-10T08:30:00Z" }).sequence == 1)
  assert(t.update("interaction", made, { at = "2026-02-10T08:30:00Z" }).sequence == 1)
  assert(t.update("interaction", made, { status = "cancelled" }).sequence == 2)
  assert(t.get("interaction", made).sequence == 2)
end)

test("T1 S1 what no calendar could read is refused with its field", function(t)
  assert(t.refuses("refused", meeting, t, { rrule = "FREQ=FORTNIGHTLY" }).field == "/rrule")
  assert(t.refuses("refused", meeting, t, { zone = "Europe/Atlantis" }).field == "/zone")
  assert(t.refuses("refused", meeting, t, { exdates = { "soon" } }).field == "/exdates")
  t.refuses("rule", meeting, t, { ends_at = "2026-02-10T07:00:00Z" })
  local made = meeting(t)
  assert(t.refuses("refused", t.update, "interaction", made, { uid = "another" }).field == "/uid")
end)

test("S4 a teleconference has a link that nobody guesses", function(t)
  local one, other = meeting(t, { teleconference = true }), meeting(t, { teleconference = true })
  assert(one.join_url:match("^https://meet%.jit%.si/%x+$") and #one.join_url == 20 + 32, one.join_url)
  assert(one.join_url ~= other.join_url)
  local own = meeting(t, { teleconference = true, join_url = "https://meet.example.com/ours" })
  assert(own.join_url == "https://meet.example.com/ours")
  t.refuses("pattern", meeting, t, { join_url = "nowhere" })
end)

test("T1 invitations go to who may be written to; the others are named with the reason", function(t)
  local user = organiser(t)
  local anna = t.person { name = "Άννα", email = "anna@example.com", language = "el" }
  local closed = t.person { name = "Closed", email = "closed@example.com", do_not_contact = true }
  local made = meeting(t, { organizer = user.id })
  for _, person in ipairs { anna, closed, t.person { name = "Silent" } } do
    t.create("attendance", { interaction = made.id, person = person.id })
  end
  local answer = t.call("POST", "/meetings/" .. made.id .. "/invite")
  assert(answer.status == 200 and answer.json.sent == 1 and #answer.json.skipped == 2, answer.text)
  t.expect_record("attendance", { person = anna.id, invited_sequence = 0 })
  t.expect_record("attendance", { person = closed.id, not_invited = "do_not_contact" })
  t.update("interaction", made, { at = "2026-02-11T08:00:00Z", ends_at = "2026-02-11T09:00:00Z" })
  t.expect_record("attendance", { person = anna.id, invited_sequence = 1 })
  assert(t.refuses("refused", t.delete, "interaction", made).field == "/status")
  assert(t.call("POST", "/meetings/" .. anna.id .. "/invite").status == 404)
  assert(t.call("POST", "/meetings/" .. meeting(t).id .. "/invite").status == 422)
end)

local function reply(made, changes)
  local lines = {
    "BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:" .. (changes.method or "REPLY"), "BEGIN:VEVENT", "UID:" .. (changes.uid or made.uid),
    "SEQUENCE:" .. (changes.sequence or made.sequence), "DTSTAMP:" .. (changes.stamp or "20260106T080000Z"),
    "ATTENDEE;PARTSTAT=" .. (changes.partstat or "ACCEPTED") .. ":mailto:" .. (changes.email or "Anna@example.com"),
    "END:VEVENT", "END:VCALENDAR", "",
  }
  return table.concat(lines, "\r\n")
end

test("T1 an answer is taken where it fits, else refused with its place", function(t)
  local anna = t.person { name = "Anna", email = "anna@example.com" }
  local made = meeting(t)
  t.create("attendance", { interaction = made.id, person = anna.id })
  local function answer(changes)
    return t.call("POST", "/calendar/replies", { body = reply(made, changes) })
  end
  assert(answer({}).json.taken[1].partstat == "accepted")
  t.expect_record("attendance", { person = anna.id, partstat = "accepted" })
  for _, case in ipairs {
    { { uid = "other" }, "1.VEVENT.1.UID" }, { { email = "eve@example.com" }, "1.VEVENT.1.ATTENDEE" },
    { { partstat = "GLADLY" }, "1.VEVENT.1.ATTENDEE" }, { { stamp = "20260105T080000Z" }, "1.VEVENT.1.DTSTAMP" },
    { { method = "PUBLISH" }, "1.METHOD" },
  } do
    local refused = answer(case[1])
    assert(refused.status == 422 and refused.json.errors[1].pointer == case[2], refused.text)
  end
  made = t.update("interaction", made, { at = "2026-02-11T08:00:00Z", ends_at = "2026-02-11T09:00:00Z" })
  assert(answer({ sequence = 0, stamp = "20260107T080000Z" }).json.errors[1].pointer == "1.VEVENT.1.SEQUENCE")
  assert(answer({ partstat = "DECLINED", stamp = "20260107T080000Z" }).status == 200)
  t.expect_record("attendance", { person = anna.id, partstat = "declined" })
  assert(t.call("POST", "/calendar/replies", { body = "hello" }).json.errors[1].pointer == "line 1")
end)

test("S1 colleagues see when somebody is busy and nothing else", function(t)
  t.as("user", function(user)
    meeting(t, { organizer = user.id, subject = "Secret", location = "Hidden", rrule = "FREQ=DAILY;COUNT=2" })
    meeting(t, { organizer = user.id, at = "2026-02-10T08:30:00Z", ends_at = "2026-02-10T10:00:00Z" })
    meeting(t, { organizer = user.id, at = "2026-02-10T12:00:00Z", ends_at = "2026-02-10T13:00:00Z", status = "cancelled" })
    t.as("user:other", function()
      local query = { user = user.id, from = "2026-02-10", to = "2026-02-12" }
      local answer = t.call("GET", "/freebusy", { query = query })
      assert(answer.status == 200, answer.text)
      assert(#answer.json.busy == 2 and answer.json.busy[1].to == "2026-02-10T10:00:00.000Z", answer.text)
      assert(not answer.text:find("Secret") and not answer.text:find("Hidden"))
      query.format = "ics"
      local text = t.call("GET", "/freebusy", { query = query }).text
      assert(text:find("BEGIN:VFREEBUSY", 1, true) and not text:find("Secret"), text)
      assert(t.call("GET", "/freebusy", { query = { user = t.person().id } }).status == 404)
      assert(t.call("GET", "/freebusy", { query = { from = "2026-02-10", to = "2026-02-01" } }).status == 422)
    end)
  end)
end)

test("S1 what is on: meetings in order, tasks due, Greek holidays; conflicts are told", function(t)
  t.as("user", function(user)
    local body = { meeting = { subject = "Carnival", at = "2026-02-23T08:00:00Z", ends_at = "2026-02-23T09:00:00Z" }, users = { user.id } }
    local first = t.call("POST", "/meetings", { json = body })
    assert(first.status == 201 and first.json.warnings.holiday == "Clean Monday", first.text)
    assert(#first.json.warnings.conflicts == 0)
    local second = t.call("POST", "/meetings", { json = body })
    assert(second.json.warnings.conflicts[1].meeting == first.json.meeting.id, second.text)
    t.create("task", { title = "Prepare", owner = user.id, due = "2026-02-23" })
    local on = t.call("GET", "/calendar", { query = { from = "2026-02-22", to = "2026-02-25", language = "el" } }).json
    assert(#on.meetings == 2 and on.tasks[1].title == "Prepare" and on.holidays[1].name == "Καθαρά Δευτέρα", px.json.encode(on))
    local shown = t.command("calendar", { from = "2026-02-22" })
    assert(shown.tables[1].rows[2].subject == "Carnival", px.json.encode(shown))
  end)
  assert(t.call("POST", "/meetings", { json = {} }).status == 422)
end)

test("S1 the private address is read without a login until it is renewed or ended", function(t)
  local path
  t.as("user", function(user)
    meeting(t, { organizer = user.id, subject = "Mine", reminder_minutes = 15 })
    t.create("task", { title = "Due", owner = user.id, due = "2026-02-23" })
    path = t.call("POST", "/calendar/feed").json.path:match("^/x/relations(.+)$")
  end)
  meeting(t, { subject = "Others'" })
  local text = t.call("GET", path).text
  local _, events = text:gsub("BEGIN:VEVENT", "")
  assert(text:find("SUMMARY:Mine", 1, true) and text:find("SUMMARY:Due", 1, true) and text:find("BEGIN:VALARM", 1, true), text)
  assert(not text:find("Others") and events == 2, text)
  t.as("user", function()
    local other = t.call("POST", "/calendar/feed").json.path:match("^/x/relations(.+)$")
    assert(t.call("GET", path).status == 404 and t.call("GET", other).status == 200)
    assert(t.call("DELETE", "/calendar/feed").status == 204)
    assert(t.call("GET", other).status == 404 and t.call("DELETE", "/calendar/feed").status == 404)
  end)
  assert(t.call("GET", "/calendar/guess.ics").status == 404)
end)

local FILE <const> = table.concat({
  "BEGIN:VCALENDAR", "VERSION:2.0",
  "BEGIN:VEVENT", "UID:a", "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Athens:20260330T100000", "DURATION:PT1H",
  "RRULE:FREQ=WEEKLY;COUNT=3", "SUMMARY:Weekly\\, long", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.com", "END:VEVENT",
  "BEGIN:VEVENT", "UID:a", "RECURRENCE-ID;TZID=Europe/Athens:20260406T100000", "DTSTART;TZID=Europe/Athens:20260406T120000",
  "SUMMARY:Later", "END:VEVENT",
  "BEGIN:VEVENT", "UID:b", "DTSTART;VALUE=DATE:20260501", "SUMMARY:Day", "END:VEVENT",
  "BEGIN:VEVENT", "DTSTART:20260501T100000Z", "END:VEVENT",
  "BEGIN:VEVENT", "UID:c", "DTSTART;TZID=Moon/Base:20260501T100000", "END:VEVENT",
  "END:VCALENDAR", "",
}, "\r\n")

test("S1 a calendar file comes in as one change-set; what is wrong is named", function(t)
  local anna = t.person { email = "anna@example.com" }
  local answer = t.call("POST", "/calendar/import", { body = FILE })
  assert(answer.status == 200 and answer.json.created == 3 and answer.json.changeset, answer.text)
  assert(answer.json.refused[1].pointer == "1.VEVENT.4.UID" and answer.json.refused[2].pointer == "1.VEVENT.5.DTSTART", answer.text)
  local weekly = t.expect_record("interaction", { uid = "a", subject = "Weekly, long", at = "2026-03-30T07:00:00Z" })
  assert(tostring(weekly.ends_at) == "2026-03-30T08:00:00.000Z" and weekly.exdates[1] == "2026-04-06T07:00:00.000Z")
  t.expect_record("attendance", { interaction = weekly.id, person = anna.id, partstat = "accepted" })
  t.expect_record("interaction", { uid = "b", all_day = true, ends_at = "2026-05-01T21:00:00Z" })
  local again = t.call("POST", "/calendar/import", { body = FILE })
  assert(again.json.created == 0 and again.json.updated == 3, again.text)
  assert(t.call("POST", "/calendar/import", { body = "BEGIN:VCALENDAR\r\nX" }).status == 422)
end)

test("S1 a meeting as a calendar writes it: folded, escaped, on its zone's clocks", function(t)
  local path
  t.as("user", function(user)
    meeting(t, { organizer = user.id, subject = "Συνάντηση, " .. ("μεγάλη "):rep(20), rrule = "FREQ=WEEKLY",
      exdates = { "2026-02-17" }, agenda = "one; two\nthree" })
    path = t.call("POST", "/calendar/feed").json.path:match("^/x/relations(.+)$")
  end)
  local text = t.call("GET", path).text
  for line in text:gmatch("[^\r\n]+") do
    assert(#line <= 75, line)
  end
  local whole = text:gsub("\r\n ", "")
  assert(whole:find("TZID:Europe/Athens\r\n", 1, true) and whole:find("DTSTART;TZID=Europe/Athens:20260210T100000", 1, true), whole)
  assert(whole:find("EXDATE;TZID=Europe/Athens:20260217T100000", 1, true) and whole:find("RRULE:FREQ=WEEKLY\r\n", 1, true))
  assert(whole:find("SUMMARY:Συνάντηση\\, μεγάλη", 1, true) and whole:find("one\\; two\\nthree", 1, true), whole)
end)
