-- C3: cases, their clocks on the Greek calendar, and what happens when a time runs out. Monday 5 January 2026, 08:00 UTC, is 10:00 in Athens.

local function policy(t, fields)
  fields = fields or {}
  fields.name = fields.name or "Standard"
  fields.response_count = fields.response_count or 4
  fields.resolution_count = fields.resolution_count or 2
  fields.resolution_unit = fields.resolution_unit or "business_days"
  return t.sla_policy(fields)
end

local function at(record, field)
  return record[field] and (px.date.format(record[field]):gsub("%.000Z", "Z"))
end

test("C3 a case is due by the service level of its client, in working hours", function(t)
  policy(t)
  local client = t.organisation { name = "Samos Wine" }
  policy(t, { name = "Samos Wine", organisation = client.id, response_count = 30, response_unit = "minutes" })
  local case = t.get("case", t.case { organisation = t.organisation(), subject = "A door that sticks" })
  assert(at(case, "response_by") == "2026-01-05T12:00:00Z", at(case, "response_by"))
  assert(case.response_state == "running" and case.resolution_state == "running" and case.number == "C-000001")
  local own = t.get("case", t.case { organisation = client, subject = "A late delivery" })
  assert(at(own, "response_by") == "2026-01-05T08:30:00Z", at(own, "response_by"))
  assert(own.number == "C-000002")
  local contract = t.contract { party = client.id }
  policy(t, { name = "Contract", contract = contract.id, response_count = 15, response_unit = "minutes" })
  local agreed = t.get("case", t.case { organisation = client, contract = contract })
  assert(at(agreed, "response_by") == "2026-01-05T08:15:00Z", at(agreed, "response_by"))
  t.expect_record("task", { case = case.id, origin = "case:" .. case.id, state = "open", due = "2026-01-05" })
end)

test("C3 without a service level the times are unknown, neither kept nor broken", function(t)
  local case = t.get("case", t.case { organisation = t.organisation() })
  assert(case.response_by == nil and case.response_state == nil and case.resolution_state == nil and case.policy == nil)
  t.advance("1d")
  t.expect_no_event("clients.case_breached")
end)

test("C3 Easter, a weekend and the night do not count, and what is late already is said at once", function(t)
  policy(t, { response_count = 9, response_unit = "hours", resolution_count = 3 })
  -- Maundy Thursday, 17 April 2025, 12:00 in Athens; Good Friday and Easter Monday are free: 5 hours, then 4 on Tuesday.
  local case = t.case { organisation = t.organisation(), reported_at = "2025-04-17T09:00:00Z" }
  assert(at(t.get("case", case), "response_by") == "2025-04-22T10:00:00Z", at(t.get("case", case), "response_by"))
  t.expect_event("clients.case_breached", { case = case.id, clock = "response", due = "2025-04-22T10:00:00.000Z" })
end)

test("C3 a breach comes at its moment behind a holiday, also after a restart", function(t)
  policy(t, { response_count = 8, response_unit = "hours", resolution_count = 3 })
  -- 10:00 to 17:00 on Monday, nothing on Epiphany, one hour on Wednesday.
  local case = t.case { organisation = t.organisation(), subject = "No electricity" }
  t.advance_to("2026-01-07T07:59:00Z")
  t.restart()
  t.expect_no_event("clients.case_breached")
  t.advance("1m")
  t.expect_event("clients.case_breached", { case = case.id, clock = "response", due = "2026-01-07T08:00:00.000Z" })
  t.expect_record("case", { id = case.id, response_state = "breached", resolution_state = "running" })
end)

test("C3 waiting for the client stops the clocks, and breaks nothing", function(t)
  policy(t, { response_count = 2, resolution_count = 6, resolution_unit = "hours" })
  local case = t.case { organisation = t.organisation() }
  t.advance("1h")
  t.update("case", case, { status = "waiting" })
  local waiting = t.expect_record("case", { id = case.id, response_state = "paused", resolution_state = "paused" })
  t.expect_record("task", { case = case.id, due = px.null })
  t.advance("2d")
  t.expect_no_event("clients.case_breached")
  t.update("case", case, { status = "in_progress" })
  local on = t.get("case", case)
  assert(on.waited_minutes == 2 * 24 * 60 and waiting.waiting_since and not on.waiting_since)
  -- Wednesday, 7 January, 11:00 in Athens: one hour is left for the response, five for the resolution.
  assert(at(on, "response_by") == "2026-01-07T10:00:00Z", at(on, "response_by"))
  assert(at(on, "resolve_by") == "2026-01-07T14:00:00Z", at(on, "resolve_by"))
  t.advance("1h")
  t.expect_event("clients.case_breached", { clock = "response", due = "2026-01-07T10:00:00.000Z" })
end)

test("C3 the first outgoing contact is the response, a note or what came in is not", function(t)
  policy(t)
  local case = t.case { organisation = t.organisation() }
  t.advance("1h")
  t.interaction { kind = "note", subject = "Thinking", at = "2026-01-05T08:30:00Z", cases = { case.id } }
  assert(not t.get("case", case).first_response_at)
  t.interaction { kind = "call", subject = "Called back", at = "2026-01-05T09:00:00Z", cases = { case.id } }
  t.interaction { kind = "call", subject = "Once more", at = "2026-01-05T08:45:00Z", cases = { case.id } }
  t.expect_record("case", { id = case.id, first_response_at = "2026-01-05T08:45:00Z", response_state = "met" })
  t.advance("5h")
  t.expect_no_event("clients.case_breached", { clock = "response" })
end)

test("C3 what is resolved in time stays so; opened again, the rest of the time runs", function(t)
  policy(t, { resolution_count = 6, resolution_unit = "hours" })
  local case = t.case { organisation = t.organisation() }
  t.advance("2h")
  t.update("case", case, { status = "resolved", resolution = "A new hinge" })
  t.expect_record("case", { id = case.id, resolution_state = "met", resolved_at = "2026-01-05T10:00:00Z" })
  t.expect_record("task", { case = case.id, state = "done" })
  t.advance("2d")
  t.update("case", case, { status = "reopened" })
  local open = t.get("case", case)
  -- Wednesday, 7 January, 12:00 in Athens, four hours are left.
  assert(at(open, "resolve_by") == "2026-01-07T14:00:00Z", at(open, "resolve_by"))
  assert(open.times_reopened == 1 and open.resolution_state == "running" and not open.resolved_at)
  t.expect_record("task", { case = case.id, state = "open" })
end)

test("C3 a breach climbs the chain until somebody resolves the case", function(t)
  local level = policy(t, { response_count = 1, resolution_count = 2, resolution_unit = "hours" })
  t.escalation_step { policy = level, clock = "resolution", level = 1 }
  t.escalation_step { policy = level, clock = "resolution", level = 2, after_minutes = 60 }
  t.escalation_step { policy = level, clock = "resolution", level = 3, after_minutes = 120 }
  local case = t.case { organisation = t.organisation(), subject = "Cold soup" }
  t.advance("2h")
  t.expect_record("task", { origin = "case:" .. case.id .. ":resolution:1" })
  t.advance("1h")
  t.expect_record("task", { origin = "case:" .. case.id .. ":resolution:2" })
  t.expect_record("case", { id = case.id, escalation_level = 2, resolution_state = "breached" })
  t.update("case", case, { status = "resolved", resolution = "Hot soup" })
  t.advance("2h")
  t.expect_no_record("task", { origin = "case:" .. case.id .. ":resolution:3" })
  t.expect_record("case", { id = case.id, resolution_state = "breached" })
end)

test("C3 a higher priority has a shorter time, counted from the report", function(t)
  policy(t)
  policy(t, { name = "Urgent", priority = "urgent", response_count = 30, response_unit = "minutes" })
  local case = t.case { organisation = t.organisation() }
  t.advance("10m")
  t.update("case", case, { priority = "urgent" })
  assert(at(t.get("case", case), "response_by") == "2026-01-05T08:30:00Z")
  t.advance("20m")
  t.expect_event("clients.case_breached", { case = case.id, due = "2026-01-05T08:30:00.000Z" })
end)

test("C3 what is wrong is refused, and where", function(t)
  local case = t.case { organisation = t.organisation() }
  t.refuses("rule", t.update, "case", case, { status = "resolved" })
  t.refuses("state", t.update, "case", case, { status = "closed", resolution = "Done" })
  local refusal = t.refuses("refused", t.update, "case", case, { resolve_by = "2030-01-01T00:00:00Z" })
  assert(refusal.field == "/resolve_by", refusal.field)
  assert(t.refuses("refused", t.case, { reported_at = "2027-01-01T00:00:00Z" }).field == "/reported_at")
  t.refuses("rule", t.sla_policy, { name = "Empty" })
  t.refuses("rule", t.sla_policy, { name = "Night", response_count = 1, opens = "17:00", closes = "09:00" })
  local series = t.expect_record("number_series", { code = "CASE", next = 2 })
  t.refuses("refused", t.update, "number_series", series, { next = 1 })
  t.refuses("refused", t.delete, "number_series", series)
end)

test("C3 who resolved such cases before is found, with what lies on his desk", function(t)
  local product = t.product { name = "Ferry ticket" }
  local client = t.organisation()
  local expert
  t.as("manager", function(user)
    expert = user.id
    for _ = 1, 2 do
      local case = t.case { organisation = client, product = product, owner = user.id }
      t.update("case", case, { status = "resolved", resolution = "Refunded" })
    end
    t.case { organisation = client, owner = user.id }
  end)
  local case = t.case { organisation = client, product = product }
  local found = t.call("GET", "/cases/" .. case.id .. "/experts").json.data
  assert(found[1].user == expert and found[1].open_cases == 1, px.json.encode(found))
  assert(t.call("GET", "/cases/0000000000001/experts").status == 404)
end)

test("C3 the report of response times counts what is known, and the unknown apart", function(t)
  policy(t)
  local client = t.organisation()
  local case = t.case { organisation = client }
  t.case { organisation = client, subject = "Not answered yet" }
  t.advance("90m")
  t.interaction { kind = "call", subject = "Called", at = "2026-01-05T09:30:00Z", cases = { case.id } }
  local report = t.call("GET", "/reports/response_times", { query = { from = "2025-12-01", to = "2026-01-31", by = "month" } }).json
  local median, kept = report.series[1], report.series[5]
  assert(median.points[1].x == "2025-12" and median.points[1].y == nil or median.points[1].y == px.null)
  assert(median.points[2].y == 1.5 and median.unknown == 1 and report.unknown == 1, px.json.encode(report))
  assert(kept.points[2].y == 100 and kept.points[2].n == 1 and kept.unit == "percent")
  assert(t.call("GET", "/reports/response_times", { query = { from = "yesterday" } }).json.errors[1].pointer == "/from")
  assert(t.call("GET", "/reports/response_times", { query = { by = "day" } }).json.errors[1].pointer == "/by")
end)

test("C3 the command lists open cases by deadline, and shows one", function(t)
  policy(t)
  local client = t.organisation { name = "Samos Wine" }
  t.case { organisation = client, subject = "Later", priority = "low" }
  t.case { organisation = client, subject = "Sooner" }
  local listed = t.command("cases").tables[1].rows
  assert(#listed == 2 and listed[1].number == "C-000001" and listed[1].client == "Samos Wine", px.json.encode(listed))
  assert(t.command("case", { "C-000002" }).tables[1].rows[2].value == "Sooner")
  t.refuses("refused", t.command, "case", { number = "C-9" })
  t.refuses("invalid", t.command, "case", {})
  assert(t.call("GET", "/cases", { query = { limit = "1" } }).json.data[1].time == "running")
end)

test("C3 who has the skill that a case needs is found, and how the case went is told to the bond's health", function(t)
  policy(t)
  local skill, client = t.skill { name = "Customs" }, t.organisation()
  local bond = t.relationship { source = client, target = t.organisation(), managed = true }
  local expert
  t.as("manager", function(user)
    expert = user.id
  end)
  t.expertise { user = expert, skill = skill, level = "expert" }
  local case = t.case { organisation = client, skill = skill }
  local found = t.call("GET", "/cases/" .. case.id .. "/experts").json.data
  assert(#found == 1 and found[1].user == expert and found[1].reasons[1].level == "expert", px.json.encode(found))
  t.update("case", case, { status = "resolved", resolution = "Cleared" })
  t.expect_record("health_signal", { relationship = bond.id, factor = "cases", value = "1.0000", evidence_id = case.id })
end)
