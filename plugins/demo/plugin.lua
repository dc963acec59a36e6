return {
  name = "demo", version = "2.0.0", api = 1, license = "Apache-2.0", default = false,
  label = { en = "Demonstration company", el = "Εταιρεία επίδειξης" },
  requires = { relations = "^1.0", clients = "^1.0", business = "^1.0" },
  can = {
    read = {
      "organisation", "person#pii", "affiliation", "relationship", "relationship_type", "interaction", "product", "opportunity", "task", "user",
      "questionnaire", "sla_policy", "pipeline_stage", -- keeping, dealings
    },
    write = {
      "organisation", "person#pii", "affiliation", "relationship", "interaction", "product", "opportunity", "task",
      "promise", "questionnaire", "satisfaction_answer", "contract", "sla_policy", "exchange_rate", "case", "trend", "trend_industry", "budget", "cost_entry", "delivery", "authority_duty",
    },
  },
  config = {
    { "parties", "integer", default = 2000, min = 50, max = 20000,
      label = { en = "Organisations and people", el = "Οργανισμοί και πρόσωπα" } },
  },
  limits = { memory = "64MB", slice_ms = 20, run_ms = 60000 },
  uninstall = "keep",
}
