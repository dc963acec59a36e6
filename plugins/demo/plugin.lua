return {
  name = "demo", version = "1.0.0", api = 1, license = "Apache-2.0", default = false,
  label = { en = "Demonstration company", el = "Εταιρεία επίδειξης" },
  requires = { relations = "^1.0" },
  can = {
    read = { "organisation", "person#pii", "affiliation", "relationship", "interaction", "product", "opportunity", "task" },
    write = { "organisation", "person#pii", "affiliation", "relationship", "interaction", "product", "opportunity", "task" },
  },
  limits = { memory = "64MB", slice_ms = 20, run_ms = 60000 },
  uninstall = "keep",
}
