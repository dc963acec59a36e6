-- What is for sale, and sales in the making.
return {
  objects = {
    product = {
      label = { en = "Product", el = "Προϊόν" }, plural = { en = "Products", el = "Προϊόντα" },
      title = "name", icon = "box", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "series", "text", max = 100, index = true, label = { en = "Series", el = "Σειρά" } },
        { "price", "money", min = 0, label = { en = "Price", el = "Τιμή" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
    },

    opportunity = {
      path = "opportunities",
      label = { en = "Opportunity", el = "Ευκαιρία" }, plural = { en = "Opportunities", el = "Ευκαιρίες" },
      title = "name", icon = "target", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "stage", "enum", required = true, index = true, label = { en = "Stage", el = "Στάδιο" }, of = {
          { "prospecting", { en = "Prospecting", el = "Αναζήτηση" } }, { "engaging", { en = "Engaging", el = "Σε επαφή" } },
          { "won", { en = "Won", el = "Κερδήθηκε" } }, { "lost", { en = "Lost", el = "Χάθηκε" } } } },
        { "organisation", "ref", to = "organisation", on_delete = "restrict", label = { en = "Organisation", el = "Οργανισμός" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "value", "money", min = 0, label = { en = "Value", el = "Αξία" } },
        { "engaged_on", "date", label = { en = "Engaged on", el = "Πρώτη επαφή" } },
        { "closed_on", "date", index = true, label = { en = "Closed on", el = "Κλείσιμο" } },
      },
      states = { field = "stage", initial = "prospecting", moves = {
        prospecting = { "engaging", "lost" }, engaging = { "prospecting", "won", "lost" }, lost = { "engaging" } } },
      indexes = { { "organisation", "-closed_on" } },
      rules = {
        { "closes_after_engaging", "closed_on >= engaged_on",
          message = { en = "An opportunity closes after it was engaged.", el = "Το κλείσιμο έπεται της πρώτης επαφής." } },
      },
    },
  },
}
