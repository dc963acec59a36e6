return {
  name = "bench_marks", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "Benchmark of events", el = "Μετρήσεις γεγονότων" },
  requires = { bench = "^1.0" },
  can = { read = { "deal" }, write = { "mark" } },
}
