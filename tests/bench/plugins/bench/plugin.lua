return {
  name = "bench", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Benchmark", el = "Μετρήσεις" },
}
