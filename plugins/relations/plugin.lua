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
      "last_contact", -- interactions
      "promise", -- promises
    },
    emit = { "relations.*" },
    mail = { "refuse" },
    http = true,
    schedule = true,
  },
  config = {
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },

    { "calendar", "text", default = "GR", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
    { "language", "text", default = "en", label = { en = "Language of tasks", el = "Γλώσσα εργασιών" } },
  },
  uninstall = "keep",
}
