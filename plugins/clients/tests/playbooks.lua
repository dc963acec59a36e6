-- T13: playbooks.

local function bond(t, fields)
  fields = fields or {}
  fields.source, fields.target = fields.source or t.organisation(), fields.target or t.organisation()
  fields.managed = true
  return t.relationship(fields)
end

local function playbook(t, fields, steps)
  local made = t.playbook(fields)
  for place, title in ipairs(steps or { "Call them", "Visit them" }) do
    t.playbook_step { playbook = made, place = place, title = title, wait_days = place - 1, due_days = 3 }
  end
  return made
end

local function start(t, book, relationship)
  return t.call("POST", "/playbooks/" .. book.id .. "/start", { json = { relationship = relationship.id } })
end

local function finish(t, title)
  local task = t.expect_record("task", { title = title, state = "open" })
  return t.update("task", task, { state = "done" })
end

test("T13 steps follow one another, and the bond is judged kept", function(t)
  local book, one = playbook(t, { trigger = "manual", window_days = 2 }), bond(t)
  local run = start(t, book, one)
  assert(run.status == 201 and start(t, book, one).status == 409)
  t.expect_record("task", { title = "Call them", relationship = one, due = "2026-01-08" })
  t.expect_no_record("task", { title = "Visit them" })
  finish(t, "Call them")
  t.advance("25h")
  finish(t, "Visit them")
  t.expect_record("playbook_run", { id = run.json.id, state = "observed", steps_done = 2, outcome = px.null })
  t.advance("49h")
  t.expect_record("playbook_run", { id = run.json.id, state = "ended", outcome = "kept" })
end)

test("T13 a bond that is lost meanwhile is judged lost, and no further step is opened", function(t)
  local book, one = playbook(t, { trigger = "manual" }), bond(t)
  start(t, book, one)
  t.update("relationship", one, { ended_on = "2026-01-05", ended_reason = "lost" })
  t.expect_record("playbook_run", { relationship = one, state = "ended", outcome = "lost" })
  finish(t, "Call them")
  t.advance("2d")
  t.expect_no_record("task", { title = "Visit them" })
end)

test("T13 a long silence begins one run, once; who was never spoken with is unknown", function(t)
  playbook(t, { trigger = "no_contact", threshold = 2 })
  local silent, never = bond(t), bond(t)
  t.interaction { kind = "call", at = "2026-01-04T10:00:00Z", organisations = { silent.source } }
  t.advance_to("2026-01-06T02:00:00Z")
  t.expect_no_record("playbook_run")
  t.advance_to("2026-01-07T04:00:00Z")
  t.expect_record("playbook_run", { relationship = silent })
  t.advance_to("2026-01-08T04:00:00Z")
  assert(#t.find("playbook_run") == 1)
  t.expect_no_record("playbook_run", { relationship = never })
end)

test("T13 wrong playbooks are refused", function(t)
  local refusal = t.refuses("rule", t.create, "playbook", { name = "x", trigger = "no_contact" })
  assert(refusal.detail:find("threshold", 1, true), refusal.detail)
  local book = playbook(t, { trigger = "manual" })
  t.refuses("unique", t.playbook_step, { playbook = book, place = 1 })
  t.update("playbook", book, { window_days = 60 })
  t.expect_record("playbook", { id = book.id, window_days = 60 })
  assert(t.call("POST", "/playbooks/" .. book.id .. "/start", { json = {} }).status == 422)
end)

test("T13 kept with a playbook beside kept without; unknown apart", function(t)
  local book = playbook(t, { trigger = "manual", window_days = 1 }, {})
  local kept, lost, other, gone = bond(t), bond(t), bond(t), bond(t)
  start(t, book, kept)
  start(t, book, lost)
  start(t, book, other)
  t.update("relationship", lost, { ended_on = "2026-01-05", ended_reason = "lost" })
  t.advance("2d")
  t.update("relationship", gone, { ended_on = "2026-01-05", ended_reason = "lost" })
  bond(t)
  local report = t.call("GET", "/reports/playbooks?from=2026-01-01&to=2026-12-31").json
  local row = report.playbooks[1]
  assert(row.runs == 3 and row.kept == 2 and row.lost == 1 and row.unknown == 0, px.json.encode(report))
  assert(report.without.kept == 1 and report.without.lost == 1 and report.without.kept_share == 0.5, px.json.encode(report))
  assert(t.call("GET", "/reports/playbooks?from=x").status == 400)
end)

test("T13 a complaint begins one", function(t)
  local complaint = playbook(t, { trigger = "complaint" })
  local one = bond(t)
  t.case { type = "request", organisation = one.source }
  t.expect_no_record("playbook_run")
  t.case { type = "complaint", organisation = one.source, subject = "Late again" }
  t.expect_record("playbook_run", { playbook = complaint, relationship = one, reason = "They complain: Late again" })
end)

test("T13 how far health must fall; what is unknown has not fallen", function()
  local retention <const> = require "retention"
  assert(retention.has_fallen({ change = -20 }, 10) and retention.has_fallen({ change = -10 }, 10))
  assert(not retention.has_fallen({ change = -5 }, 10) and not retention.has_fallen({ change = 20 }, 10))
  assert(not retention.has_fallen({}, 10))
  assert(retention.outcome { ended_on = "2026-01-01" } == px.null)
  assert(retention.outcome { ended_on = "2026-01-01", ended_reason = "completed" } == "kept")
end)
