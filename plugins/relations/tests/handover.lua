-- Somebody leaves or is away: nothing is forgotten, and all of it comes back.

local function users(t)
  local from, to
  t.as("manager:leaves", function(user) from = user.id end)
  t.as("manager:stays", function(user) to = user.id end)
  return from, to
end

local function ask(t, method, handover, what)
  return t.call(method, "/handovers/" .. handover.id .. "/" .. what)
end

local function count(list, object)
  for _, row in ipairs(list) do
    if row.object == object then
      return row
    end
  end
end

test("B1 the pack holds bonds by risk, promises, deadlines and what stays", function(t)
  local from, to = users(t)
  local us = t.organisation { roles = { "own_company" } }
  local small = t.relationship { owner = from, source = t.organisation(), target = us, value_at_stake = px.money(100, "EUR") }
  local great = t.relationship { owner = from, source = t.organisation(), target = us, value_at_stake = px.money(900, "EUR") }
  t.promise { owner = from, text = "A visit in spring", due = "2026-03-01", organisation = t.organisation() }
  t.task { owner = from, title = "Second", due = "2026-02-01" }
  t.task { owner = from, title = "First", due = "2026-01-10" }
  t.update("task", t.task { owner = from, title = "Over" }, { state = "done" })
  local handover = t.handover { from = from, to = to, reason = "leaving", notes = "The key is with Eleni" }
  local answer = ask(t, "GET", handover, "pack")
  assert(answer.status == 200, answer.text)
  local shown = answer.json
  assert(shown.bonds[1].relationship == great.id and shown.bonds[2].relationship == small.id)
  local printed = t.command("pack", { t.get("user", from).name })
  assert(printed.tables[1].rows[1].health == "?" and printed.output:find("task: 3 to hand over, 1 stay", 1, true), printed.output)
  assert(t.refuses("refused", t.command, "pack", { "nobody" }).detail == "there is no user called nobody")
  assert(shown.bonds[1].health == nil or shown.bonds[1].health == px.null)
  assert(shown.promises[1].text == "A visit in spring" and shown.notes == "The key is with Eleni")
  local tasks = count(shown.counts, "task")
  assert(tasks.stays == 1 and shown.deadlines[1].title == "First", px.json.encode(shown.counts))
end)

test("B1 the move is one change-set, and who comes back has all of it again", function(t)
  local from, to = users(t)
  local acme = t.organisation { owner = from }
  local task = t.task { owner = from, due = "2026-02-01" }
  local other = t.task { owner = from, due = "2026-02-02" }
  local handover = t.handover { from = from, to = to, reason = "away", returns_on = "2026-01-20" }
  local answer = ask(t, "POST", handover, "move")
  assert(answer.status == 200 and answer.json.changeset, answer.text)
  t.expect_record("organisation", { id = acme.id, owner = to })
  t.expect_record("task", { id = task.id, owner = to })
  t.expect_record("task", { kind = "handover", owner = to, due = "2026-01-20", state = "open" })
  local third
  t.as("manager:third", function(user) third = user.id end)
  t.update("task", other, { owner = third })
  local back = ask(t, "POST", handover, "back").json
  assert(back.went_on[1].id == other.id and #back.went_on == 1, px.json.encode(back))
  t.expect_record("organisation", { id = acme.id, owner = from })
  t.expect_record("task", { id = other.id, owner = third })
  t.expect_record("handover", { id = handover.id, state = "returned" })
  t.expect_no_record("task", { kind = "handover", state = "open" })
end)

test("B1 what still comes to who is gone is told to who took over", function(t)
  local from, to = users(t)
  local handover = t.handover { from = from, to = to, reason = "leaving" }
  ask(t, "POST", handover, "move")
  t.task { owner = from, title = "Too late" }
  t.advance("2d")
  t.expect_record("task", { kind = "handover", owner = to, state = "open" })
  assert(count(ask(t, "POST", handover, "move").json.moved, "task").count == 1)
  t.expect_record("task", { title = "Too late", owner = to })
end)

test("B1 nobody hands over to himself, or says that it was done", function(t)
  local from, to = users(t)
  t.refuses("rule", t.handover, { from = from, to = from, reason = "leaving" })
  t.refuses("rule", t.handover, { from = from, to = to, reason = "away" })
  local handover = t.handover { from = from, to = to, reason = "leaving" }
  t.refuses("refused", t.update, "handover", handover, { state = "moved" })
  assert(ask(t, "POST", handover, "back").status == 422)
end)
