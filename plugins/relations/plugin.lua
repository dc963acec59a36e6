return {
  name = "relations", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Relations", el = "Σχέσεις" },
  can = {
    read = {
      "organisation", "person#pii", "opportunity", "task", "user",
      "exchange_rate", -- rates
    },
    write = { "organisation", "task" },
    mail = { "refuse" },
    http = true,
  },
  config = {
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
  },
  uninstall = "keep",
}
