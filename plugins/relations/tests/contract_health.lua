local contract_health <const> = require "contract_health"

test("T11 C1 what a contract says of its bond, by how its notice stands", function()
  local value = contract_health.value
  assert(value({}, "ahead") == 1 and value({}, "due") == 0.5 and value({}, "given") == 0)
  assert(value({ auto_renew = true }, "passed") == 0.7 and value({ auto_renew = false }, "passed") == 0.2)
  assert(value({}, "passed") == nil and value({}, "unknown") == nil and value({}, "none") == nil)
end)

test("T11 C1 a bond's health hears of its contract: once per change, with the contract as evidence", function(t)
  local bond = t.relationship { source = t.organisation(), target = t.organisation { name = "Us" }, managed = true }
  local contract = t.contract { side = "client", party = bond.source, relationship = bond, starts_on = "2025-07-01", ends_on = "2026-06-30",
    notice_count = 30, notice_unit = "days", auto_renew = false }
  for _, stage in ipairs { "in_signature", "signed" } do
    t.update("contract", contract, { stage = stage })
  end
  local signal = t.expect_record("health_signal", { relationship = bond.id, factor = "contract", evidence_id = contract.id })
  assert(tostring(signal.value) == "1.0000", tostring(signal.value))
  t.update("contract", contract, { description = "nothing of note" })
  assert(t.get("health_signal", signal).version == signal.version)
  t.advance_to("2026-05-10")
  assert(tostring(t.get("health_signal", signal).value) == "0.5000", tostring(t.get("health_signal", signal).value))
  t.contract { side = "client", party = bond.source, starts_on = "2025-07-01", ends_on = "2026-12-31" }
  assert(#t.find("health_signal") == 1)
end)
