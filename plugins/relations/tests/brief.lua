-- The manager's words at the terminal.

local function column(told, name)
  local values = {}
  for i, row in ipairs(told.tables[1].rows) do
    values[i] = row[name]
  end
  return table.concat(values, "\n")
end

test("S2 a call is logged from the command line, with what was promised", function(t)
  local organisation = t.organisation { name = "Samos Wine" }
  t.as("manager", function(user)
    local done = t.command("log call", {
      party = "Samos Wine", text = "Prices for spring", minutes = 20, outcome = "They think about it",
      promise = "Send the list", by = "2026-01-12",
    })
    assert(done.exit_code == 0 and done.output:find("Call with Samos Wine noted", 1, true), done.output)
    local call = t.expect_record("interaction", { kind = "call", subject = "Prices for spring", duration_minutes = 20, owner = user.id })
    assert(call.organisations[1] == organisation.id and call.status == "held")
    t.expect_record("promise", { text = "Send the list", interaction = call, direction = "by_us", due = "2026-01-12" })
    local refusal = t.refuses("refused", t.command, "log call", { party = "Samos Wine", text = "x", promise = "y" })
    assert(refusal.field == "/args/by", refusal.field)
  end)
end)

test("C1 promises from the command line: made, listed, kept, broken", function(t)
  t.organisation { name = "Samos Wine" }
  assert(t.command("promise", { party = "Samos Wine", text = "A sample", by = "2026-01-12", from = "them" }).exit_code == 0)
  assert(t.command("promise", { party = "Samos Wine", text = "The offer", by = "2026-01-13" }).exit_code == 0)
  local theirs = t.expect_record("promise", { text = "A sample", direction = "to_us" })
  local ours = t.expect_record("promise", { text = "The offer", direction = "by_us" })
  local list = column(t.command("promises"), "what")
  assert(list:find("A sample", 1, true) < list:find("The offer", 1, true), list)
  t.command("promise kept", { id = theirs.id })
  t.expect_record("promise", { id = theirs.id, state = "kept" })
  t.refuses("rule", t.command, "promise broken", { id = ours.id })
  t.command("promise broken", { id = ours.id, reason = "No time" })
  t.expect_record("promise", { id = ours.id, state = "broken", reason = "No time" })
  t.refuses("refused", t.command, "promise", { party = "Samos Wine", text = "x", by = "2026-01-12", from = "you" })
end)

test("S2 a brief finds a party in Greek, in Greeklish and by id, and tells the whole of it", function(t)
  local us = t.organisation { name = "Our Firm" }
  local client = t.organisation { name = "Οινοποιία Σάμου", industry = "wine", roles = { "client" } }
  t.relationship { source = client, target = us }
  local person = t.person { name = "Άννα Παπαδοπούλου" }
  t.affiliation { person = person, organisation = client, job_title = "Buyer" }
  t.promise { organisation = client, text = "A sample", due = "2026-02-01" }
  t.task { organisation = client, title = "Call them" }
  local before = t.command("brief", { party = "Οινοποιία Σάμου" })
  assert(before.exit_code == 0 and column(before, "what"):find("unknown", 1, true))
  t.interaction { kind = "visit", subject = "The cellar", at = "2026-01-04T10:00:00Z", people = { person } }
  for _, name in ipairs { "οινοποιια σαμου", "oinopoiia samou", client.id } do
    local told = column(t.command("brief", { party = name }), "what")
    for _, word in ipairs { "Οινοποιία Σάμου", "wine", "Our Firm", "Άννα Παπαδοπούλου, Buyer", "A sample", "Call them", "Visit: The cellar" } do
      assert(told:find(word, 1, true), name .. ": " .. word .. " is not in\n" .. told)
    end
  end
  local whole = t.call("GET", "/brief?party=" .. client.id)
  assert(whole.status == 200 and whole.json.brief[1].section == "who")
end)

test("S2 where several may be meant they are listed, and nothing is written", function(t)
  t.organisation { name = "Aegean Cargo" }
  t.organisation { name = "Aegean Airways" }
  local told = t.command("brief", { party = "Aegean" })
  assert(told.exit_code == 2 and #told.tables[1].rows == 2 and column(told, "name"):find("Aegean Airways", 1, true))
  assert(t.command("log call", { party = "Aegean", text = "x" }).exit_code == 2)
  t.expect_no_record("interaction")
  assert(t.command("brief", { party = "Nobody" }).exit_code == 2)
  assert(t.call("GET", "/brief?party=Aegean").status == 300 and t.call("GET", "/brief").status == 400)
  assert(t.command("brief", { party = "Aegean Cargo" }).exit_code == 0)
end)
