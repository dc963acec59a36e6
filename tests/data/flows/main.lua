-- One flow for each kind of command. Their histories beside this file were written by the code of some day; today's must go through
-- them alike (tests/unit/bind/test_flow_golden.c). A flow here is never changed: a new one is added.
px.route("GET", "/go", function(input)
  px.flows.start(input.flow, { n = 20, text = "Ωμέγα", list = { 1, 2.5, true } })
end)

px.flow("step", function(flow, input)
  local n = flow:step("add", function() return input.n + 1 end)
  local good, err = pcall(flow.step, flow, "fails", function() error("no luck") end)
  flow:sleep("1ms")
  flow:step("told " .. tostring(good) .. " " .. err.code .. " " .. n, function() return { n = n, at = flow:now() } end)
  flow:wait("end")
end)

px.flow("call", function(flow, input)
  local answer = flow:call("ask", { retry = { times = 2, first = "1ms" } }, function(call)
    if call.attempt == 1 then error("not yet") end
    return { n = input.n * 2 }
  end)
  local _, err = pcall(flow.call, flow, "refused", function() px.refuse("n", "too small") end)
  flow:step("told " .. answer.n .. " " .. err.code, function() end)
  flow:wait("end")
end)

px.flow("sleep", function(flow)
  local before = flow:now()
  flow:sleep("1ms")
  flow:sleep_until(flow:now() + "1ms")
  flow:step("slept " .. tostring(flow:now() > before) .. " " .. flow:random(1000) .. " " .. math.random(1000), function() end)
  flow:wait("end")
end)

px.flow("wait", function(flow)
  local nothing = flow:wait("never", { timeout = "1ms" })
  flow:step("emit", function() px.bus.emit("one.thing_done", { key = "k", n = 7 }) end)
  local event = flow:wait("one.thing_done", { key = "k" })
  flow:step("told " .. tostring(nothing) .. " " .. event.data.n .. " " .. event.type, function() end)
  flow:wait("end")
end)

px.flow("signal", function(flow)
  flow:signal(flow:id(), "go", { n = 3 })
  local told = flow:wait("go")
  flow:step("told " .. told.n, function() end)
  flow:wait("end")
end)

px.flow("all", function(flow)
  local results = flow:all {
    late = function() flow:sleep("5ms") return "late" end,
    soon = function() return flow:step("soon", function() return "soon" end) end,
  }
  flow:step(results.soon .. " " .. results.late, function() end)
  flow:wait("end")
end)

px.flow("any", function(flow)
  local first, key = flow:any {
    function() flow:sleep("365d") return "late" end,
    function() flow:sleep("1ms") return "soon" end,
  }
  flow:step(first .. " " .. key, function() end)
  flow:wait("end")
end)

px.flow("double", function(_, n) return n * 2 end)
px.flow("child", function(flow, input)
  flow:step("told " .. flow:child("double", input.n), function() end)
  flow:wait("end")
end)

px.flow("version", function(flow)
  flow:step("told " .. tostring(flow:version("second")), function() end)
  flow:wait("end")
end)

px.flow("done", function(flow, input)
  local sum = 0
  for key, value in pairs({ b = 1, a = 2, [10] = 3, [2] = 4 }) do
    sum = sum + flow:step(tostring(key), function() return value * input.n end)
  end
  flow:compensate(function() flow:step("undone", function() end) end)
  flow:sleep("1ms")
  return { sum = sum }
end)

px.flow("approve", function(flow, input)
  local yes = flow:approve {
    role = "legal", exclude = {}, title = { en = "Go on?", el = "Συνεχίζουμε;" }, data = { n = input.n }, due = "5d", remind = "1d", escalate = "head",
  }
  local late = flow:approve { role = "legal", quorum = 2, rejections = 2, title = "Anybody?", expire = "1ms" }
  local note = flow:step("note", function() return px.store.create("note", { text = "as it was" }).id end)
  local code = flow:all {
    people = function()
      local _, err = pcall(flow.approve, flow, { role = "legal", subject = note, object = "note" })
      return err.code
    end,
    change = function()
      flow:sleep("1ms")
      flow:step("change", function() px.store.update("note", note, { text = "as it is" }) end)
    end,
  }.people
  flow:step("told " .. yes.state .. " " .. yes.by[1] .. " " .. yes.comments[1] .. " " .. late.state .. " " .. code, function() end)
  flow:wait("end")
end)
