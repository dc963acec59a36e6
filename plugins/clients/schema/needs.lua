-- T1: what a client needs, who said so and where, how much it matters, and what of ours meets it.
return {
  objects = {
    need = {
      label = { en = "Need", el = "Ανάγκη" }, plural = { en = "Needs", el = "Ανάγκες" },
      title = "name", icon = "help-circle", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict",
          label = { en = "Organisation", el = "Οργανισμός" } },
        { "people", "refs", to = "person", label = { en = "Whose need", el = "Ποιων ανάγκη" } },
        { "products", "refs", to = "product", on_delete = "clear",
          label = { en = "Products that would meet it", el = "Προϊόντα που θα την κάλυπταν" } },
        { "priority", "enum", required = true, default = "medium", label = { en = "Priority", el = "Προτεραιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "medium", { en = "Medium", el = "Μέτρια" } },
          { "high", { en = "High", el = "Υψηλή" } }, { "critical", { en = "Critical", el = "Κρίσιμη" } } } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "captured", { en = "Captured", el = "Καταγράφηκε" } }, { "confirmed", { en = "Confirmed", el = "Επιβεβαιώθηκε" } },
          { "addressed", { en = "Addressed", el = "Προτάθηκε λύση" } }, { "met", { en = "Met", el = "Καλύφθηκε" } },
          { "dropped", { en = "Dropped", el = "Εγκαταλείφθηκε" } } } },
        { "captured_on", "date", required = true, label = { en = "Captured on", el = "Καταγράφηκε την" } },
        { "source", "ref", to = "interaction", on_delete = "restrict", label = { en = "Heard in", el = "Από την επαφή" } },
        { "evidence", "long_text", search = true, max = 8000, label = { en = "Evidence", el = "Τεκμηρίωση" } },
        { "met_by", "refs", to = "opportunity", on_delete = "clear",
          label = { en = "Met by the opportunities", el = "Καλύπτεται από τις ευκαιρίες" } },
        { "met_on", "date", label = { en = "Met on", el = "Καλύφθηκε την" } },
      },
      states = { field = "state", initial = "captured", moves = {
        captured = { "confirmed", "addressed", "dropped" }, confirmed = { "addressed", "dropped" },
        addressed = { "confirmed", "met", "dropped" }, met = { "addressed" }, dropped = { "captured" } } },
      indexes = { { "organisation", "state" } },
      rules = {
        { "has_a_source", "not (is_null(source) and is_null(evidence))",
          message = { en = "A need names the interaction it was heard in, or says how it is known.",
            el = "Η ανάγκη ορίζει την επαφή από την οποία προκύπτει ή λέει πώς είναι γνωστή." } },
        { "met_on_a_date", "(state == 'met') ~= is_null(met_on)",
          message = { en = "A need that is met has the date on which it was met, and no other has.",
            el = "Μόνο η ανάγκη που καλύφθηκε έχει ημερομηνία κάλυψης." } },
      },
    },
  },
  extend = {
    interaction = { fields = {
      { "needs", "refs", to = "need", on_delete = "clear", label = { en = "Needs discussed", el = "Ανάγκες που συζητήθηκαν" } },
    } },
  },
}
