-- Numbers that people read out: cases, orders, invoices. One record per series, so that none is given twice and none left out.
return {
  objects = {
    number_series = {
      path = "number_series",
      label = { en = "Number series", el = "Σειρά αρίθμησης" }, plural = { en = "Number series", el = "Σειρές αρίθμησης" },
      title = "code", icon = "hash", track = true,
      fields = {
        { "code", "text", required = true, unique = true, max = 20, pattern = "[A-Z0-9-]+", label = { en = "Code", el = "Κωδικός" } },
        { "prefix", "text", max = 20, label = { en = "Prefix", el = "Πρόθεμα" } },
        { "width", "integer", default = 6, min = 1, max = 12, label = { en = "Digits", el = "Ψηφία" } },
        { "next", "integer", default = 1, min = 1, label = { en = "Next number", el = "Επόμενος αριθμός" } },
      },
    },
  },
}
