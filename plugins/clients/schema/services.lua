-- What clients are entitled to, the visits that come again, and the courses we hold for them (C7).
return {
  objects = {
    entitlement = {
      label = { en = "Entitlement", el = "Δικαίωμα υπηρεσίας" }, plural = { en = "Entitlements", el = "Δικαιώματα υπηρεσιών" },
      title = "name", icon = "ticket", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "cascade", label = { en = "Client", el = "Πελάτης" } },
        { "contract", "ref", to = "contract", on_delete = "clear", index = true, label = { en = "Contract", el = "Σύμβαση" } },
        { "product", "ref", to = "product", on_delete = "clear", label = { en = "Product", el = "Προϊόν" } },
        { "quantity", "integer", required = true, min = 1, max = 1000000, label = { en = "Quantity per period", el = "Ποσότητα ανά περίοδο" } },
        { "unit", "text", required = true, max = 40, label = { en = "Unit", el = "Μονάδα" } },
        { "period_months", "integer", default = 12, min = 1, max = 120, label = { en = "Months of a period", el = "Μήνες περιόδου" } },
        { "starts_on", "date", required = true, label = { en = "From", el = "Από" } },
        { "ends_on", "date", index = true, label = { en = "Until", el = "Έως" } },
      },
      indexes = { { "organisation", "starts_on" } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "An entitlement ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    entitlement_period = {
      label = { en = "Period of an entitlement", el = "Περίοδος δικαιώματος" },
      plural = { en = "Periods of entitlements", el = "Περίοδοι δικαιωμάτων" },
      title = "starts_on", icon = "calendar", track = true,
      fields = {
        { "entitlement", "ref", to = "entitlement", required = true, on_delete = "cascade",
          label = { en = "Entitlement", el = "Δικαίωμα υπηρεσίας" } },
        { "starts_on", "date", required = true, label = { en = "From", el = "Από" } },
        { "ends_on", "date", required = true, label = { en = "Until", el = "Έως" } },
        { "quantity", "integer", required = true, min = 0, label = { en = "Quantity", el = "Ποσότητα" } },
        { "used", "integer", default = 0, min = 0, label = { en = "Used", el = "Χρησιμοποιήθηκε" } },
        { "left", "integer", computed = "quantity - used", label = { en = "Left", el = "Υπόλοιπο" } },
      },
      indexes = { { "entitlement", "starts_on", unique = true } },
      rules = {
        { "not_more_than_there_is", "used <= quantity",
          message = { en = "More is used than the client is entitled to in this period.",
            el = "Η χρήση υπερβαίνει το δικαίωμα του πελάτη σε αυτή την περίοδο." } },
      },
    },

    service_use = {
      label = { en = "Use of a service", el = "Χρήση υπηρεσίας" }, plural = { en = "Uses of services", el = "Χρήσεις υπηρεσιών" },
      title = "note", icon = "minus-circle", track = true,
      fields = {
        { "period", "ref", to = "entitlement_period", required = true, on_delete = "cascade", label = { en = "Period", el = "Περίοδος" } },
        { "used_on", "date", required = true, index = true, label = { en = "Used on", el = "Χρήση στις" } },
        { "quantity", "integer", required = true, min = 1, label = { en = "Quantity", el = "Ποσότητα" } },
        { "case", "ref", to = "case", on_delete = "clear", label = { en = "Case", el = "Υπόθεση" } },
        { "note", "text", max = 500, label = { en = "Note", el = "Σημείωση" } },
      },
    },

    service_plan = {
      label = { en = "Service plan", el = "Πρόγραμμα υπηρεσιών" }, plural = { en = "Service plans", el = "Προγράμματα υπηρεσιών" },
      title = "name", icon = "repeat", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "cascade", label = { en = "Client", el = "Πελάτης" } },
        { "kind", "enum", default = "maintenance", label = { en = "Kind", el = "Είδος" }, of = {
          { "maintenance", { en = "Maintenance", el = "Συντήρηση" } }, { "visit", { en = "Visit", el = "Επίσκεψη" } },
          { "inspection", { en = "Inspection", el = "Επιθεώρηση" } }, { "review", { en = "Review", el = "Ανασκόπηση" } } } },
        { "every_months", "integer", required = true, min = 1, max = 48, label = { en = "Every so many months", el = "Κάθε τόσους μήνες" } },
        { "first_on", "date", required = true, label = { en = "First on", el = "Πρώτη φορά στις" } },
        { "ends_on", "date", label = { en = "Until", el = "Έως" } },
        { "effort_hours", "decimal", scale = 2, min = 0, label = { en = "Effort, hours", el = "Προσπάθεια, ώρες" } },
        { "active", "boolean", default = true, label = { en = "Active", el = "Ενεργό" } },
      },
      rules = {
        { "ends_after_start", "ends_on >= first_on",
          message = { en = "A plan ends after its first visit.", el = "Η λήξη έπεται της πρώτης επίσκεψης." } },
      },
    },

    service_visit = {
      label = { en = "Scheduled visit", el = "Προγραμματισμένη επίσκεψη" },
      plural = { en = "Scheduled visits", el = "Προγραμματισμένες επισκέψεις" },
      title = "due_on", icon = "map-pin", track = true,
      fields = {
        { "plan", "ref", to = "service_plan", required = true, on_delete = "cascade", label = { en = "Plan", el = "Πρόγραμμα" } },
        { "organisation", "ref", to = "organisation", on_delete = "cascade", label = { en = "Client", el = "Πελάτης" } },
        { "due_on", "date", required = true, index = true, label = { en = "Due on", el = "Προθεσμία" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "due", { en = "Due", el = "Οφειλόμενη" } }, { "done", { en = "Done", el = "Έγινε" } },
          { "skipped", { en = "Skipped", el = "Παραλείφθηκε" } } } },
        { "done_on", "date", label = { en = "Done on", el = "Έγινε στις" } },
        { "outcome", "long_text", search = true, label = { en = "Outcome", el = "Αποτέλεσμα" } },
      },
      states = { field = "state", initial = "due", moves = { due = { "done", "skipped" }, done = { "due" }, skipped = { "due" } } },
      indexes = { { "plan", "due_on", unique = true }, { "state", "due_on" } },
      rules = {
        { "skipped_with_words", "state ~= \"skipped\" or not is_null(outcome)",
          message = { en = "A visit is skipped with a reason.", el = "Η επίσκεψη παραλείπεται με αιτιολογία." } },
      },
    },

    training_session = {
      label = { en = "Training session", el = "Εκπαίδευση" }, plural = { en = "Training sessions", el = "Εκπαιδεύσεις" },
      title = "title", icon = "book-open", track = true,
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "organisation", "ref", to = "organisation", on_delete = "clear", label = { en = "For the client", el = "Για τον πελάτη" } },
        { "product", "ref", to = "product", on_delete = "clear", label = { en = "Product", el = "Προϊόν" } },
        { "starts_at", "datetime", required = true, index = true, label = { en = "Starts", el = "Έναρξη" } },
        { "ends_at", "datetime", label = { en = "Ends", el = "Λήξη" } },
        { "capacity", "integer", required = true, min = 1, max = 10000, label = { en = "Places", el = "Θέσεις" } },
        { "place", "text", max = 200, label = { en = "Place", el = "Τόπος" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "planned", { en = "Planned", el = "Προγραμματισμένη" } }, { "held", { en = "Held", el = "Πραγματοποιήθηκε" } },
          { "cancelled", { en = "Cancelled", el = "Ακυρώθηκε" } } } },
      },
      states = { field = "state", initial = "planned", moves = { planned = { "held", "cancelled" }, cancelled = { "planned" } } },
      rules = {
        { "ends_after_start", "ends_at > starts_at",
          message = { en = "A session ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    training_attendance = {
      label = { en = "Attendance", el = "Συμμετοχή" }, plural = { en = "Attendances", el = "Συμμετοχές" },
      title = "status", icon = "user-check", track = true,
      fields = {
        { "session", "ref", to = "training_session", required = true, on_delete = "cascade", label = { en = "Session", el = "Εκπαίδευση" } },
        { "person", "ref", to = "person", required = true, on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "status", "enum", default = "registered", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "registered", { en = "Registered", el = "Εγγεγραμμένος" } }, { "waiting", { en = "Waiting list", el = "Λίστα αναμονής" } },
          { "attended", { en = "Attended", el = "Παρών" } }, { "absent", { en = "Absent", el = "Απών" } },
          { "cancelled", { en = "Cancelled", el = "Ακύρωσε" } } } },
      },
      indexes = { { "session", "person", unique = true } },
    },
  },

  extend = {
    task = { fields = {
      { "service_visit", "ref", to = "service_visit", on_delete = "cascade", label = { en = "Visit", el = "Επίσκεψη" } },
      { "training_session", "ref", to = "training_session", on_delete = "cascade", label = { en = "Training session", el = "Εκπαίδευση" } },
    } },
  },
}
