-- What was said: meetings, calls, letters, with any number of people and organisations.
return {
  objects = {
    interaction = {
      label = { en = "Interaction", el = "Επαφή" }, plural = { en = "Interactions", el = "Επαφές" },
      title = "subject", icon = "message", track = true,
      fields = {
        { "kind", "enum", required = true, of = { "meeting", "call", "email", "message", "visit", "note", "letter" },
          label = { en = "Kind", el = "Είδος" } },
        { "subject", "text", required = true, max = 300, search = true, label = { en = "Subject", el = "Θέμα" } },
        { "at", "datetime", required = true, index = true, label = { en = "When", el = "Πότε" } },
        { "people", "refs", to = "person", label = { en = "People", el = "Πρόσωπα" } },
        { "organisations", "refs", to = "organisation", label = { en = "Organisations", el = "Οργανισμοί" } },
        { "outcome", "long_text", search = true, label = { en = "Outcome", el = "Αποτέλεσμα" } },
      },
    },
  },
}
