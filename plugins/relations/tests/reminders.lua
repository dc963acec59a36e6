-- Reminders of meetings.
local function meeting(t, user, fields)
  local all = { kind = "meeting", subject = "Needs", at = "2026-01-06T08:00:00Z", status = "planned", organizer = user.id, reminder_minutes = 30 }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return t.create("interaction", all)
end

test("S1 a meeting reminds its organiser in time, each time it comes", function(t)
  local user = t.create("user", { name = "nikos" })
  meeting(t, user, { rrule = "FREQ=DAILY;COUNT=2" })
  t.advance_to("2026-01-06T07:29:00Z")
  t.expect_no_record("task")
  t.advance("2m")
  t.expect_record("task", { title = "Meeting at 10:00: Needs", owner = user.id, due = "2026-01-06", kind = "meeting" })
  t.advance_to("2026-01-10")
  assert(#t.find("task") == 2)
end)

test("S1 a meeting that was moved or cancelled does not remind at its old hour", function(t)
  local user = t.create("user", { name = "nikos" })
  local moved, gone = meeting(t, user), meeting(t, user, { subject = "Gone" })
  t.update("interaction", moved, { at = "2026-01-07T08:00:00Z" })
  t.update("interaction", gone, { status = "cancelled" })
  t.advance_to("2026-01-06T12:00:00Z")
  t.expect_no_record("task")
  t.advance_to("2026-01-07T08:00:00Z")
  t.expect_record("task", { due = "2026-01-07" })
  assert(#t.find("task") == 1)
end)
