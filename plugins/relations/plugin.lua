return {
  name = "relations", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Relations", el = "Σχέσεις" },
  can = {
    read = {
      "*", "opportunity", "task", "user", -- the timeline is of any record
      "organisation", "person#pii", "affiliation", "contact_point#pii", "relationship", "relationship_type", -- parties
      "template", -- templates
      "skill", "expertise", "work_profile", -- expertise
      "training", "onboarding_step", "onboarding_plan", -- development
      "questionnaire", -- satisfaction
      "exchange_rate", -- rates
      "document_template", "contract_signatory", "price_index_value", -- contracts, indexation
    },
    write = {
      "interaction", "attendance", -- calendar
      "person#pii", "contact_point#pii", -- contacts
      "health_formula", "health_score", "health_point", "health_signal", -- health
      "*", -- handover: whatever somebody owns goes with his work, never of classed fields
      "organisation", "task",
      "affiliation", "relationship_type", "relationship", -- parties
      "certificate", "onboarding", -- development
      "guidance", -- guidance
      "last_contact", "interaction", -- interactions, brief
      "promise", -- promises
      "contract", "contract_version", "renewal", "contract_obligation", "contract_indexation", -- contracts, renewals, obligations
      "satisfaction_answer", -- satisfaction
    },
    emit = { "relations.*" },
    mail = { "send", "refuse" },
    http = true,
    schedule = true,
    -- satisfaction: who follows a link answers as the user of answers_as; calendar: a feed and free times are read with their user's rights
    act_as = true,
  },
  -- All health is computed anew 2,000 bonds to a unit: their facts and drafts in memory, under a second of running where nothing else does.
  limits = { memory = "128MB", run_ms = 6000 },
  config = {
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },
    { "calendar", "text", default = "GR", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" } },
    { "renewal_lead_days", "integer", default = 60, min = 0, max = 730,
      label = { en = "Renewals open so many days before notice", el = "Ημέρες πριν την καταγγελία που ανοίγουν οι ανανεώσεις" } },
    { "assumed_hours", "list", default = { "call=0.5", "promise=1", "renewal=2", "obligation=1", "case=1", "escalation=0.5", "close_the_loop=0.5",
      "invoice=0.25", "certificate=1", "guidance=0.5", "onboarding=2" },
      label = { en = "Hours assumed for a task that does not say, by kind", el = "Ώρες που υποτίθενται ανά είδος εργασίας" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
    { "meeting_url", "text", default = "https://meet.jit.si/{room}", label = { en = "Teleconference address", el = "Διεύθυνση τηλεδιάσκεψης" } },
    { "language", "text", default = "en", label = { en = "Language of tasks", el = "Γλώσσα εργασιών" } },
    { "answers_as", "text", default = "", label = { en = "User for answers by link", el = "Χρήστης για απαντήσεις με σύνδεσμο" } },
  },
  uninstall = "keep",
}
