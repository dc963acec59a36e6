-- B4: what is known of suppliers, providers and partners; how they are judged; what is outsourced and how one would leave.
return {
  objects = {
    material = {
      title = "name", icon = "boxes", track = true,
      label = { en = "Raw material", el = "Πρώτη ύλη" }, plural = { en = "Raw materials", el = "Πρώτες ύλες" },
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "code", "text", unique = true, max = 40, label = { en = "Code", el = "Κωδικός" } },
        { "specification", "long_text", search = true, label = { en = "Specification", el = "Προδιαγραφή" } },
        { "unit", "text", max = 20, label = { en = "Unit", el = "Μονάδα" } },
      },
    },

    supply_source = {
      title = "note", icon = "truck", track = true,
      label = { en = "Source of supply", el = "Πηγή προμήθειας" }, plural = { en = "Sources of supply", el = "Πηγές προμήθειας" },
      fields = {
        { "material", "ref", to = "material", required = true, on_delete = "cascade", index = true, label = { en = "Material", el = "Πρώτη ύλη" } },
        { "supplier", "ref", to = "organisation", required = true, on_delete = "cascade", index = true,
          label = { en = "Supplier", el = "Προμηθευτής" } },
        { "lead_time_days", "integer", min = 0, label = { en = "Lead time, days", el = "Χρόνος παράδοσης, ημέρες" } },
        { "price", "money", min = 0, label = { en = "Price", el = "Τιμή" } },
        { "minimum", "decimal", scale = 3, min = 0, label = { en = "Minimum quantity", el = "Ελάχιστη ποσότητα" } },
        { "ended_on", "date", label = { en = "Until", el = "Έως" } },
        { "note", "text", max = 300, label = { en = "Note", el = "Σημείωση" } },
      },
      indexes = { { "material", "supplier", unique = true } },
    },

    delivery = {
      path = "deliveries", title = "title", icon = "package", track = true,
      label = { en = "Delivery", el = "Παράδοση" }, plural = { en = "Deliveries", el = "Παραδόσεις" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "supplier", "ref", to = "organisation", required = true, on_delete = "cascade", index = true,
          label = { en = "Supplier", el = "Προμηθευτής" } },
        { "material", "ref", to = "material", on_delete = "restrict", label = { en = "Material", el = "Πρώτη ύλη" } },
        { "number", "text", unique = true, max = 60, label = { en = "Number", el = "Αριθμός" } },
        { "promised_on", "date", required = true, index = true, label = { en = "Promised for", el = "Υποσχεμένη για" } },
        { "delivered_on", "date", index = true, label = { en = "Delivered on", el = "Παραδόθηκε στις" } },
        { "quantity_ordered", "decimal", scale = 3, min = 0, label = { en = "Quantity ordered", el = "Ποσότητα παραγγελίας" } },
        { "quantity_delivered", "decimal", scale = 3, min = 0, label = { en = "Quantity delivered", el = "Ποσότητα που παραδόθηκε" } },
        { "quantity_rejected", "decimal", scale = 3, min = 0, label = { en = "Quantity rejected", el = "Ποσότητα που απορρίφθηκε" } },
        { "quality_note", "long_text", label = { en = "Quality", el = "Ποιότητα" } },
        { "on_time", "boolean", computed = "delivered_on <= promised_on", index = true, label = { en = "On time", el = "Εμπρόθεσμη" } },
      },
      indexes = { { "supplier", "-promised_on" } },
      rules = {
        { "rejected_was_delivered", "quantity_rejected <= quantity_delivered",
          message = { en = "No more is rejected than was delivered.", el = "Δεν απορρίπτεται ποσότητα πάνω από όση παραδόθηκε." } },
      },
    },

    scorecard_criterion = {
      path = "scorecard_criteria", title = "name", icon = "sliders", track = true,
      label = { en = "Criterion of scorecards", el = "Κριτήριο αξιολόγησης" }, plural = { en = "Criteria of scorecards", el = "Κριτήρια αξιολόγησης" },
      fields = {
        { "name", "text", required = true, unique = true, max = 100, label = { en = "Name", el = "Όνομα" } },
        { "role", "enum", default = "supplier", label = { en = "For", el = "Για" }, of = {
          { "supplier", { en = "Suppliers", el = "Προμηθευτές" } }, { "service_provider", { en = "Service providers", el = "Παρόχους υπηρεσιών" } },
          { "partner", { en = "Partners", el = "Συνεργάτες" } } } },
        { "weight", "decimal", scale = 2, required = true, min = 0, max = 100, label = { en = "Weight", el = "Βάρος" } },
        { "measure", "enum", required = true, label = { en = "What is measured", el = "Τι μετράται" }, of = {
          { "on_time_share", { en = "Share of deliveries on time, %", el = "Εμπρόθεσμες παραδόσεις, %" } },
          { "delay_days", { en = "Average delay, days", el = "Μέση καθυστέρηση, ημέρες" } },
          { "accepted_share", { en = "Share of the quantity accepted, %", el = "Ποσότητα που έγινε δεκτή, %" } },
          { "complete_share", { en = "Share of the quantity ordered that came, %", el = "Ποσότητα που παραδόθηκε, %" } },
          { "service_share", { en = "Share of service levels met, %", el = "Επίπεδα υπηρεσίας που τηρήθηκαν, %" } },
          { "problems", { en = "Problems in the period", el = "Προβλήματα στην περίοδο" } } } },
        { "worst", "decimal", scale = 2, required = true, label = { en = "Value that scores 0", el = "Τιμή που βαθμολογείται 0" } },
        { "best", "decimal", scale = 2, required = true, label = { en = "Value that scores 100", el = "Τιμή που βαθμολογείται 100" } },
        { "active", "boolean", default = true, label = { en = "In use", el = "Σε χρήση" } },
      },
      rules = {
        { "best_is_not_worst", "best ~= worst",
          message = { en = "The best and the worst value differ.", el = "Η καλύτερη και η χειρότερη τιμή διαφέρουν." } },
      },
    },

    scorecard_standing = {
      title = "name", icon = "flag", track = true,
      label = { en = "Standing", el = "Κατάταξη" }, plural = { en = "Standings", el = "Κατατάξεις" },
      fields = {
        { "name", "text", required = true, unique = true, max = 60, label = { en = "Name", el = "Όνομα" } },
        { "from_score", "decimal", scale = 1, required = true, unique = true, min = 0, max = 100, label = { en = "From score", el = "Από βαθμό" } },
        { "action", "enum", default = "none", label = { en = "What follows", el = "Τι ακολουθεί" }, of = {
          { "none", { en = "Nothing", el = "Τίποτα" } }, { "warn", { en = "A task to talk to them", el = "Εργασία για συζήτηση" } },
          { "stop", { en = "No new commitments", el = "Όχι νέες δεσμεύσεις" } } } },
      },
    },

    scorecard = {
      title = "title", icon = "award", track = true,
      label = { en = "Scorecard", el = "Αξιολόγηση" }, plural = { en = "Scorecards", el = "Αξιολογήσεις" },
      fields = {
        { "title", "text", max = 300, label = { en = "Title", el = "Τίτλος" } },
        { "party", "ref", to = "organisation", required = true, on_delete = "cascade", index = true,
          label = { en = "Who is judged", el = "Ποιος αξιολογείται" } },
        { "role", "enum", default = "supplier", label = { en = "As", el = "Ως" }, of = {
          { "supplier", { en = "Supplier", el = "Προμηθευτής" } }, { "service_provider", { en = "Service provider", el = "Πάροχος υπηρεσιών" } },
          { "partner", { en = "Partner", el = "Συνεργάτης" } } } },
        { "period_from", "date", required = true, index = true, label = { en = "Period from", el = "Περίοδος από" } },
        { "period_to", "date", required = true, label = { en = "Period until", el = "Περίοδος έως" } },
        { "score", "decimal", scale = 1, label = { en = "Score", el = "Βαθμός" } },
        { "known_weight", "decimal", scale = 1, label = { en = "Weight of what is known, %", el = "Βάρος των γνωστών, %" } },
        { "standing", "ref", to = "scorecard_standing", on_delete = "clear", label = { en = "Standing", el = "Κατάταξη" } },
        { "previous", "decimal", scale = 1, label = { en = "Score before", el = "Προηγούμενος βαθμός" } },
        { "trend", "enum", label = { en = "Trend", el = "Τάση" }, of = {
          { "better", { en = "Better", el = "Βελτίωση" } }, { "same", { en = "The same", el = "Αμετάβλητη" } },
          { "worse", { en = "Worse", el = "Επιδείνωση" } } } },
        { "parts", "json", label = { en = "Criteria, one by one", el = "Κριτήρια αναλυτικά" } },
        { "rationale", "long_text", label = { en = "Rationale", el = "Αιτιολόγηση" } },
        { "as_of", "datetime", label = { en = "Worked out at", el = "Υπολογίστηκε στις" } },
      },
      indexes = { { "party", "role", "period_from", unique = true }, { "party", "-period_from" } },
      rules = {
        { "ends_after_start", "period_to >= period_from",
          message = { en = "A period ends on its first day or later.", el = "Η περίοδος λήγει την πρώτη ημέρα ή αργότερα." } },
      },
    },

    outsourced_function = {
      title = "name", icon = "external-link", track = true,
      label = { en = "Outsourced function", el = "Λειτουργία σε τρίτους" }, plural = { en = "Outsourced functions", el = "Λειτουργίες σε τρίτους" },
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Function", el = "Λειτουργία" } },
        { "provider", "ref", to = "organisation", required = true, on_delete = "restrict", index = true, label = { en = "Provider", el = "Πάροχος" } },
        { "unit", "ref", to = "organisation", on_delete = "clear", label = { en = "For the unit", el = "Για τη μονάδα" } },
        { "criticality", "enum", default = "normal", index = true, label = { en = "Criticality", el = "Κρισιμότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "normal", { en = "Normal", el = "Κανονική" } }, { "critical", { en = "Critical", el = "Κρίσιμη" } } } },
        { "substitute", "ref", to = "organisation", on_delete = "clear", label = { en = "Substitute", el = "Εναλλακτικός πάροχος" } },
        { "switch_days", "integer", min = 0, label = { en = "Days to change over", el = "Ημέρες για αλλαγή" } },
        { "exit_plan", "long_text", label = { en = "Exit plan", el = "Σχέδιο εξόδου" } },
        { "exit_tested_on", "date", label = { en = "Exit plan tested on", el = "Δοκιμή σχεδίου εξόδου στις" } },
        { "review_on", "date", index = true, label = { en = "Reviewed again on", el = "Επανεξέταση στις" } },
        { "ended_on", "date", label = { en = "Until", el = "Έως" } },
      },
      rules = {
        { "critical_has_exit", "criticality ~= 'critical' or length(coalesce(exit_plan, '')) > 0",
          message = { en = "A critical function needs an exit plan: write its steps.", el = "Η κρίσιμη λειτουργία χρειάζεται σχέδιο εξόδου: γράψτε τα βήματα." } },
        { "substitute_is_another", "substitute ~= provider",
          message = { en = "The substitute is somebody else than the provider.", el = "Ο εναλλακτικός διαφέρει από τον πάροχο." } },
      },
    },

    exit_step = {
      title = "title", icon = "list-ordered", track = true,
      label = { en = "Step of an exit plan", el = "Βήμα σχεδίου εξόδου" }, plural = { en = "Steps of exit plans", el = "Βήματα σχεδίων εξόδου" },
      fields = {
        { "title", "text", required = true, max = 300, label = { en = "Step", el = "Βήμα" } },
        { "outsourced_function", "ref", to = "outsourced_function", required = true, on_delete = "cascade", index = true,
          label = { en = "Outsourced function", el = "Λειτουργία σε τρίτους" } },
        { "position", "integer", required = true, min = 1, label = { en = "Position", el = "Σειρά" } },
        { "days", "integer", min = 0, label = { en = "Days", el = "Ημέρες" } },
        { "tested_on", "date", label = { en = "Tested on", el = "Δοκιμάστηκε στις" } },
        { "result", "long_text", label = { en = "Result", el = "Αποτέλεσμα" } },
      },
      indexes = { { "outsourced_function", "position", unique = true } },
    },
  },
}
