-- Texts for people to send, per language and audience; merge fields stand in braces: {name}.
return {
  objects = {
    template = {
      label = { en = "Template", el = "Πρότυπο κειμένου" }, plural = { en = "Templates", el = "Πρότυπα κειμένων" },
      title = "name", icon = "file-text", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "key", "text", required = true, max = 60, index = true, label = { en = "Key", el = "Κλειδί" } },
        { "language", "language", default = "en", index = true, label = { en = "Language", el = "Γλώσσα" } },
        { "audience", "enum", default = "general", label = { en = "Audience", el = "Κοινό" }, of = {
          { "general", { en = "General", el = "Γενικό" } }, { "executive", { en = "Executive", el = "Διοίκηση" } },
          { "technical", { en = "Technical", el = "Τεχνικοί" } }, { "finance", { en = "Finance", el = "Οικονομικοί" } },
          { "legal", { en = "Legal", el = "Νομικοί" } }, { "public_sector", { en = "Public sector", el = "Δημόσιος τομέας" } } } },
        { "kind", "enum", default = "email", label = { en = "Kind", el = "Είδος" }, of = {
          { "email", { en = "E-mail", el = "Ηλεκτρονικό μήνυμα" } }, { "letter", { en = "Letter", el = "Επιστολή" } },
          { "message", { en = "Message", el = "Μήνυμα" } }, { "document", { en = "Document", el = "Έγγραφο" } } } },
        { "subject", "text", max = 300, label = { en = "Subject", el = "Θέμα" } },
        { "body", "long_text", required = true, search = true, label = { en = "Text", el = "Κείμενο" } },
        { "extra_fields", "text", max = 500, label = { en = "Fields filled by the sender", el = "Πεδία που συμπληρώνει ο αποστολέας" } },
        { "active", "boolean", default = true, label = { en = "In use", el = "Σε χρήση" } },
      },
      indexes = { { "key", "language", "audience", unique = true } },
    },
  },
  extend = {
    person = { fields = {
      { "audience", "enum", label = { en = "Audience", el = "Κοινό" }, of = {
        { "general", { en = "General", el = "Γενικό" } }, { "executive", { en = "Executive", el = "Διοίκηση" } },
        { "technical", { en = "Technical", el = "Τεχνικοί" } }, { "finance", { en = "Finance", el = "Οικονομικοί" } },
        { "legal", { en = "Legal", el = "Νομικοί" } }, { "public_sector", { en = "Public sector", el = "Δημόσιος τομέας" } } } },
      { "salutation", "text", max = 200, class = "pii", label = { en = "Salutation in letters", el = "Προσφώνηση σε επιστολές" } },
    } },
  },
}
