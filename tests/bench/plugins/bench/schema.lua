-- Deals of clients: ten fields, a reference to filter through, a date and a stage to order by.
return {
  objects = {
    client = {
      label = { en = "Client", el = "Πελάτης" }, plural = { en = "Clients", el = "Πελάτες" },
      title = "name", track = true,
      fields = {
        { "name", "text", required = true, max = 200, unique = true },
        { "industry", "text", max = 60, index = true },
        { "country", "country" },
      },
    },
    deal = {
      label = { en = "Deal", el = "Συμφωνία" }, plural = { en = "Deals", el = "Συμφωνίες" },
      title = "name", track = true,
      fields = {
        { "name", "text", required = true, max = 200 },
        { "client", "ref", to = "client", required = true, on_delete = "restrict", index = true },
        { "stage", "enum", index = true, of = { "open", "offered", "won", "lost" } },
        { "value", "money", min = 0 },
        { "chance", "integer", min = 0, max = 100 },
        { "closes_on", "date", index = true },
        { "email", "email" },
        { "source", "text", max = 80 },
        { "urgent", "boolean", default = false },
        { "notes", "long_text" },
      },
    },
    person = {
      label = { en = "Person", el = "Πρόσωπο" }, plural = { en = "People", el = "Πρόσωπα" },
      title = "name", path = "people", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true },
        { "employer", "text", max = 200, search = true },
        { "city", "text", max = 80 },
      },
    },
    mark = {
      label = { en = "Mark", el = "Σημείωση" }, plural = { en = "Marks", el = "Σημειώσεις" },
      title = "deal", track = true,
      fields = { { "deal", "ref", to = "deal", required = true, on_delete = "cascade" }, { "note", "text", max = 80 } },
    },
  },
}
