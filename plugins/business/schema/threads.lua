-- B1: comments on any record.
return {
  objects = {
    comment = {
      title = "title", icon = "message-square", track = true, compartment = "optional",
      label = { en = "Comment", el = "Σχόλιο" }, plural = { en = "Comments", el = "Σχόλια" },
      fields = {
        { "title", "text", max = 200, label = { en = "About", el = "Σχετικά με" } },
        { "object", "text", required = true, max = 60, pattern = "[a-z][a-z0-9_]*", label = { en = "Object type", el = "Τύπος αντικειμένου" } },
        { "record", "text", required = true, max = 20, index = true, label = { en = "Record", el = "Εγγραφή" } },
        { "body", "long_text", required = true, max = 10000, label = { en = "Text", el = "Κείμενο" } },
        { "answers", "ref", to = "comment", on_delete = "clear", acyclic = true, label = { en = "Answers", el = "Απαντά σε" } },
        { "mentions", "refs", to = "user", label = { en = "Mentions", el = "Αναφορές σε" } },
      },
      indexes = { { "object", "record" } },
    },
  },
}
