-- Flows for scripts/bench P5: many that only wait, and the smallest that does something.
px.flow("waiting", function(flow, input)
  flow:wait("go")
  return input.i
end)

-- Five steps that commit together, as their results depend on nothing outside.
px.flow("steps", function(flow, input)
  local sum = 0
  for i = 1, 5 do
    sum = sum + flow:step("s" .. i, function() return input.i + i end)
  end
  return sum
end)

-- Five outside calls: each is in the journal before it begins and its result before the next one, as others do it.
px.flow("calls", function(flow, input)
  local sum = 0
  for i = 1, 5 do
    sum = sum + flow:call("c" .. i, function() return input.i + i end)
  end
  return sum
end)

px.route("POST", "/start", function(request)
  local ids = {}
  px.store.tx(function()
    for i = 1, request.json.count do
      ids[i] = px.flows.start(request.json.flow, { i = i })
    end
  end)
  return { json = { first = ids[1], last = ids[#ids] } }
end)

px.route("POST", "/go", function(request)
  px.flows.signal(request.json.run, "go")
  return { json = {} }
end)
