-- Price indexation as formula data: series of an index, and the clause of a contract that follows it.
return {
  objects = {
    price_index = {
      path = "price_indexes",
      label = { en = "Price index", el = "Δείκτης τιμών" }, plural = { en = "Price indexes", el = "Δείκτες τιμών" },
      title = "name", icon = "trending-up", track = true,
      fields = {
        { "code", "text", required = true, unique = true, max = 60, label = { en = "Code", el = "Κωδικός" } },
        { "name", "text", required = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "source", "text", max = 300, label = { en = "Source", el = "Πηγή" } },
      },
    },

    price_index_value = {
      label = { en = "Value of an index", el = "Τιμή δείκτη" }, plural = { en = "Values of indexes", el = "Τιμές δεικτών" },
      title = "month", icon = "hash", track = true,
      fields = {
        { "price_index", "ref", to = "price_index", required = true, on_delete = "cascade", label = { en = "Index", el = "Δείκτης" } },
        { "month", "text", required = true, pattern = "[0-9]{4}-(0[1-9]|1[0-2])", label = { en = "Month", el = "Μήνας" } },
        { "value", "decimal", scale = 4, required = true, min = 0, label = { en = "Value", el = "Τιμή" } },
      },
      indexes = { { "price_index", "month", unique = true } },
      rules = {
        { "above_zero", "value > 0", message = { en = "An index is more than zero.", el = "Ο δείκτης είναι μεγαλύτερος του μηδενός." } },
      },
    },

    contract_indexation = {
      label = { en = "Price clause", el = "Όρος αναπροσαρμογής" }, plural = { en = "Price clauses", el = "Όροι αναπροσαρμογής" },
      title = "base_month", icon = "percent", track = true,
      fields = {
        { "contract", "ref", to = "contract", required = true, unique = true, on_delete = "cascade", label = { en = "Contract", el = "Σύμβαση" } },
        { "price_index", "ref", to = "price_index", required = true, on_delete = "restrict", label = { en = "Index", el = "Δείκτης" } },
        { "base_month", "text", required = true, pattern = "[0-9]{4}-(0[1-9]|1[0-2])", label = { en = "Base month", el = "Μήνας βάσης" } },
        { "share", "decimal", scale = 2, default = 100, min = 0, max = 100,
          label = { en = "Share of the change, %", el = "Ποσοστό της μεταβολής" } },
        { "floor", "decimal", scale = 2, min = -100, max = 1000, label = { en = "At least, %", el = "Τουλάχιστον, %" } },
        { "cap", "decimal", scale = 2, min = -100, max = 1000, label = { en = "At most, %", el = "Το πολύ, %" } },
        { "rounding", "integer", default = 1, min = 1, max = 1000000, label = { en = "Rounded to minor units", el = "Στρογγυλοποίηση" } },
        { "lag_months", "integer", default = 2, min = 0, max = 24, label = { en = "Months the index lags", el = "Μήνες υστέρησης" } },
        { "next_on", "date", index = true, label = { en = "Next adjustment on", el = "Επόμενη αναπροσαρμογή" } },
        { "every_months", "integer", default = 12, min = 1, max = 120, label = { en = "Every so many months", el = "Κάθε τόσους μήνες" } },
      },
      rules = {
        { "floor_below_cap", "floor <= cap", message = { en = "The floor is not above the cap.", el = "Το κατώτατο δεν υπερβαίνει το ανώτατο." } },
      },
    },
  },
}
