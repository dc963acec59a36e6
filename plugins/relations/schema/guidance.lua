-- What the law and the industry ask, as dated and cited records: each says how sure we are.
return {
  objects = {
    guidance = {
      label = { en = "Rule or practice", el = "Κανόνας ή πρακτική" }, plural = { en = "Rules and practices", el = "Κανόνες και πρακτικές" },
      path = "guidance", title = "title", icon = "scale", track = true,
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "kind", "enum", required = true, default = "practice", label = { en = "Kind", el = "Είδος" }, of = {
          { "law", { en = "Law", el = "Νόμος" } }, { "regulation", { en = "Regulation", el = "Κανονισμός" } },
          { "standard", { en = "Standard", el = "Πρότυπο" } }, { "practice", { en = "Industry practice", el = "Πρακτική κλάδου" } },
          { "policy", { en = "Our policy", el = "Πολιτική μας" } }, { "product_fact", { en = "Fact on a product", el = "Στοιχείο προϊόντος" } } } },
        { "jurisdiction", "text", required = true, pattern = "[A-Z]{2}", default = "EU", index = true,
          label = { en = "Jurisdiction (ISO 3166, or EU)", el = "Δικαιοδοσία (ISO 3166 ή EU)" } },
        { "industry", "text", max = 100, index = true, label = { en = "Industry", el = "Κλάδος" } },
        { "statement", "long_text", required = true, search = true, label = { en = "What it says", el = "Τι ορίζει" } },
        { "citation", "text", required = true, max = 300, search = true, label = { en = "Citation", el = "Παραπομπή" } },
        { "source", "url", label = { en = "Source", el = "Πηγή" } },
        { "effective_from", "date", required = true, index = true, label = { en = "In force from", el = "Ισχύει από" } },
        { "effective_to", "date", index = true, label = { en = "In force until", el = "Ισχύει έως" } },
        { "confidence", "enum", required = true, default = "low", index = true, label = { en = "Confidence", el = "Βεβαιότητα" }, of = {
          { "high", { en = "High", el = "Υψηλή" } }, { "medium", { en = "Medium", el = "Μέτρια" } }, { "low", { en = "Low", el = "Χαμηλή" } } } },
        { "checked_on", "date", label = { en = "Checked on", el = "Ελέγχθηκε στις" } },
        { "review_on", "date", index = true, label = { en = "To be looked at again on", el = "Επανέλεγχος στις" } },
        { "supersedes", "ref", to = "guidance", on_delete = "clear", acyclic = true, label = { en = "Supersedes", el = "Αντικαθιστά" } },
      },
      indexes = { { "jurisdiction", "effective_from" } },
      rules = {
        { "ends_after_start", "effective_to >= effective_from",
          message = { en = "A rule ends after it came into force.", el = "Η λήξη ισχύος έπεται της έναρξης." } },
        { "high_was_checked", "confidence ~= \"high\" or not is_null(checked_on)",
          message = { en = "High confidence needs the day on which the source was checked: fill checked_on.",
            el = "Η υψηλή βεβαιότητα θέλει ημερομηνία ελέγχου της πηγής: συμπληρώστε το checked_on." } },
      },
    },
  },
  extend = {
    task = { fields = { { "guidance", "ref", to = "guidance", on_delete = "cascade", label = { en = "Rule", el = "Κανόνας" } } } },
  },
}
