return {
  name = "relations", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Relations", el = "Σχέσεις" },
  can = {
    read = { "organisation", "person#pii", "opportunity", "task", "user" },
    write = { "organisation", "task" },
    mail = { "refuse" },
  },
  uninstall = "keep",
}
