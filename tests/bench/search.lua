-- wrk: one search after another; questions (encoded, one a line) and token come from the environment.
local asked, at = {}, 0
local token = os.getenv("BENCH_TOKEN")
for line in io.lines(os.getenv("BENCH_QUESTIONS")) do
  asked[#asked + 1] = "GET /api/v1/search?objects=person&q=" .. line .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
    .. token .. "\r\nAccept: application/json\r\nUser-Agent: wrk\r\n\r\n"
end

function request()
  at = at % #asked + 1
  return asked[at]
end
