return {
  name = "relations", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Relations", el = "Σχέσεις" },
  can = {
    read = {
      "opportunity", "task", "user",
      "organisation", "person#pii", "affiliation", "contact_point#pii", "relationship", "relationship_type", "interaction", -- parties
      "template", -- templates
      "exchange_rate", -- rates
    },
    write = {
      "organisation", "task",
      "affiliation", "relationship_type", -- parties
    },
    mail = { "refuse" },
    http = true,
  },
  config = {
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
  },
  uninstall = "keep",
}
