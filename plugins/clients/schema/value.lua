-- T8: what a product of ours is worth to one stakeholder with one need, what proves it, and what came of it after the sale.
return {
  objects = {
    value_proposition = {
      label = { en = "Value proposition", el = "Πρόταση αξίας" }, plural = { en = "Value propositions", el = "Προτάσεις αξίας" },
      title = "name", icon = "award", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "need", "ref", to = "need", required = true, on_delete = "restrict", index = true, label = { en = "Need", el = "Ανάγκη" } },
        { "stakeholder", "ref", to = "stakeholder", on_delete = "clear", index = true,
          label = { en = "For the stakeholder", el = "Για τον ενδιαφερόμενο" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", index = true,
          label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "statement", "long_text", required = true, max = 4000, search = true,
          label = { en = "What it is worth to them", el = "Τι αξίζει για εκείνους" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "presented", { en = "Presented", el = "Παρουσιάστηκε" } },
          { "accepted", { en = "Accepted", el = "Έγινε δεκτή" } }, { "rejected", { en = "Rejected", el = "Απορρίφθηκε" } } } },
        { "presented_in", "ref", to = "interaction", on_delete = "clear",
          label = { en = "Presented in", el = "Παρουσιάστηκε στην επαφή" } },
        { "unit", "text", max = 40, label = { en = "Measured in", el = "Μονάδα μέτρησης" } },
        { "expected", "decimal", scale = 4, label = { en = "Expected result", el = "Αναμενόμενο αποτέλεσμα" } },
        { "expected_by", "date", label = { en = "Expected by", el = "Αναμένεται έως" } },
        { "actual", "decimal", scale = 4, label = { en = "Actual result", el = "Πραγματικό αποτέλεσμα" } },
        { "measured_on", "date", label = { en = "Measured on", el = "Μετρήθηκε την" } },
        { "share_reached", "decimal", scale = 4, computed = "if(expected == 0, null, actual / expected)",
          label = { en = "Share of the expected result", el = "Μερίδιο του αναμενόμενου" } },
      },
      states = { field = "state", initial = "draft", moves = {
        draft = { "presented" }, presented = { "draft", "accepted", "rejected" }, rejected = { "draft" } } },
      rules = {
        { "measured_on_a_date", "is_null(actual) == is_null(measured_on)",
          message = { en = "An actual result and the date it was measured on come together.",
            el = "Το πραγματικό αποτέλεσμα και η ημερομηνία μέτρησης δίνονται μαζί." } },
        { "expected_has_a_unit", "is_null(expected) or not (is_null(unit) or is_null(expected_by))",
          message = { en = "An expected result says what it is measured in and by when it is expected.",
            el = "Το αναμενόμενο αποτέλεσμα ορίζει μονάδα μέτρησης και προθεσμία." } },
      },
    },

    value_proof = {
      label = { en = "Proof", el = "Απόδειξη αξίας" }, plural = { en = "Proofs", el = "Αποδείξεις αξίας" },
      title = "name", icon = "check-circle", track = true,
      fields = {
        { "value_proposition", "ref", to = "value_proposition", required = true, on_delete = "cascade", index = true,
          label = { en = "Value proposition", el = "Πρόταση αξίας" } },
        { "name", "text", required = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "kind", "enum", required = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "file", { en = "File", el = "Αρχείο" } }, { "case_study", { en = "Case study", el = "Μελέτη περίπτωσης" } },
          { "reference_client", { en = "Reference client", el = "Πελάτης αναφοράς" } } } },
        { "file", "file", label = { en = "File", el = "Αρχείο" } },
        { "url", "url", label = { en = "Where it can be read", el = "Πού διαβάζεται" } },
        { "reference", "ref", to = "organisation", on_delete = "restrict", label = { en = "Reference client", el = "Πελάτης αναφοράς" } },
        { "dated", "date", required = true, label = { en = "Dated", el = "Ημερομηνία" } },
      },
      rules = {
        { "a_study_can_be_read", "kind ~= 'case_study' or not is_null(url)",
          message = { en = "A case study says where it can be read.", el = "Η μελέτη περίπτωσης ορίζει πού διαβάζεται." } },
        { "a_reference_is_named", "kind ~= 'reference_client' or not is_null(reference)",
          message = { en = "A reference client is named.", el = "Ο πελάτης αναφοράς ορίζεται ονομαστικά." } },
      },
    },
  },
}
