-- How well a bond is: the formula as data, what other plugins know of it as signals, the score of each bond, one point of it a week.
return {
  objects = {
    health_formula = {
      label = { en = "Health formula", el = "Τύπος υγείας σχέσεων" },
      plural = { en = "Health formulas", el = "Τύποι υγείας σχέσεων" },
      title = "name", icon = "function", track = true,
      fields = {
        { "name", "text", required = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "number", "integer", required = true, unique = true, min = 1, label = { en = "Version", el = "Έκδοση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "active", { en = "In use", el = "Σε χρήση" } },
          { "retired", { en = "Retired", el = "Αποσύρθηκε" } } } },
        { "minimum_coverage", "integer", min = 0, max = 100, default = 30,
          label = { en = "Least known share, per cent", el = "Ελάχιστο γνωστό μέρος, τοις εκατό" } },
        { "factors", "json", required = true, label = { en = "Factors", el = "Παράγοντες" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      states = { field = "state", initial = "draft", moves = { draft = { "active", "retired" }, active = { "retired" }, retired = { "active" } } },
    },

    health_signal = {
      label = { en = "Health signal", el = "Σήμα υγείας" }, plural = { en = "Health signals", el = "Σήματα υγείας" },
      title = "factor", icon = "activity", track = true,
      fields = {
        { "relationship", "ref", to = "relationship", required = true, on_delete = "cascade", index = true,
          label = { en = "Relationship", el = "Σχέση" } },
        { "factor", "text", required = true, pattern = "[a-z][a-z0-9_]*", max = 40, label = { en = "Factor", el = "Παράγοντας" } },
        { "value", "decimal", scale = 4, min = 0, max = 1, required = true,
          label = { en = "Value, 0 bad to 1 good", el = "Τιμή, 0 κακή έως 1 καλή" } },
        { "at", "datetime", required = true, label = { en = "As of", el = "Ως προς" } },
        { "evidence_object", "text", max = 60, pattern = "[a-z][a-z0-9_]*", label = { en = "Evidence: object", el = "Τεκμήριο: είδος" } },
        { "evidence_id", "text", max = 40, label = { en = "Evidence: record", el = "Τεκμήριο: εγγραφή" } },
        { "note", "text", max = 300, label = { en = "Note", el = "Σημείωση" } },
        { "origin", "text", unique = true, max = 200, label = { en = "Kept by", el = "Τηρείται από" } },
      },
      indexes = { { "factor", "relationship" }, { "evidence_id", "factor" } },
      rules = {
        { "evidence_is_whole", "is_null(evidence_object) == is_null(evidence_id)",
          message = { en = "Evidence is an object and the id of a record of it.", el = "Το τεκμήριο είναι είδος και εγγραφή μαζί." } },
      },
    },

    health_score = {
      label = { en = "Health", el = "Υγεία σχέσης" }, plural = { en = "Health scores", el = "Υγεία σχέσεων" },
      icon = "heart", track = true,
      fields = {
        { "relationship", "ref", to = "relationship", required = true, unique = true, on_delete = "cascade",
          label = { en = "Relationship", el = "Σχέση" } },
        { "score", "integer", min = 0, max = 100, index = true, label = { en = "Score", el = "Βαθμός" } },
        { "coverage", "integer", min = 0, max = 100, label = { en = "Known, per cent", el = "Γνωστά, τοις εκατό" } },
        { "change", "integer", index = true, label = { en = "Change since last week", el = "Μεταβολή από την περασμένη εβδομάδα" } },
        { "change_en", "text", max = 300, label = { en = "Change, in a sentence (English)", el = "Μεταβολή σε μια πρόταση (αγγλικά)" } },
        { "change_el", "text", max = 300, label = { en = "Change, in a sentence (Greek)", el = "Μεταβολή σε μια πρόταση (ελληνικά)" } },
        { "factors", "json", label = { en = "Factors", el = "Παράγοντες" } },
        { "formula_version", "integer", label = { en = "Formula's version", el = "Έκδοση τύπου" } },
        { "last_contact_on", "date", label = { en = "Last contact", el = "Τελευταία επαφή" } },
        { "computed_on", "date", label = { en = "Computed on", el = "Υπολογίστηκε" } },
      },
    },

    health_point = {
      label = { en = "Health of a week", el = "Υγεία εβδομάδας" }, plural = { en = "Health by week", el = "Υγεία ανά εβδομάδα" },
      icon = "trending-up",
      fields = {
        { "relationship", "ref", to = "relationship", required = true, on_delete = "cascade", label = { en = "Relationship", el = "Σχέση" } },
        { "week", "date", required = true, label = { en = "Week from Monday", el = "Εβδομάδα από Δευτέρα" } },
        { "score", "integer", min = 0, max = 100, label = { en = "Score", el = "Βαθμός" } },
        { "coverage", "integer", min = 0, max = 100, label = { en = "Known, per cent", el = "Γνωστά, τοις εκατό" } },
        { "contact_age", "integer", min = 0, max = 999, label = { en = "Days since last contact", el = "Ημέρες από την τελευταία επαφή" } },
        { "points", "json", label = { en = "Points by factor", el = "Μονάδες ανά παράγοντα" } },
        { "formula_version", "integer", label = { en = "Formula's version", el = "Έκδοση τύπου" } },
        { "replayed", "boolean", default = false, label = { en = "Computed afterwards", el = "Υπολογίστηκε εκ των υστέρων" } },
      },
      indexes = { { "relationship", "week", unique = true }, { "week", "score" }, { "week", "contact_age" } },
    },
  },
  extend = {
    relationship = {
      fields = {
        { "contact_every_days", "integer", min = 1, max = 730, label = { en = "Contact every, days", el = "Επαφή κάθε, ημέρες" } },
        { "contact_hours", "decimal", scale = 2, min = 0, label = { en = "Hours a contact takes", el = "Ώρες ανά επαφή" } },
      },
    },
  },
}
