-- wrk: POST of one new deal after another; ids of clients and owners, and the token, come from the environment.
local parties, at = {}, 0
local stages = { "open", "offered", "won", "lost" }
for line in io.lines(os.getenv("BENCH_IDS")) do
  local client, owner = line:match("(%w+) (%w+)")
  parties[#parties + 1] = '","client":"' .. client .. '","owner":"' .. owner
end
local head = "POST /api/v1/deals HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. os.getenv("BENCH_TOKEN")
  .. "\r\nContent-Type: application/json\r\nUser-Agent: wrk\r\nContent-Length: "

function request()
  at = at + 1
  local body = '{"name":"New deal ' .. at .. parties[at % #parties + 1]
    .. '","stage":"' .. stages[at % 4 + 1] .. '","value":{"amount":125000,"currency":"EUR"},"chance":40,"closes_on":"2027-03-31","email":"deal'
    .. at .. '@example.com","source":"web","urgent":true,"notes":"A note of some length that someone has written"}'
  return head .. #body .. "\r\n\r\n" .. body
end
