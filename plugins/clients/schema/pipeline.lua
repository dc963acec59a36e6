-- T9: ways of selling as data, the stage of each opportunity in one of them, how long it stays, and the hand-over to sales.
return {
  objects = {
    pipeline = {
      label = { en = "Pipeline", el = "Διαδικασία πωλήσεων" }, plural = { en = "Pipelines", el = "Διαδικασίες πωλήσεων" },
      title = "name", icon = "filter", track = true,
      fields = {
        { "code", "text", required = true, unique = true, max = 40, pattern = "[a-z][a-z0-9_]*", label = { en = "Code", el = "Κωδικός" } },
        { "name", "text", required = true, max = 100, label = { en = "Name", el = "Όνομα" } },
        { "name_el", "text", max = 100, label = { en = "Name in Greek", el = "Όνομα στα ελληνικά" } },
        { "active", "boolean", default = true, label = { en = "In use", el = "Σε χρήση" } },
      },
    },

    pipeline_stage = {
      label = { en = "Pipeline stage", el = "Στάδιο διαδικασίας" }, plural = { en = "Pipeline stages", el = "Στάδια διαδικασιών" },
      title = "name", icon = "columns", track = true,
      fields = {
        { "pipeline", "ref", to = "pipeline", required = true, on_delete = "cascade", label = { en = "Pipeline", el = "Διαδικασία" } },
        { "code", "text", required = true, unique = true, max = 60, pattern = "[a-z][a-z0-9_.]*", label = { en = "Code", el = "Κωδικός" } },
        { "name", "text", required = true, max = 100, label = { en = "Name", el = "Όνομα" } },
        { "name_el", "text", max = 100, label = { en = "Name in Greek", el = "Όνομα στα ελληνικά" } },
        { "place", "integer", required = true, min = 1, max = 100, label = { en = "Place in the order", el = "Σειρά" } },
        { "probability", "integer", required = true, min = 0, max = 100, label = { en = "Probability, per cent", el = "Πιθανότητα, τοις εκατό" } },
        { "stage", "enum", required = true, label = { en = "Stage of the opportunity", el = "Στάδιο της ευκαιρίας" }, of = {
          { "prospecting", { en = "Prospecting", el = "Αναζήτηση" } }, { "engaging", { en = "Engaging", el = "Σε επαφή" } },
          { "won", { en = "Won", el = "Κερδήθηκε" } }, { "lost", { en = "Lost", el = "Χάθηκε" } } } },
        { "type", "enum", computed = "if(stage == 'won', 'won', if(stage == 'lost', 'lost', 'open'))", index = true,
          label = { en = "Type", el = "Τύπος" }, of = {
            { "open", { en = "Open", el = "Ανοικτό" } }, { "won", { en = "Won", el = "Κερδισμένο" } },
            { "lost", { en = "Lost", el = "Χαμένο" } } } },
      },
      indexes = { { "pipeline", "place", unique = true } },
      rules = {
        { "ends_are_certain", "type == 'open' or probability == if(type == 'won', 100, 0)",
          message = { en = "A stage that is won has the probability 100, one that is lost has 0.",
            el = "Το κερδισμένο στάδιο έχει πιθανότητα 100, το χαμένο 0." } },
      },
    },

    stage_change = {
      label = { en = "Stage change", el = "Αλλαγή σταδίου" }, plural = { en = "Stage changes", el = "Αλλαγές σταδίου" },
      title = "to_stage", icon = "arrow-right",
      fields = {
        { "opportunity", "ref", to = "opportunity", required = true, on_delete = "cascade", label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "from_stage", "text", max = 20, label = { en = "From the stage", el = "Από το στάδιο" } },
        { "to_stage", "text", required = true, max = 20, index = true, label = { en = "To the stage", el = "Στο στάδιο" } },
        { "from_pipeline_stage", "ref", to = "pipeline_stage", on_delete = "clear", index = true,
          label = { en = "From the pipeline stage", el = "Από το στάδιο διαδικασίας" } },
        { "to_pipeline_stage", "ref", to = "pipeline_stage", on_delete = "clear",
          label = { en = "To the pipeline stage", el = "Στο στάδιο διαδικασίας" } },
        { "changed_at", "datetime", required = true, label = { en = "Changed at", el = "Πότε" } },
        { "changed_by", "text", max = 200, label = { en = "By", el = "Από" } },
        { "days_in_stage", "decimal", scale = 2, min = 0, label = { en = "Days in the stage before", el = "Ημέρες στο προηγούμενο στάδιο" } },
      },
      indexes = { { "opportunity", "-changed_at" } },
    },

    sales_handover = {
      label = { en = "Hand-over to sales", el = "Παράδοση στις πωλήσεις" },
      plural = { en = "Hand-overs to sales", el = "Παραδόσεις στις πωλήσεις" },
      title = "name", icon = "send", track = true,
      fields = {
        { "name", "text", required = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict", index = true,
          label = { en = "Organisation", el = "Οργανισμός" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "need", "ref", to = "need", on_delete = "clear", label = { en = "Need", el = "Ανάγκη" } },
        { "reason", "long_text", required = true, max = 4000, label = { en = "Why this, why now", el = "Γιατί αυτό, γιατί τώρα" } },
        { "receiver", "ref", to = "user", required = true, on_delete = "restrict", index = true,
          label = { en = "To the seller", el = "Προς τον πωλητή" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "offered", { en = "Offered", el = "Προς αποδοχή" } }, { "accepted", { en = "Accepted", el = "Έγινε δεκτή" } },
          { "declined", { en = "Declined", el = "Απορρίφθηκε" } } } },
        { "answer", "long_text", max = 2000, label = { en = "Answer", el = "Απάντηση" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", label = { en = "Opportunity", el = "Ευκαιρία" } },
      },
      states = { field = "state", initial = "offered", moves = { offered = { "accepted", "declined" }, declined = { "offered" } } },
      rules = {
        { "declining_has_a_reason", "state ~= 'declined' or not is_null(answer)",
          message = { en = "Who declines says why (answer).", el = "Όποιος απορρίπτει λέει γιατί (απάντηση)." } },
      },
    },
  },
  extend = {
    opportunity = {
      fields = {
        { "pipeline_stage", "ref", to = "pipeline_stage", on_delete = "restrict", index = true,
          label = { en = "Pipeline stage", el = "Στάδιο διαδικασίας" } },
        { "probability", "integer", min = 0, max = 100, label = { en = "Probability, per cent", el = "Πιθανότητα, τοις εκατό" } },
        { "weighted", "money", computed = "value * probability / 100", label = { en = "Weighted value", el = "Σταθμισμένη αξία" } },
        { "expected_close_on", "date", index = true, label = { en = "Expected to close on", el = "Αναμενόμενο κλείσιμο" } },
        { "unit", "ref", to = "organisation", on_delete = "clear", index = true, label = { en = "Business unit", el = "Επιχειρησιακή μονάδα" } },
        { "recurring_revenue", "money", min = 0, label = { en = "Recurring revenue", el = "Επαναλαμβανόμενα έσοδα" } },
        { "recurring_every", "enum", label = { en = "Recurs every", el = "Επαναλαμβάνονται κάθε" }, of = {
          { "month", { en = "Month", el = "Μήνα" } }, { "quarter", { en = "Quarter", el = "Τρίμηνο" } },
          { "year", { en = "Year", el = "Έτος" } } } },
        { "lead_source", "enum", index = true, label = { en = "Lead source", el = "Προέλευση" }, of = {
          { "referral", { en = "Referral", el = "Σύσταση" } }, { "existing_client", { en = "Existing client", el = "Υφιστάμενος πελάτης" } },
          { "website", { en = "Website", el = "Ιστότοπος" } }, { "event", { en = "Event", el = "Εκδήλωση" } },
          { "outreach", { en = "Outreach", el = "Δική μας επαφή" } }, { "partner", { en = "Partner", el = "Συνεργάτης" } },
          { "tender", { en = "Tender", el = "Διαγωνισμός" } }, { "hand_over", { en = "Hand-over", el = "Παράδοση" } },
          { "other", { en = "Other", el = "Άλλο" } } } },
        { "lost_reason", "enum", index = true, label = { en = "Why it was lost", el = "Γιατί χάθηκε" }, of = {
          { "price", { en = "Price", el = "Τιμή" } }, { "product", { en = "Product", el = "Προϊόν" } },
          { "timing", { en = "Timing", el = "Χρόνος" } }, { "competitor", { en = "Competitor", el = "Ανταγωνιστής" } },
          { "relationship", { en = "Relationship", el = "Σχέση" } }, { "no_decision", { en = "No decision", el = "Δεν αποφάσισαν" } },
          { "other", { en = "Other", el = "Άλλο" } } } },
        { "lost_notes", "long_text", max = 4000, label = { en = "Notes on the loss", el = "Σημειώσεις για την απώλεια" } },
        { "next_step", "text", max = 300, label = { en = "Next step", el = "Επόμενο βήμα" } },
        { "next_step_on", "date", index = true, label = { en = "Next step on", el = "Επόμενο βήμα την" } },
      },
      indexes = { { "stage", "expected_close_on" }, { "stage", "closed_on" } },
      rules = {
        { "recurs_how_often", "is_null(recurring_revenue) == is_null(recurring_every)",
          message = { en = "Recurring revenue says how often it recurs (recurring_every).",
            el = "Τα επαναλαμβανόμενα έσοδα ορίζουν κάθε πότε επαναλαμβάνονται." } },
        { "only_the_lost_have_reasons", "is_null(lost_reason) or stage == 'lost'",
          message = { en = "A reason of loss is given when the opportunity is lost.",
            el = "Ο λόγος απώλειας δίνεται όταν η ευκαιρία χαθεί." } },
      },
    },
  },
}
