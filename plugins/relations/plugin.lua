return {
  name = "relations", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Relations", el = "Σχέσεις" },
  can = {
    read = {
      "opportunity", "task", "user",
      "organisation", "person#pii", "affiliation", "contact_point#pii", "relationship", "relationship_type", "interaction", -- parties
      "template", -- templates
      "skill", "expertise", "work_profile", -- expertise
      "training", "onboarding_step", "onboarding_plan", -- development
      "exchange_rate", -- rates
      "contract_signatory", -- contracts
    },
    write = {
      "*", -- handover: whatever somebody owns goes with his work, never of classed fields
      "organisation", "task",
      "affiliation", "relationship_type", -- parties
      "certificate", "onboarding", -- development
      "guidance", -- guidance
      "last_contact", -- interactions
      "promise", -- promises
      "contract", "contract_version", "renewal", "contract_obligation", -- contracts, renewals, obligations
    },
    emit = { "relations.*" },
    mail = { "refuse" },
    http = true,
    schedule = true,
  },
  config = {
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },
    { "calendar", "text", default = "GR", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" } },
    { "renewal_lead_days", "integer", default = 60, min = 0, max = 730,
      label = { en = "Renewals open so many days before notice", el = "Ημέρες πριν την καταγγελία που ανοίγουν οι ανανεώσεις" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
    { "language", "text", default = "en", label = { en = "Language of tasks", el = "Γλώσσα εργασιών" } },
  },
  uninstall = "keep",
}
