-- What comes first: the rank by hand, what is unknown apart, whose rows they are.
local ranking <const> = require "attention_rank"

test("S5 the rank is value × fall × nearness ÷ effort, counted by hand", function()
  assert(ranking.nearness(0) == 1 and ranking.nearness(7) == 0.5 and ranking.nearness(-15) == 1.5 and ranking.nearness(-400) == 2)
  assert(ranking.fall(60, nil) == 0.4 and ranking.fall(60, -10) == 0.5 and ranking.fall(60, 10) == 0.4)
  local rank, missing = ranking.rank { value = 1000, fall = 0.5, nearness = 0.5, effort = 2 }
  assert(rank == 125 and #missing == 0, rank)
end)

test("S5 what is unknown is no 0 and no 1: it has no rank, and is named", function()
  local rank, missing = ranking.rank { value = 1000, nearness = 1 }
  assert(rank == nil and table.concat(missing, ",") == "fall,effort")
  assert(ranking.rank { value = 0, fall = 0.5, nearness = 1, effort = 1 } == 0)
end)

test("S5 equal ranks go by deadline; of the unknown the best known come first", function()
  local rows = { { id = "a", rank = 1, days = 5 }, { id = "b", rank = 2, days = 9 }, { id = "c", rank = 1, days = 2 }, { id = "d", rank = 1 } }
  ranking.sort_ranked(rows)
  assert(rows[1].id == "b" and rows[2].id == "c" and rows[3].id == "a" and rows[4].id == "d")
  local apart = { { id = "x", missing = { "value", "effort" } }, { id = "y", missing = { "value" } } }
  ranking.sort_unknown(apart)
  assert(apart[1].id == "y")
end)

local function today(t, limit)
  return t.call("GET", "/today", { query = { limit = limit } }).json
end

-- A bond with health 60 of 100, spoken with on the 1st, a contact due every ten days.
local function bond(t, user, fields)
  fields.source, fields.target, fields.managed, fields.owner = t.organisation { name = fields.name }, t.organisation(), true, user.id
  fields.name = nil
  local relationship = t.relationship(fields)
  for _, name in ipairs { "satisfaction", "cases", "payments", "competition" } do
    t.health_signal { relationship = relationship, factor = name, value = "0.6", at = tostring(px.date.now()) }
  end
  return relationship
end

test("S5 tasks and bonds in one queue: ranked, apart, each with why this and why now", function(t)
  t.exchange_rate { base = "EUR", currency = "USD", rate = "1.25", on = "2026-01-02", source = "ECB" }
  t.task { title = "Another's", due = "2026-01-12", effort_hours = "2", value_at_stake = px.money(100, "EUR") }
  t.as("manager", function(user)
    local acme = bond(t, user, { name = "Acme", value_at_stake = px.money(12500000, "USD") })
    local pound = bond(t, user, { name = "Pound", value_at_stake = px.money(100, "GBP") })
    local task = t.task { title = "Renew", owner = user.id, relationship = acme, due = "2026-01-12", effort_hours = "2" }
    local late = t.task { title = "Answer", owner = user.id, relationship = acme, due = "2025-12-21", effort_hours = "2", value_at_stake = px.money(1000000, "EUR") }
    t.task { title = "No rate", owner = user.id, relationship = pound, due = "2026-01-12", effort_hours = "2" }
    local day = today(t)
    assert(#day.rows == 2 and day.counts.unknown == 3, px.json.encode(day))
    -- 125,000 USD are 100,000 EUR; 60 of 100; a week ahead; two hours.
    local first, second = day.rows[1], day.rows[2]
    assert(first.id == task.id and math.abs(first.rank - 100000 * 0.4 * 0.5 / 2) < 1e-6, first.rank)
    assert(first.parts.value.base.amount == 10000000 and first.parts.value.rate_on == "2026-01-02", px.json.encode(first.parts))
    assert(second.id == late.id and math.abs(second.rank - 10000 * 0.4 * 1.5 / 2) < 1e-6, second.rank)
    assert(first.why_this.en:find("^Acme: .*100000.00.*health 60 of 100"), first.why_this.en)
    assert(first.why_now.en == "due in 7 days, on 12/01/2026", first.why_now.en)
    assert(second.why_now.el == "εκπρόθεσμο κατά 15 ημέρες, από 21/12/2025", second.why_now.el)
    assert(first.act.command:find(task.id, 1, true) and first.act.url == "/api/v1/tasks/" .. task.id)
    assert(day.unknown[1].title == "No rate" and day.unknown[1].parts.value.no_rate == "GBP/EUR", px.json.encode(day.unknown[1]))
    t.update("task", task, { state = "done" })
    assert(#today(t).rows == 1)
  end)
end)

test("S5 a bond asks for itself when its next contact is due, and only to who looks after it", function(t)
  t.as("manager", function(user)
    local acme = bond(t, user, { name = "Acme", value_at_stake = px.money(100000, "EUR"), contact_every_days = 10, contact_hours = "0.5" })
    assert(today(t).unknown[1].missing[1] == "nearness")
    t.interaction { kind = "call", status = "held", at = "2026-01-02T10:00:00Z", organisations = { acme.source } }
    local row = today(t).rows[1]
    assert(row.kind == "bond" and row.parts.nearness.due == "2026-01-12" and row.parts.effort.hours == 0.5, px.json.encode(row))
  end)
  t.as("manager:other", function()
    assert(today(t).counts.bonds == 0)
  end)
  assert(t.call("GET", "/today", { query = { limit = "0" } }).json.errors[1].pointer == "/limit")
end)

test("S5 proxenos today prints the queue, C1 proxenos health what a bond is made of", function(t)
  t.as("manager", function(user)
    bond(t, user, { name = "Άλφα ΑΕ", value_at_stake = px.money(100000, "EUR") })
    local printed = t.command("today", { "limit=5" })
    assert(printed.tables[1].rows[1].what == "Άλφα ΑΕ" and printed.tables[1].rows[1].missing:find("effort", 1, true), px.json.encode(printed))
    t.refuses("refused", t.command, "today", { "limit=0" })
    local health = t.command("health", { "αλφα", "αε" })
    assert(health.output:find("60 of 100", 1, true), health.output)
    assert(#health.tables[1].rows == 9 and health.tables[1].rows[1].value == "unknown", px.json.encode(health.tables))
    t.refuses("refused", t.command, "health", { "nobody" })
  end)
end)

test("S5 hours that a task does not say are assumed by its kind, and shown so; of an unknown kind they stay unknown", function(t)
  local effort = require "attention_effort"
  assert(select(2, effort.read { "promise=1", "call=soon" }) == "call=soon" and select(2, effort.read { "call=0" }) == "call=0")
  t.as("manager", function(user)
    local acme = bond(t, user, { name = "Acme", value_at_stake = px.money(100000, "EUR"), contact_every_days = 10, contact_hours = "0.5" })
    t.task { title = "Call", kind = "call", owner = user.id, relationship = acme, due = "2026-01-12" }
    t.task { title = "Said", kind = "call", owner = user.id, relationship = acme, due = "2026-01-12", effort_hours = "3" }
    t.task { title = "Whatever", kind = "whatever", owner = user.id, relationship = acme, due = "2026-01-12" }
    local found = {}
    for _, list in ipairs { today(t).rows, today(t).unknown } do
      for _, row in ipairs(list) do
        found[row.title] = row
      end
    end
    assert(found.Call.rank and found.Call.parts.effort.hours == 0.5 and found.Call.parts.effort.assumed, px.json.encode(found.Call))
    assert(found.Said.parts.effort.hours == 3 and not found.Said.parts.effort.assumed)
    assert(found.Whatever.rank == nil and found.Whatever.missing[1] == "effort")
    local printed = t.command("today", { "limit=9" })
    assert(px.json.encode(printed):find("effort 0.5 h, assumed", 1, true), px.json.encode(printed))
  end)
end)
