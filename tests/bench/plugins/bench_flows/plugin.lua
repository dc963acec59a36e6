return {
  name = "bench_flows", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "Benchmark of flows", el = "Μετρήσεις ροών" },
  can = { http = true },
}
