-- What clients ask again and again, and what we say to it, in Greek and English (T6).
return {
  objects = {
    answer = {
      label = { en = "Answer", el = "Απάντηση" }, plural = { en = "Answers", el = "Απαντήσεις" },
      title = "question", icon = "message-circle", track = true,
      fields = {
        { "question", "text", required = true, max = 300, search = true, label = { en = "Question", el = "Ερώτηση" } },
        { "question_el", "text", max = 300, search = true, label = { en = "Question in Greek", el = "Ερώτηση στα ελληνικά" } },
        { "answer_en", "long_text", search = true, label = { en = "Answer in English", el = "Απάντηση στα αγγλικά" } },
        { "answer_el", "long_text", search = true, label = { en = "Answer in Greek", el = "Απάντηση στα ελληνικά" } },
        { "source", "text", max = 500, label = { en = "Source", el = "Πηγή" } },
        { "product", "ref", to = "product", on_delete = "clear", label = { en = "Product", el = "Προϊόν" } },
        { "status", "enum", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "approved", { en = "Approved", el = "Εγκεκριμένη" } },
          { "retired", { en = "Retired", el = "Αποσυρμένη" } } } },
        { "review_on", "date", required = true, index = true, label = { en = "Review on", el = "Αναθεώρηση στις" } },
      },
      states = { field = "status", initial = "draft", moves = {
        draft = { "approved", "retired" }, approved = { "draft", "retired" }, retired = { "draft" } } },
      rules = {
        { "says_something", "not (is_null(answer_en) and is_null(answer_el))",
          message = { en = "An answer has a text in Greek, in English or in both.",
            el = "Η απάντηση έχει κείμενο στα ελληνικά, στα αγγλικά ή και στα δύο." } },
      },
    },
  },
  extend = {
    case = { fields = {
      { "answers", "refs", to = "answer", on_delete = "clear", label = { en = "Answers used", el = "Απαντήσεις που χρησιμοποιήθηκαν" } },
    } },
    task = { fields = {
      { "answer", "ref", to = "answer", on_delete = "cascade", label = { en = "Answer", el = "Απάντηση" } },
    } },
  },
}
