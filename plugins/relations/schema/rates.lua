-- What one currency is worth in another, dated: money is never added up without one of these rows. 1 `base` = `rate` `currency`, as central banks publish it.
return {
  objects = {
    exchange_rate = {
      label = { en = "Exchange rate", el = "Συναλλαγματική ισοτιμία" },
      plural = { en = "Exchange rates", el = "Συναλλαγματικές ισοτιμίες" },
      title = "currency", icon = "coins", track = true,
      fields = {
        { "base", "text", required = true, pattern = "[A-Z][A-Z][A-Z]", label = { en = "One unit of", el = "Μία μονάδα" } },
        { "currency", "text", required = true, pattern = "[A-Z][A-Z][A-Z]", label = { en = "Is worth in", el = "Ισούται σε" } },
        { "rate", "decimal", scale = 6, required = true, label = { en = "Rate", el = "Ισοτιμία" } },
        { "on", "date", required = true, index = true, label = { en = "On", el = "Ημερομηνία" } },
        { "source", "text", required = true, max = 200, label = { en = "Source", el = "Πηγή" } },
      },
      indexes = { { "base", "currency", "on", unique = true }, { "base", "currency", "-on" } },
      rules = {
        { "rate_is_positive", "rate > 0",
          message = { en = "A rate is above zero.", el = "Η ισοτιμία είναι μεγαλύτερη του μηδενός." } },
        { "two_currencies", "base ~= currency",
          message = { en = "A rate is between two currencies.", el = "Η ισοτιμία αφορά δύο νομίσματα." } },
      },
    },
  },
}
