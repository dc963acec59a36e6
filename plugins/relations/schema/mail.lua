-- E-mail as it is recorded: an interaction of kind email, known by its Message-ID and part of a thread.
return {
  extend = {
    interaction = {
      fields = {
        { "message_id", "text", max = 250, unique = true, label = { en = "Message-ID", el = "Message-ID" } },
        { "in_reply_to", "text", max = 250, index = true, label = { en = "Answers", el = "Απαντά σε" } },
        { "thread", "text", max = 250, index = true, label = { en = "Thread", el = "Συνομιλία" } },
        { "body", "long_text", search = true, label = { en = "Text", el = "Κείμενο" } },
        { "template", "ref", to = "template", on_delete = "clear", label = { en = "Template", el = "Πρότυπο κειμένου" } },
        { "delivery", "enum", index = true, label = { en = "Delivery", el = "Παράδοση" }, of = {
          { "waiting", { en = "Waiting", el = "Σε αναμονή" } }, { "sent", { en = "Sent", el = "Στάλθηκε" } },
          { "failed", { en = "Failed", el = "Απέτυχε" } } } },
      },
      indexes = { { "thread", "at" } },
    },
  },
}
