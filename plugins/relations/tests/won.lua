-- What follows when an opportunity is won.

local function won(t, fields)
  local opportunity = t.opportunity(fields)
  t.update("opportunity", opportunity, { stage = "engaging" })
  return t.update("opportunity", opportunity, { stage = "won" })
end

test("who buys becomes a client", function(t)
  local organisation = t.organisation { roles = { "prospect" } }
  won(t, { organisation = organisation })
  t.expect_record("organisation", { id = organisation.id, roles = { "client", "prospect" } })
end)

test("one welcome call is opened for the owner, three days ahead", function(t)
  local organisation = t.organisation()
  local opportunity = won(t, { organisation = organisation })
  t.expect_record("task", {
    title = "Welcome call",
    organisation = organisation,
    opportunity = opportunity,
    due = "2026-01-08",
    state = "open",
  })
  assert(#t.find("task") == 1)
end)

test("the follow-up task comes once, whatever crashes", function(t)
  won(t, { organisation = t.organisation() })
  t.restart()
  t.advance("1d")
  assert(#t.find("task", { filter = { title = "Welcome call" } }) == 1)
end)

test("an opportunity without an organisation is welcomed all the same", function(t)
  local opportunity = won(t)
  t.expect_record("task", { title = "Welcome call", opportunity = opportunity, organisation = px.null })
end)

test("losing opens nothing", function(t)
  local opportunity = t.opportunity { organisation = t.organisation() }
  t.update("opportunity", opportunity, { stage = "lost" })
  t.expect_no_record("task")
  t.expect_no_event("task.created")
end)
