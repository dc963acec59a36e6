-- T12: a mediation outside a compartment is none. What its rules hold to and what people outside are told is proven over HTTP
-- (tests/api/domain_service.test.mjs), where people open compartments with their own hands.

test("T12 a mediation is made inside a compartment alone", function(t)
  t.as("manager", function(user)
    local refusal = t.refuses("required", t.create, "mediation", { subject = "A quarrel", employee = user.id, mediator = user.id,
      owner = user.id })
    assert(refusal.field == "/compartment", refusal.field)
    assert(#t.find("mediation") == 0)
  end)
end)
