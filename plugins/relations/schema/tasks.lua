-- What is to be done, by when, about what.
return {
  objects = {
    task = {
      label = { en = "Task", el = "Εργασία" }, plural = { en = "Tasks", el = "Εργασίες" },
      title = "title", icon = "check", track = true,
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "state", "enum", of = { "open", "done", "dropped" }, index = true, label = { en = "State", el = "Κατάσταση" } },
        { "due", "date", index = true, label = { en = "Due", el = "Προθεσμία" } },
        { "organisation", "ref", to = "organisation", on_delete = "clear", label = { en = "Organisation", el = "Οργανισμός" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "cascade", label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "done", "dropped" }, done = { "open" }, dropped = { "open" } } },
      indexes = { { "owner", "due" } },
    },
  },
}
