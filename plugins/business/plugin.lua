return {
  name = "business", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Business", el = "Επιχειρηματικές σχέσεις" },
  requires = { relations = "^1.0" },
  can = {
    read = { "*", "user", "role", "team" }, -- threads lie on any record: whoever writes or reads one must see it,
    write = {
      "task",
      "service_level", "service_measurement", "notice", "notice_receipt", "comment", -- units, notices, threads
      "standard", "standard_version", "attestation_campaign", "attestation", "standard_exception", -- standards
      "material", "supply_source", "delivery", "scorecard_criterion", "scorecard_standing", "scorecard", "outsourced_function", "exit_step", -- supply
      "authority_duty", "filing", "permit", "consultation", "public_commitment", "community_event", "spokesperson", "reputation_entry", -- authorities
      "negotiation", "negotiation_issue", "concession", "root_cause", "problem", "corrective_action", -- negotiations, causes
      "cost_category", "budget", "commitment", "cost_entry", "budget_alert", -- budgets
    },
    emit = { "business.*" },
    http = true,
    schedule = true,
  },
  config = {
    { "most_critical", "integer", default = 2, min = 1, max = 1000,
      label = { en = "Critical functions at one provider that are too many", el = "Κρίσιμες λειτουργίες σε έναν πάροχο που είναι υπερβολικές" } },
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },
    { "calendar", "text", default = "GR", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
  },
  -- Imports call the hooks of all topics with a thousand drafts at once.
  limits = { memory = "64MB" },
  uninstall = "keep",
}
