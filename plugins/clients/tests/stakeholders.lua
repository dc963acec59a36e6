-- Who decides, how we know, and what the map leaves open.

local function deal(t)
  local organisation = t.organisation { name = "Aegean Energy" }
  local opportunity = t.opportunity { name = "Solar roof", organisation = organisation, stage = nil }
  return opportunity, organisation
end

local function member(t, opportunity, organisation, fields)
  local person = t.person { name = fields.name }
  t.affiliation { person = person, organisation = organisation, job_title = fields.name }
  return t.stakeholder { person = person, opportunity = opportunity, account_plan = px.null, role = fields.role or "influencer",
    department = fields.department, champion = fields.champion, influence = fields.influence, attitude = px.null,
    attitude_on = px.null }, person
end

local function meet(t, person, at)
  return t.interaction { kind = "meeting", subject = "Talk", at = at or "2026-01-05T07:00:00Z", people = { person.id },
    organisations = {} }
end

local function gap_of(answer, kind)
  for _, gap in ipairs(answer.gaps) do
    if gap.kind == kind then
      return gap
    end
  end
end

test("C2 an attitude is the newest evidence's, and its history stays", function(t)
  local opportunity, organisation = deal(t)
  local stakeholder, person = member(t, opportunity, organisation, { name = "Anna", influence = 5 })
  local talk = meet(t, person)
  local function evidence(attitude, day)
    return t.attitude_evidence { stakeholder = stakeholder, attitude = attitude, observed_on = day, interaction = talk,
      what_was_said = px.null }
  end
  evidence("neutral", "2025-12-01")
  local newest = evidence("supporter", "2026-01-04")
  evidence("blocker", "2025-12-20")
  t.expect_record("stakeholder", { id = stakeholder.id, attitude = "supporter", attitude_on = "2026-01-04" })
  t.delete("attitude_evidence", newest)
  t.expect_record("stakeholder", { id = stakeholder.id, attitude = "blocker", attitude_on = "2025-12-20" })
  assert(#t.find("attitude_evidence", { filter = { stakeholder = stakeholder.id } }) == 2)
end)

test("C2 what is wrong is refused, and where", function(t)
  local opportunity, organisation = deal(t)
  local stakeholder = member(t, opportunity, organisation, { name = "Anna" })
  assert(t.refuses("refused", t.update, "stakeholder", stakeholder, { attitude = "supporter" }).field == "/attitude")
  local refusal = t.refuses("rule", t.attitude_evidence, { stakeholder = stakeholder, interaction = px.null,
    what_was_said = px.null })
  assert(refusal.detail:find("names the interaction", 1, true), refusal.detail)
  assert(t.refuses("refused", t.attitude_evidence, { stakeholder = stakeholder, observed_on = "2026-02-01" }).field == "/observed_on")
  t.refuses("rule", t.stakeholder, { opportunity = px.null, account_plan = px.null, attitude = px.null, attitude_on = px.null })
  t.refuses("range", t.update, "stakeholder", stakeholder, { influence = 6 })
end)

test("C2 the finance director was not met for 90 days; a lasting gap becomes one task", function(t)
  local opportunity, organisation = deal(t)
  local finance, person = member(t, opportunity, organisation, { name = "Κώστας Ρήγας", department = "finance" })
  local _, other = member(t, opportunity, organisation, { name = "Eleni", role = "primary_decision_maker" })
  meet(t, person, "2025-10-01T09:00:00Z")
  meet(t, other)
  local answer = t.call("GET", "/coverage?opportunity=" .. opportunity.id).json
  local gap = gap_of(answer, "no_contact")
  assert(gap.stakeholder == finance.id and gap.days == 96, px.json.encode(answer))
  assert(gap.says == "no contact with Κώστας Ρήγας for 96 days", gap.says)
  assert(gap_of(answer, "single_threaded").people == 1)
  assert(not gap_of(answer, "role_missing") and not gap_of(answer, "champion_left"))
  t.advance("7d")
  local task = t.expect_record("task", { opportunity = opportunity, organisation = organisation,
    title = "Solar roof: no contact with Κώστας Ρήγας for 103 days" })
  meet(t, person, "2026-01-12T07:00:00Z")
  t.expect_record("task", { id = task.id, state = "done" })
  t.expect_record("coverage_gap", { kind = "no_contact", first_seen_on = "2026-01-05", closed_on = "2026-01-12" })
  assert(#t.call("GET", "/coverage?opportunity=" .. opportunity.id).json.gaps == 0)
end)

test("C2 a champion who left and a role that nobody has are gaps; what is not known is said apart", function(t)
  local opportunity, organisation = deal(t)
  local champion, person = member(t, opportunity, organisation, { name = "Maria", champion = true })
  local affiliation = t.find("affiliation", { filter = { person = person.id } })[1]
  t.update("affiliation", affiliation, { ended_on = "2026-01-04" })
  local answer = t.call("GET", "/coverage?opportunity=" .. opportunity.id).json
  assert(gap_of(answer, "champion_left").stakeholder == champion.id)
  assert(gap_of(answer, "role_missing").role == "primary_decision_maker")
  assert(not gap_of(answer, "no_contact"), "entered today: not known, so no gap")
  local unknown = {}
  for _, one in ipairs(answer.unknown) do
    unknown[one.what] = one.stakeholder
  end
  assert(unknown.attitude == champion.id and unknown.contact == champion.id)
end)

test("C2 a deal that ends has no gaps left", function(t)
  local opportunity, organisation = deal(t)
  member(t, opportunity, organisation, { name = "Anna" })
  t.expect_record("coverage_gap", { kind = "role_missing", closed_on = px.null })
  t.update("opportunity", opportunity, { stage = "lost" })
  t.expect_no_record("coverage_gap", { closed_on = px.null })
  t.expect_no_record("task", { state = "open" })
end)

test("C2 whose map is asked for must be said", function(t)
  assert(t.call("GET", "/coverage").json.code == "required")
  assert(t.call("GET", "/coverage?opportunity=0000000000000").status == 404)
end)
