-- The one list of work.

test("S5 my work: the nearest first, those without a day last, others' not", function(t)
  t.as("manager:other", function()
    t.task { title = "Not mine", due = "2026-01-06" }
  end)
  t.as("manager", function(user)
    t.task { title = "Some day" }
    t.task { title = "Later", due = "2026-02-01" }
    t.task { title = "Late", due = "2026-01-02", effort_hours = px.decimal("1.5"), priority = "high" }
    local done = t.task { title = "Done", due = "2026-01-02" }
    t.update("task", done, { state = "done" })
    local work = t.call("GET", "/work").json
    local titles = {}
    for i, task in ipairs(work.data) do
      titles[i] = task.title
    end
    assert(table.concat(titles, ", ") == "Late, Later, Some day", table.concat(titles, ", "))
    assert(work.open == 3 and work.overdue == 1 and work.without_date == 1)
    assert(#t.call("GET", "/work?until=2026-01-31").json.data == 1)
    assert(t.call("GET", "/work?limit=0").status == 400)
  end)
end)

test("S5 one task per origin", function(t)
  t.task { origin = "contract:1:notice" }
  local refusal = t.refuses("unique", t.task, { origin = "contract:1:notice" })
  assert(refusal.field == "/origin")
  t.refuses("range", t.task, { effort_hours = px.decimal("-1") })
end)
