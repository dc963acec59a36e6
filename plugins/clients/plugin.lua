return {
  name = "clients", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Clients", el = "Πελάτες" },
  requires = { relations = "^1.0" },
  -- A bank file of two thousand entries is booked as one unit of work.
  limits = { run_ms = 20000, memory = "64MB" },
  can = {
    read = {
      "exchange_rate", -- proposals
      "template", "person#pii", "contact_point#pii", "prospect_list", "outreach_sequence", "outreach_step", "launch", "relationship", -- prospecting, launches
      "user", "organisation", "person", "affiliation", "interaction", "product", -- what most topics ask for
      "attitude_evidence", -- stakeholders
      "plan_objective", "measure_reading", "plan_review", -- plans
      "value_proposition", "value_proof", -- value
      "exchange_rate", -- forecast
      "trend_handover", -- trends
      "playbook", "playbook_step", "relationship", "last_contact", "contract", "health_score", -- playbooks
      "expertise", "skill", -- cases
      "competitor_presence", "competitor_strategy", -- competitors
      "planning_round", "target", "target_comment", "selling_time", "absence", -- targets
    },
    write = {
      "proposal", "proposal_line", "approval_rule", "contract", -- proposals
      "prospect", "outreach", -- prospecting
      "launch_target", -- launches
      "interaction", "task", -- what most topics write
      "stakeholder", "coverage_gap", -- stakeholders
      "need", -- needs
      "account_plan", "plan_measure", -- plans
      "pipeline", "pipeline_stage", "stage_change", "sales_handover", "opportunity", -- pipeline
      "owned_product", -- whitespace
      "case", "sla_policy", "escalation_step", "number_series", "health_signal", -- cases, signals
      "answer", -- answers
      "entitlement", "entitlement_period", "service_use", "service_plan", "service_visit", "training_session", "training_attendance", -- services
      "price_list", "price", -- catalogue
      "sales_order", "order_line", -- orders
      "invoice", "invoice_line", "bank_import", "bank_statement", "bank_entry", "payment", -- payments
      "trend", "trend_industry", -- trends
      "playbook_run", -- playbooks
    },
    mail = { "send" },
    emit = { "clients.*" },
    http = true,
    schedule = true,
  },
  config = {
    { "language", "text", default = "en", label = { en = "Language of tasks", el = "Γλώσσα εργασιών" } },
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },
    { "calendar", "text", default = "GR", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
    { "contact_days", "integer", default = 90, min = 1, max = 730,
      label = { en = "Days without contact that make a gap", el = "Ημέρες χωρίς επικοινωνία που αποτελούν κενό" } },
    { "contact_threads", "integer", default = 2, min = 1, max = 20,
      label = { en = "People to be in contact with on each map", el = "Πρόσωπα με επικοινωνία σε κάθε χάρτη" } },
    { "gap_days", "integer", default = 7, min = 0, max = 365,
      label = { en = "Days after which a gap becomes a task", el = "Ημέρες ώσπου ένα κενό να γίνει εργασία" } },
    { "required_roles", "list", default = { "primary_decision_maker" },
      label = { en = "Roles each map must name", el = "Ρόλοι που ορίζει κάθε χάρτης" } },
    { "key_departments", "list", default = { "finance" },
      label = { en = "Departments to keep in contact with", el = "Διευθύνσεις με τις οποίες κρατάμε επαφή" } },
    { "history_months", "integer", default = 24, min = 1, max = 120,
      label = { en = "Months of history behind an estimate of effort", el = "Μήνες ιστορικού για την εκτίμηση προσπάθειας" } },
    { "history_least_won", "integer", default = 5, min = 1, max = 1000,
      label = { en = "Deals won that an estimate needs", el = "Κερδισμένες ευκαιρίες που χρειάζεται μια εκτίμηση" } },
    { "suggest_least_clients", "integer", default = 5, min = 1, max = 1000,
      label = { en = "Clients alike that a suggestion needs", el = "Όμοιοι πελάτες που χρειάζεται μια πρόταση" } },
    { "suggest_least_share", "integer", default = 30, min = 1, max = 100,
      label = { en = "Per cent of them that own the product", el = "Ποσοστό τους που έχει το προϊόν" } },
  },
  uninstall = "keep",
}
