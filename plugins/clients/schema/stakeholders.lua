-- C2: who decides and who sways, how each is disposed and how we know it, and what the map does not cover.
return {
  objects = {
    stakeholder = {
      label = { en = "Stakeholder", el = "Ενδιαφερόμενος" }, plural = { en = "Stakeholders", el = "Ενδιαφερόμενοι" },
      title = "role", icon = "users", track = true,
      fields = {
        { "person", "ref", to = "person", required = true, on_delete = "cascade", index = true,
          label = { en = "Person", el = "Πρόσωπο" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "cascade", index = true,
          label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "account_plan", "ref", to = "account_plan", on_delete = "cascade", index = true,
          label = { en = "Account plan", el = "Πλάνο πελάτη" } },
        { "role", "enum", required = true, label = { en = "Role in the decision", el = "Ρόλος στην απόφαση" }, of = {
          { "primary_decision_maker", { en = "Primary decision maker", el = "Κύριος λήπτης αποφάσεων" } },
          { "business_decision_maker", { en = "Business decision maker", el = "Επιχειρησιακός λήπτης αποφάσεων" } },
          { "technical_decision_maker", { en = "Technical decision maker", el = "Τεχνικός λήπτης αποφάσεων" } },
          { "business_evaluator", { en = "Business evaluator", el = "Επιχειρησιακός αξιολογητής" } },
          { "technical_evaluator", { en = "Technical evaluator", el = "Τεχνικός αξιολογητής" } },
          { "executive_sponsor", { en = "Executive sponsor", el = "Χορηγός από τη διοίκηση" } },
          { "influencer", { en = "Influencer", el = "Επηρεάζει" } },
          { "other", { en = "Other", el = "Άλλο" } } } },
        { "department", "enum", label = { en = "Department", el = "Διεύθυνση" }, of = {
          { "management", { en = "Management", el = "Διοίκηση" } }, { "sales", { en = "Sales", el = "Πωλήσεις" } },
          { "technical", { en = "Technical", el = "Τεχνική διεύθυνση" } },
          { "finance", { en = "Finance", el = "Οικονομική διεύθυνση" } },
          { "purchasing", { en = "Purchasing", el = "Προμήθειες" } }, { "legal", { en = "Legal", el = "Νομικό τμήμα" } },
          { "users", { en = "Users", el = "Χρήστες" } }, { "other", { en = "Other", el = "Άλλο" } } } },
        { "influence", "integer", min = 1, max = 5, label = { en = "Influence (1 to 5)", el = "Επιρροή (1 έως 5)" } },
        { "champion", "boolean", default = false, label = { en = "Our champion", el = "Υποστηρικτής μας" } },
        { "attitude", "enum", label = { en = "Attitude", el = "Στάση" }, of = {
          { "supporter", { en = "Supporter", el = "Υπέρ" } }, { "neutral", { en = "Neutral", el = "Ουδέτερος" } },
          { "blocker", { en = "Blocker", el = "Κατά" } } } },
        { "attitude_on", "date", label = { en = "Attitude as of", el = "Στάση κατά την" } },
        { "notes", "long_text", label = { en = "Notes", el = "Σημειώσεις" } },
      },
      indexes = { { "opportunity", "person", unique = true }, { "account_plan", "person", unique = true } },
      rules = {
        { "of_one_map", "is_null(opportunity) ~= is_null(account_plan)",
          message = { en = "A stakeholder belongs to one opportunity or to one account plan: name one of the two.",
            el = "Ο ενδιαφερόμενος ανήκει σε μία ευκαιρία ή σε ένα πλάνο πελάτη: ορίστε ένα από τα δύο." } },
      },
    },

    attitude_evidence = {
      path = "attitude_evidence",
      label = { en = "Evidence of attitude", el = "Τεκμήριο στάσης" },
      plural = { en = "Evidence of attitude", el = "Τεκμήρια στάσης" },
      title = "attitude", icon = "eye", track = true,
      fields = {
        { "stakeholder", "ref", to = "stakeholder", required = true, on_delete = "cascade",
          label = { en = "Stakeholder", el = "Ενδιαφερόμενος" } },
        { "attitude", "enum", required = true, label = { en = "Attitude", el = "Στάση" }, of = {
          { "supporter", { en = "Supporter", el = "Υπέρ" } }, { "neutral", { en = "Neutral", el = "Ουδέτερος" } },
          { "blocker", { en = "Blocker", el = "Κατά" } } } },
        { "observed_on", "date", required = true, label = { en = "Observed on", el = "Παρατηρήθηκε την" } },
        { "interaction", "ref", to = "interaction", on_delete = "restrict",
          label = { en = "Seen in", el = "Από την επαφή" } },
        { "what_was_said", "long_text", max = 4000, label = { en = "What was said or done", el = "Τι ειπώθηκε ή έγινε" } },
      },
      indexes = { { "stakeholder", "-observed_on" } },
      rules = {
        { "has_a_source", "not (is_null(interaction) and is_null(what_was_said))",
          message = { en = "Evidence names the interaction it was seen in, or says what was said.",
            el = "Το τεκμήριο ορίζει την επαφή από την οποία προκύπτει ή λέει τι ειπώθηκε." } },
      },
    },

    coverage_gap = {
      label = { en = "Coverage gap", el = "Κενό κάλυψης" }, plural = { en = "Coverage gaps", el = "Κενά κάλυψης" },
      title = "kind", icon = "alert-triangle", track = true,
      fields = {
        { "key", "text", required = true, unique = true, max = 120, label = { en = "Key", el = "Κλειδί" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "cascade", index = true,
          label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "account_plan", "ref", to = "account_plan", on_delete = "cascade", index = true,
          label = { en = "Account plan", el = "Πλάνο πελάτη" } },
        { "stakeholder", "ref", to = "stakeholder", on_delete = "cascade",
          label = { en = "Stakeholder", el = "Ενδιαφερόμενος" } },
        { "kind", "enum", required = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "single_threaded", { en = "Single-threaded", el = "Μία μόνο επαφή" } },
          { "no_contact", { en = "No contact", el = "Χωρίς επικοινωνία" } },
          { "champion_left", { en = "Champion left", el = "Ο υποστηρικτής έφυγε" } },
          { "role_missing", { en = "Role missing", el = "Λείπει ρόλος" } } } },
        { "first_seen_on", "date", required = true, label = { en = "First seen on", el = "Πρώτη φορά την" } },
        { "closed_on", "date", index = true, label = { en = "Closed on", el = "Έκλεισε την" } },
      },
    },
  },
}
