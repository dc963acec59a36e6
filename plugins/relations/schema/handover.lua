-- B1: somebody leaves or is away, and another takes over: what was moved, so that it can go back.
return {
  objects = {
    handover = {
      label = { en = "Hand-over", el = "Παράδοση" }, plural = { en = "Hand-overs", el = "Παραδόσεις" },
      title = "reason", icon = "users", track = true,
      fields = {
        { "from", "ref", to = "user", required = true, on_delete = "restrict", label = { en = "From", el = "Από" } },
        { "to", "ref", to = "user", required = true, on_delete = "restrict", label = { en = "To", el = "Προς" } },
        { "reason", "enum", required = true, default = "away", label = { en = "Reason", el = "Αιτία" }, of = {
          { "leaving", { en = "Leaving", el = "Αποχώρηση" } }, { "away", { en = "Away", el = "Απουσία" } },
          { "change", { en = "Change of duties", el = "Αλλαγή καθηκόντων" } } } },
        { "returns_on", "date", label = { en = "Back on", el = "Επιστροφή στις" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "draft", { en = "Prepared", el = "Σε προετοιμασία" } }, { "moved", { en = "Handed over", el = "Παραδόθηκε" } },
          { "returned", { en = "Back again", el = "Επιστράφηκε" } } } },
        { "moved_on", "date", label = { en = "Handed over on", el = "Παραδόθηκε στις" } },
        { "notes", "long_text", label = { en = "What the other should know", el = "Τι πρέπει να γνωρίζει ο άλλος" } },
      },
      states = { field = "state", initial = "draft", moves = { draft = { "moved" }, moved = { "returned" } } },
      rules = {
        { "to_another", "from ~= to", message = { en = "Hand over to somebody else.", el = "Η παράδοση γίνεται σε άλλον." } },
        { "away_returns", "reason ~= \"away\" or not is_null(returns_on)",
          message = { en = "Who is away comes back: fill returns_on.", el = "Συμπληρώστε την ημερομηνία επιστροφής: returns_on." } },
      },
    },
    -- What was moved, a few hundred records in each.
    handover_part = {
      label = { en = "Part of a hand-over", el = "Μέρος παράδοσης" }, plural = { en = "Parts of hand-overs", el = "Μέρη παραδόσεων" },
      title = "object", icon = "package",
      fields = {
        { "handover", "ref", to = "handover", required = true, on_delete = "cascade", label = { en = "Hand-over", el = "Παράδοση" } },
        { "object", "text", required = true, max = 60, label = { en = "Object type", el = "Είδος" } },
        { "records", "json", required = true, label = { en = "Records", el = "Εγγραφές" } },
        { "count", "integer", required = true, label = { en = "How many", el = "Πλήθος" } },
      },
    },
  },
  extend = {
    task = { fields = { { "handover", "ref", to = "handover", on_delete = "cascade", label = { en = "Hand-over", el = "Παράδοση" } } } },
  },
}
