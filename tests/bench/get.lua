-- wrk: GET of one record after another; ids and token come from the environment.
local paths, at = {}, 0
local token = os.getenv("BENCH_TOKEN")
for line in io.lines(os.getenv("BENCH_IDS")) do
  paths[#paths + 1] = "GET /api/v1/deals/" .. line .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. token
    .. "\r\nAccept: application/json\r\nUser-Agent: wrk\r\n\r\n"
end

function request()
  at = at % #paths + 1
  return paths[at]
end
