-- T2: what we want to reach with a client, what is done for it, how it is measured, and when we look again.
return {
  objects = {
    account_plan = {
      label = { en = "Account plan", el = "Πλάνο πελάτη" }, plural = { en = "Account plans", el = "Πλάνα πελατών" },
      title = "name", icon = "map", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict",
          label = { en = "Organisation", el = "Οργανισμός" } },
        { "strategy", "long_text", search = true, label = { en = "Strategy", el = "Στρατηγική" } },
        { "starts_on", "date", required = true, label = { en = "From", el = "Από" } },
        { "ends_on", "date", required = true, label = { en = "Until", el = "Έως" } },
        { "review_on", "date", index = true, label = { en = "Next review", el = "Επόμενη επανεξέταση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "active", { en = "Active", el = "Σε ισχύ" } },
          { "closed", { en = "Closed", el = "Κλειστό" } } } },
      },
      states = { field = "state", initial = "draft", moves = {
        draft = { "active", "closed" }, active = { "draft", "closed" }, closed = { "active" } } },
      indexes = { { "organisation", "-starts_on" } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "A plan ends after it has begun.", el = "Η λήξη του πλάνου έπεται της έναρξης." } },
      },
    },

    plan_objective = {
      label = { en = "Objective", el = "Στόχος πλάνου" }, plural = { en = "Objectives", el = "Στόχοι πλάνου" },
      title = "name", icon = "flag", track = true,
      fields = {
        { "account_plan", "ref", to = "account_plan", required = true, on_delete = "cascade", index = true,
          label = { en = "Account plan", el = "Πλάνο πελάτη" } },
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "stakeholders", "refs", to = "stakeholder", on_delete = "clear",
          label = { en = "For the stakeholders", el = "Για τους ενδιαφερόμενους" } },
        { "needs", "refs", to = "need", on_delete = "clear", label = { en = "Needs", el = "Ανάγκες" } },
        { "due", "date", label = { en = "Due", el = "Προθεσμία" } },
        { "state", "enum", label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτός" } }, { "reached", { en = "Reached", el = "Επιτεύχθηκε" } },
          { "missed", { en = "Missed", el = "Δεν επιτεύχθηκε" } }, { "dropped", { en = "Dropped", el = "Εγκαταλείφθηκε" } } } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "reached", "missed", "dropped" }, reached = { "open" }, missed = { "open" }, dropped = { "open" } } },
    },

    plan_measure = {
      label = { en = "Measure", el = "Δείκτης" }, plural = { en = "Measures", el = "Δείκτες" },
      title = "name", icon = "ruler", track = true,
      fields = {
        { "objective", "ref", to = "plan_objective", required = true, on_delete = "cascade", index = true,
          label = { en = "Objective", el = "Στόχος πλάνου" } },
        { "name", "text", required = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "unit", "text", required = true, max = 40, label = { en = "Unit", el = "Μονάδα" } },
        { "baseline", "decimal", scale = 4, label = { en = "At the start", el = "Στην αρχή" } },
        { "target", "decimal", required = true, scale = 4, label = { en = "Target", el = "Επιδίωξη" } },
        { "actual", "decimal", scale = 4, label = { en = "Actual", el = "Πραγματική τιμή" } },
        { "measured_on", "date", label = { en = "Measured on", el = "Μετρήθηκε την" } },
      },
      rules = {
        { "measured_on_a_date", "is_null(actual) == is_null(measured_on)",
          message = { en = "An actual value and the date it was measured on come together.",
            el = "Η πραγματική τιμή και η ημερομηνία μέτρησης δίνονται μαζί." } },
      },
    },

    measure_reading = {
      label = { en = "Reading", el = "Μέτρηση" }, plural = { en = "Readings", el = "Μετρήσεις" },
      title = "read_on", icon = "activity", track = true,
      fields = {
        { "measure", "ref", to = "plan_measure", required = true, on_delete = "cascade",
          label = { en = "Measure", el = "Δείκτης" } },
        { "value", "decimal", required = true, scale = 4, label = { en = "Value", el = "Τιμή" } },
        { "read_on", "date", required = true, label = { en = "Read on", el = "Μετρήθηκε την" } },
        { "source", "text", max = 300, label = { en = "Source", el = "Πηγή" } },
      },
      indexes = { { "measure", "-read_on" } },
    },

    plan_review = {
      label = { en = "Plan review", el = "Επανεξέταση πλάνου" }, plural = { en = "Plan reviews", el = "Επανεξετάσεις πλάνων" },
      title = "held_on", icon = "refresh", track = true,
      fields = {
        { "account_plan", "ref", to = "account_plan", required = true, on_delete = "cascade",
          label = { en = "Account plan", el = "Πλάνο πελάτη" } },
        { "held_on", "date", required = true, label = { en = "Held on", el = "Έγινε την" } },
        { "outcome", "long_text", required = true, max = 8000, label = { en = "Outcome", el = "Συμπέρασμα" } },
        { "next_on", "date", label = { en = "Next review", el = "Επόμενη επανεξέταση" } },
      },
      indexes = { { "account_plan", "-held_on" } },
      rules = {
        { "next_is_later", "next_on > held_on",
          message = { en = "The next review is later than this one.", el = "Η επόμενη επανεξέταση έπεται αυτής." } },
      },
    },
  },
  extend = {
    task = { fields = {
      { "account_plan", "ref", to = "account_plan", on_delete = "cascade", index = true,
        label = { en = "Account plan", el = "Πλάνο πελάτη" } },
      { "objective", "ref", to = "plan_objective", on_delete = "clear", index = true,
        label = { en = "Objective", el = "Στόχος πλάνου" } },
    } },
  },
}
