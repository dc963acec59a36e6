-- New products presented.

local function audience(t, launch, dry)
  local answer = t.call("POST", "/launches/" .. launch.id .. "/audience", { json = { dry_run = dry } })
  assert(answer.status == 200, answer.text)
  return answer.json
end

test("T3 the audience is who has the one and not the other, each with the reason", function(t)
  local old, new = t.product { name = "Old press" }, t.product { name = "New press" }
  local acme, rival, closed = t.organisation { name = "Acme" }, t.organisation(), t.organisation { do_not_contact = true }
  for _, organisation in ipairs { acme, rival, closed } do
    t.owned_product { organisation = organisation, product = old }
  end
  t.owned_product { organisation = rival, product = new }
  local launch = t.launch { product = new, owns = old, starts_on = "2026-02-01" }
  local tried = audience(t, launch, true)
  assert(#tried.add == 1 and tried.add[1].name == "Acme" and tried.add[1].reason == "has Old press" and tried.have_it == 1, px.json.encode(tried))
  t.expect_no_record("launch_target")
  assert(audience(t, launch).changeset)
  t.expect_record("launch_target", { organisation = acme, reason = "has Old press", state = "chosen" })
  assert(audience(t, launch).already == 1)
end)

test("T3 each one chosen is a task of who looks after it, and interest is an opportunity", function(t)
  local us, acme = t.organisation { roles = { "own_company" } }, t.organisation { name = "Acme", roles = { "client" } }
  local keeper
  t.as("manager", function(user)
    keeper = user.id
    t.relationship { source = acme, target = us }
  end)
  local product = t.product { name = "Press" }
  local launch = t.launch { name = "Spring", product = product, role = "client", starts_on = "2026-02-01" }
  audience(t, launch)
  t.expect_no_record("task")
  t.update("launch", launch, { state = "running" })
  local task = t.expect_record("task", { title = "Present Press to Acme", owner = keeper, due = "2026-02-15", kind = "launch" })
  local target = t.expect_record("launch_target", { organisation = acme })
  t.update("launch_target", target, { state = "interested", outcome = "wants a trial" })
  t.restart()
  t.expect_record("task", { id = task.id, state = "done" })
  local opportunity = t.expect_record("opportunity", { name = "Spring", organisation = acme, product = product, owner = keeper })
  t.expect_record("launch_target", { id = target.id, opportunity = opportunity })
  local outcome = t.call("GET", "/launches/" .. launch.id .. "/outcome").json
  assert(outcome.targets.interested == 1 and outcome.open_follow_ups == 0 and outcome.values_unknown == 1)
end)

test("T3 whoever is added while it runs is followed up, too; bad ones are refused", function(t)
  local launch = t.launch { product = t.product(), starts_on = "2026-02-01" }
  t.update("launch", launch, { state = "running" })
  t.launch_target { launch = launch, organisation = t.organisation() }
  assert(#t.find("task", { filter = { kind = "launch" } }) == 1)
  t.refuses("rule", t.launch, { product = t.product(), starts_on = "2026-02-01", ends_on = "2026-01-01" })
  t.update("launch", launch, { state = "closed" })
  assert(t.call("POST", "/launches/" .. launch.id .. "/audience").json.errors[1].pointer == "/state")
end)
