-- Texts of contracts with places for what differs, per language; what was made of them is kept as a version of the contract.
return {
  objects = {
    document_template = {
      label = { en = "Document template", el = "Υπόδειγμα εγγράφου" },
      plural = { en = "Document templates", el = "Υποδείγματα εγγράφων" },
      title = "name", icon = "file", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "code", "text", required = true, max = 60, pattern = "[a-z][a-z0-9_]*", label = { en = "Code", el = "Κωδικός" } },
        { "language", "language", required = true, label = { en = "Language", el = "Γλώσσα" } },
        { "active", "boolean", default = true, label = { en = "Active", el = "Ενεργό" } },
        -- { title, header, footer, blocks } as px.pdf.render takes it; {field} in any text.
        { "body", "json", required = true, label = { en = "Document", el = "Έγγραφο" } },
      },
      indexes = { { "code", "language", unique = true } },
    },
  },
}
