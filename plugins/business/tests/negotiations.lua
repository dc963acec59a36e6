-- Negotiations: positions, concessions, outcome; communication; causes.

local function manager(t, role)
  local id
  t.as(role or "manager", function(user) id = user.id end)
  return id
end

test("B5 a negotiation: concessions move positions, the outcome is measured against the target", function(t)
  local talk = t.negotiation { title = "Steel 2027", side = "supplier", owner = manager(t), next_round_on = "2026-01-20" }
  local price = t.negotiation_issue { negotiation = talk.id, title = "Price", target = 90, reservation = 110, ours = 85, theirs = 120, weight = 3 }
  local terms = t.negotiation_issue { negotiation = talk.id, title = "Days to pay", target = 60, reservation = 30 }
  t.concession { issue = price.id, side = "theirs", made_on = "2026-01-06", from_value = 120, to_value = 105 }
  t.concession { issue = price.id, side = "ours", made_on = "2026-01-07", from_value = 85, to_value = 95 }
  t.refuses("rule", t.concession, { issue = price.id, side = "ours", from_value = 1, to_value = 1 })
  local now = t.get("negotiation_issue", price)
  assert(tostring(now.theirs) == "105.00" and tostring(now.ours) == "95.00", tostring(now.theirs))
  t.expect_record("task", { origin = "negotiation:" .. talk.id, due = "2026-01-20", state = "open" })
  t.update("negotiation_issue", price, { agreed = 100 })
  assert(t.refuses("refused", t.update, "negotiation", talk, { state = "agreed" }).field == "/state")
  t.update("negotiation_issue", terms, { agreed = 60 })
  t.update("negotiation", talk, { state = "agreed" })
  t.expect_record("task", { origin = "negotiation:" .. talk.id, state = "done" })
  local answer = t.call("GET", "/negotiations/" .. talk.id).json
  assert(tostring(answer.reached) == "62.5" and answer.unknown == 0 and answer.concessions.theirs == 1, tostring(answer.reached))
end)

test("B5 only the team writes, and reads positions", function(t)
  local talk = t.negotiation { side = "client", owner = manager(t) }
  local issue = t.negotiation_issue { negotiation = talk.id, title = "Price", target = 90, reservation = 110 }
  t.as("manager:other", function()
    t.refuses("refused", t.negotiation_issue, { negotiation = talk.id, title = "Mine" })
    t.refuses("refused", t.update, "negotiation_issue", issue, { reservation = 200 })
    assert(#t.call("GET", "/negotiations/" .. talk.id).json.issues == 0)
  end)
  t.update("negotiation", talk, { team = { manager(t, "manager:other") } })
  t.as("manager:other", function()
    t.update("negotiation_issue", issue, { theirs = 120 })
    assert(#t.call("GET", "/negotiations/" .. talk.id).json.issues == 1)
  end)
end)

test("B5 response times pair what came in with what went out", function(t)
  local party = t.organisation { name = "Acme" }
  local function say(at, direction, fields)
    fields = fields or {}
    fields.kind, fields.at, fields.direction, fields.organisations = "email", at, direction, { party.id }
    return t.interaction(fields)
  end
  say("2026-01-05T08:00:00Z", "inbound")
  say("2026-01-05T09:00:00Z", "inbound") -- still the same question
  say("2026-01-05T12:00:00Z", "outbound")
  local heard = say("2026-01-06T12:00:00Z", "inbound", { tone = -1 })
  assert(heard.tone_by)
  say("2026-02-02T08:00:00Z", "outbound", { tone = 1 })
  t.refuses("range", say, "2026-02-03T08:00:00Z", "inbound", { tone = 3 })
  t.refuses("refused", t.update, "interaction", heard, { tone_by = "user:x" })
  local report = t.call("GET", "/reports/response_times?party=Acme&from=2026-01-01&to=2026-03-31").json
  assert(report.series[1].points[1].y == (4 + 644) / 2 and report.series[2].points[1].y == 24, report.series[1].points[1].y)
  assert(report.waiting == "theirs" and report.series[1].points[3].y == nil or report.series[1].points[3].y == px.null)
  local tone = t.call("GET", "/reports/tone?party=Acme&from=2026-01-01&to=2026-03-31").json
  assert(tone.unknown == 3 and tone.series[1].trend == "better" and tone.series[1].points[1].y == -1)
end)

test("B5 causes count what came back, and an action is checked", function(t)
  local process = t.root_cause { title = "No second check" }
  local cause = t.root_cause { title = "Wrong label", parent = process.id, category = "process" }
  t.refuses("cycle", t.update, "root_cause", process, { parent = cause.id })
  t.problem { title = "Sent to Patras", cause = cause.id, happened_on = "2026-01-02" }
  local action = t.corrective_action { cause = cause.id, title = "Scan at the gate", due_on = "2026-01-04" }
  t.refuses("rule", t.update, "corrective_action", action, { state = "done" })
  t.update("corrective_action", action, { state = "done", done_on = "2026-01-04", check_on = "2026-02-04" })
  t.expect_record("task", { origin = "corrective_check:" .. action.id, due = "2026-02-04", state = "open" })
  t.problem { title = "Sent to Volos", cause = cause.id, happened_on = "2026-01-05" }
  local row = t.call("GET", "/causes?parent=" .. process.id).json.data[1]
  assert(row.problems == 2 and row.actions[1].problems_since == 1)
  t.refuses("rule", t.update, "corrective_action", action, { state = "ineffective" })
  t.update("corrective_action", action, { state = "ineffective", evidence = "Volos" })
  t.expect_record("task", { origin = "corrective_check:" .. action.id, state = "done" })
end)
