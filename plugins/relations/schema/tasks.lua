-- What is to be done, by when, by whom (its owner), about what: everything with a due date keeps one of these.
return {
  objects = {
    task = {
      label = { en = "Task", el = "Εργασία" }, plural = { en = "Tasks", el = "Εργασίες" },
      title = "title", icon = "check", track = true,
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "done", { en = "Done", el = "Ολοκληρώθηκε" } },
          { "dropped", { en = "Dropped", el = "Εγκαταλείφθηκε" } } } },
        { "due", "date", index = true, label = { en = "Due", el = "Προθεσμία" } },
        { "kind", "text", max = 40, pattern = "[a-z][a-z0-9_]*", index = true, label = { en = "Kind", el = "Είδος" } },
        { "priority", "enum", default = "normal", label = { en = "Priority", el = "Προτεραιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "normal", { en = "Normal", el = "Κανονική" } },
          { "high", { en = "High", el = "Υψηλή" } }, { "urgent", { en = "Urgent", el = "Επείγουσα" } } } },
        { "origin", "text", unique = true, max = 200, label = { en = "Kept for", el = "Προέλευση" } },
        { "organisation", "ref", to = "organisation", on_delete = "clear", label = { en = "Organisation", el = "Οργανισμός" } },
        { "person", "ref", to = "person", on_delete = "clear", label = { en = "Person", el = "Πρόσωπο" } },
        { "relationship", "ref", to = "relationship", on_delete = "clear", label = { en = "Relationship", el = "Σχέση" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "cascade", label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "effort_hours", "decimal", scale = 2, min = 0, max = 10000,
          label = { en = "Effort, hours", el = "Εκτίμηση σε ώρες" } },
        { "value_at_stake", "money", min = 0, label = { en = "Value at stake", el = "Αξία που διακυβεύεται" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "done", "dropped" }, done = { "open" }, dropped = { "open" } } },
      indexes = { { "owner", "due" }, { "owner", "state", "due" } },
    },
  },
}
