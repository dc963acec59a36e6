-- Comments on any record, for who sees the record.

test("B1 a thread on a record, a mention makes one task", function(t)
  local organisation = t.organisation { name = "Aegean Lines" }
  local other
  t.as("manager:other", function(user) other = user.id end)
  t.as("manager", function()
    local comment = t.comment { object = "organisation", record = organisation.id, body = "Look at this", mentions = { other } }
    assert(comment.title == "Aegean Lines")
    t.comment { object = "organisation", record = organisation.id, body = "And this", answers = comment.id }
    t.update("comment", comment, { body = "Look at that" })
  end)
  t.restart()
  local thread = t.call("GET", "/threads/organisation/" .. organisation.id).json
  assert(#thread.data == 2 and thread.data[1].body == "Look at that" and thread.data[1].author == "test-manager" and thread.data[2].answers == thread.data[1].id)
  local task = t.expect_record("task", { owner = other, state = "open" })
  assert(#t.find("task") == 1 and not task.title:find("Aegean", 1, true))
end)

test("B1 a comment needs a record that one sees, and only its author changes it", function(t)
  local organisation = t.organisation()
  assert(t.refuses("refused", t.comment, { object = "organisation", record = "0p2xh54040zzz", body = "?" }).field == "/record")
  assert(t.refuses("refused", t.comment, { object = "nothing", record = organisation.id, body = "?" }).field == "/record")
  assert(t.call("GET", "/threads/organisation/0p2xh54040zzz").status == 404)
  local comment
  t.as("manager", function() comment = t.comment { object = "organisation", record = organisation.id, body = "Mine" } end)
  t.as("manager:other", function()
    assert(t.refuses("refused", t.update, "comment", comment, { body = "Yours" }).field == "/body")
  end)
  t.as("manager", function()
    t.refuses("refused", t.update, "comment", comment, { record = t.organisation().id })
  end)
end)

test("B1 a comment has its record's owner, whoever wrote it, and goes with it", function(t)
  local one, two
  t.as("manager", function(user) one = user.id end)
  t.as("manager:other", function(user) two = user.id end)
  local organisation = t.organisation { owner = one }
  local comment = t.comment { object = "organisation", record = organisation.id, body = "Ours" }
  assert(comment.owner == one)
  t.update("organisation", organisation, { owner = two })
  t.expect_record("comment", { id = comment.id, owner = two })
  t.delete("organisation", organisation)
  t.expect_no_record("comment")
end)
