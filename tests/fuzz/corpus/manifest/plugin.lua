return {
  name = "suppliers", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "Supplier management", el = "Διαχείριση προμηθευτών" },
  requires = { relations = "^1.0" },
  can = { read = { "organisation", "person#pii" }, write = { "task" }, http = true },
  limits = { memory = "32MB", slice_ms = 20, run_ms = 2000 },
  config = { { "months", "integer", default = 24, min = 1, max = 60 } },
  uninstall = "keep",
}
