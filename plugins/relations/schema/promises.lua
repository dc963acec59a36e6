-- Who promised what to whom, by when, and what became of it: in both directions.
return {
  objects = {
    promise = {
      label = { en = "Promise", el = "Υπόσχεση" }, plural = { en = "Promises", el = "Υποσχέσεις" },
      title = "text", icon = "handshake", track = true,
      fields = {
        { "text", "text", required = true, max = 500, search = true, label = { en = "What", el = "Τι" } },
        { "direction", "enum", required = true, default = "by_us", label = { en = "By whom", el = "Από ποιον" }, of = {
          { "by_us", { en = "By us", el = "Από εμάς" } }, { "to_us", { en = "To us", el = "Προς εμάς" } } } },
        { "due", "date", required = true, index = true, label = { en = "By when", el = "Έως" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "overdue", { en = "Overdue", el = "Εκπρόθεσμη" } },
          { "kept", { en = "Kept", el = "Τηρήθηκε" } }, { "broken", { en = "Broken", el = "Αθετήθηκε" } },
          { "withdrawn", { en = "Withdrawn", el = "Ανακλήθηκε" } },
          { "renegotiated", { en = "Renegotiated", el = "Επαναδιαπραγμάτευση" } } } },
        { "organisation", "ref", to = "organisation", on_delete = "cascade", label = { en = "Organisation", el = "Οργανισμός" } },
        { "person", "ref", to = "person", on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "relationship", "ref", to = "relationship", on_delete = "clear", label = { en = "Relationship", el = "Σχέση" } },
        { "interaction", "ref", to = "interaction", on_delete = "clear", label = { en = "Said in", el = "Ειπώθηκε σε" } },
        { "replaces", "ref", to = "promise", unique = true, on_delete = "clear", acyclic = true,
          label = { en = "In place of", el = "Αντί της" } },
        { "value_at_stake", "money", min = 0, label = { en = "Value at stake", el = "Αξία που διακυβεύεται" } },
        { "closed_on", "date", label = { en = "Closed on", el = "Έκλεισε στις" } },
        { "late", "boolean", computed = "closed_on > due", label = { en = "Late", el = "Καθυστερημένη" } },
        { "reason", "long_text", label = { en = "Reason", el = "Αιτία" } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "overdue", "kept", "broken", "withdrawn", "renegotiated" },
        overdue = { "open", "kept", "broken", "withdrawn", "renegotiated" } } },
      indexes = { { "state", "due" }, { "organisation", "due" }, { "relationship", "state" } },
      rules = {
        { "has_counterparty", "not (is_null(organisation) and is_null(person))", message = {
          en = "A promise has a counterparty: name its organisation or person.",
          el = "Η υπόσχεση έχει αντισυμβαλλόμενο: δώστε οργανισμό ή πρόσωπο." } },
        { "says_why", "not (state in ['broken', 'withdrawn']) or not is_null(reason)", message = {
          en = "Say in `reason` why it was broken or withdrawn.",
          el = "Γράψτε στο `reason` γιατί αθετήθηκε ή ανακλήθηκε." } },
      },
    },
  },
  extend = {
    task = { fields = {
      { "promise", "ref", to = "promise", on_delete = "cascade", label = { en = "Promise", el = "Υπόσχεση" } } } },
  },
}
