-- Wins and losses by what is asked for.

local function deal(t, stage, value, fields)
  fields = fields or {}
  local lost = { stage = stage, lost_reason = fields.lost_reason, lost_to = fields.lost_to }
  fields.name, fields.value, fields.lost_reason, fields.lost_to = stage, value, nil, nil
  local one = t.create("opportunity", fields)
  if stage == "won" then
    t.update("opportunity", one, { stage = "engaging" })
  end
  return t.update("opportunity", one, lost)
end

local function counts(answer)
  local text = {}
  for i, won in ipairs(answer.series[1].points) do
    text[i] = won.x .. " " .. won.y .. ":" .. answer.series[2].points[i].y
  end
  return table.concat(text, ", ")
end

test("T7 T9 wins and losses by competitor, reason, product and size; unknown is counted apart", function(t)
  local rival, roof = t.organisation { name = "Rival", roles = { "competitor" } }, t.product { name = "Roof" }
  t.exchange_rate { base = "EUR", currency = "USD", rate = "2", on = "2026-01-02", source = "ECB" }
  deal(t, "won", px.money(900000, "EUR"), { competitors = { rival.id }, product = roof.id })
  deal(t, "lost", px.money(4000000, "USD"), { competitors = { rival.id }, lost_reason = "price" })
  deal(t, "lost", px.money(100, "JPY"), { product = roof.id })
  local function ask(by)
    return t.call("GET", "/reports/win_loss?by=" .. by).json
  end
  local by_competitor = ask("competitor")
  assert(by_competitor.series, px.json.encode(by_competitor))
  assert(counts(by_competitor) == "Rival 1:1" and by_competitor.unknown == 1, px.json.encode(by_competitor))
  local by_reason = ask("reason")
  assert(counts(by_reason) == "price 0:1" and by_reason.unknown == 1, px.json.encode(by_reason))
  assert(counts(ask("product")) == "Roof 1:1" and ask("product").unknown == 1)
  local by_size = ask("size")
  assert(counts(by_size) == "0–10000 1:0, 10000–50000 0:1, 50000–250000 0:0, 250000+ 0:0", counts(by_size))
  assert(by_size.unknown == 1 and by_size.no_rate_for[1] == "JPY")
  assert(t.call("GET", "/reports/win_loss?by=weather").json.errors[1].pointer == "/by")
  assert(t.call("GET", "/reports/win_loss?from=2026-02-01&to=2026-01-01").json.code == "range")
end)
