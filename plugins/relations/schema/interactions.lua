-- What was said: meetings, calls, letters, each on any number of records; and of each party the last one.
return {
  objects = {
    interaction = {
      label = { en = "Interaction", el = "Επαφή" }, plural = { en = "Interactions", el = "Επαφές" },
      title = "subject", icon = "message", track = true,
      fields = {
        { "kind", "enum", required = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "meeting", { en = "Meeting", el = "Συνάντηση" } }, { "call", { en = "Call", el = "Κλήση" } },
          { "email", { en = "E-mail", el = "Ηλεκτρονικό μήνυμα" } }, { "message", { en = "Message", el = "Μήνυμα" } },
          { "visit", { en = "Visit", el = "Επίσκεψη" } }, { "note", { en = "Note", el = "Σημείωση" } },
          { "letter", { en = "Letter", el = "Επιστολή" } } } },
        { "subject", "text", required = true, max = 300, search = true, label = { en = "Subject", el = "Θέμα" } },
        { "at", "datetime", required = true, index = true, label = { en = "When", el = "Πότε" } },
        { "status", "enum", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "planned", { en = "Planned", el = "Προγραμματισμένη" } }, { "held", { en = "Held", el = "Έγινε" } },
          { "not_held", { en = "Not held", el = "Δεν έγινε" } }, { "cancelled", { en = "Cancelled", el = "Ακυρώθηκε" } } } },
        { "direction", "enum", label = { en = "Direction", el = "Κατεύθυνση" }, of = {
          { "inbound", { en = "From them", el = "Εισερχόμενη" } }, { "outbound", { en = "From us", el = "Εξερχόμενη" } },
          { "internal", { en = "Among ourselves", el = "Εσωτερική" } } } },
        { "duration_minutes", "integer", min = 0, max = 14400, label = { en = "Minutes", el = "Διάρκεια σε λεπτά" } },
        { "sender", "ref", to = "person", on_delete = "clear", label = { en = "Sender", el = "Αποστολέας" } },
        { "people", "refs", to = "person", label = { en = "People", el = "Πρόσωπα" } },
        { "organisations", "refs", to = "organisation", label = { en = "Organisations", el = "Οργανισμοί" } },
        { "relationships", "refs", to = "relationship", label = { en = "Relationships", el = "Σχέσεις" } },
        { "opportunities", "refs", to = "opportunity", label = { en = "Opportunities", el = "Ευκαιρίες" } },
        { "outcome", "long_text", search = true, label = { en = "Outcome", el = "Αποτέλεσμα" } },
      },
    },

    -- Kept by interactions.lua: one row per party that was ever spoken with. No row: unknown. Ids and no references: what is
    -- merely kept must not stand in the way when people merge, delete and take back.
    last_contact = {
      label = { en = "Last contact", el = "Τελευταία επαφή" }, plural = { en = "Last contacts", el = "Τελευταίες επαφές" },
      icon = "clock",
      fields = {
        { "party", "text", required = true, unique = true, max = 20, label = { en = "Party", el = "Μέρος" } },
        { "organisation", "text", max = 20, index = true, label = { en = "Organisation", el = "Οργανισμός" } },
        { "person", "text", max = 20, index = true, label = { en = "Person", el = "Πρόσωπο" } },
        { "interaction", "text", required = true, max = 20, label = { en = "Interaction", el = "Επαφή" } },
        { "at", "datetime", required = true, index = true, label = { en = "When", el = "Πότε" } },
        { "by", "ref", to = "user", on_delete = "clear", label = { en = "By", el = "Από" } },
        { "kind", "text", required = true, max = 20, label = { en = "How", el = "Πώς" } },
      },
    },
  },
}
