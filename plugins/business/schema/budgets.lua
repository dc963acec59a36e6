-- B2: what a unit may spend, what it has bound itself to, what it has spent. Amounts in other currencies are converted once, at the
-- rate of their own day, and say so.
return {
  objects = {
    cost_category = {
      path = "cost_categories", title = "name", icon = "tags", track = true,
      label = { en = "Cost category", el = "Κατηγορία κόστους" }, plural = { en = "Cost categories", el = "Κατηγορίες κόστους" },
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "code", "text", unique = true, max = 40, label = { en = "Code", el = "Κωδικός" } },
        { "parent", "ref", to = "cost_category", on_delete = "restrict", acyclic = true, label = { en = "Belongs to", el = "Υπάγεται σε" } },
      },
    },

    budget = {
      title = "name", icon = "wallet", track = true,
      label = { en = "Budget", el = "Προϋπολογισμός" }, plural = { en = "Budgets", el = "Προϋπολογισμοί" },
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "unit", "ref", to = "organisation", required = true, on_delete = "restrict", index = true,
          label = { en = "Business unit", el = "Επιχειρησιακή μονάδα" } },
        { "supplier", "ref", to = "organisation", on_delete = "restrict", index = true, label = { en = "Supplier", el = "Προμηθευτής" } },
        { "category", "ref", to = "cost_category", on_delete = "restrict", index = true, label = { en = "Category", el = "Κατηγορία" } },
        { "starts_on", "date", required = true, index = true, label = { en = "From", el = "Από" } },
        { "ends_on", "date", required = true, index = true, label = { en = "Until", el = "Έως" } },
        { "amount", "money", required = true, min = 0, label = { en = "Amount", el = "Ποσό" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτός" } }, { "closed", { en = "Closed", el = "Κλειστός" } } } },
        { "carry_over", "boolean", default = false, label = { en = "What is left goes to the next period", el = "Το υπόλοιπο μεταφέρεται" } },
        { "carried_in", "money", label = { en = "Carried over from the period before", el = "Μεταφορά από την προηγούμενη περίοδο" } },
        { "alert_at", "text", default = "80,100", max = 60, pattern = "[0-9]{1,3}(,[0-9]{1,3})*",
          label = { en = "Alert at, per cent", el = "Ειδοποίηση στα ποσοστά" } },
        { "committed", "money", label = { en = "Committed, not yet spent", el = "Δεσμευμένα, όχι ακόμη δαπανημένα" } },
        { "actual", "money", label = { en = "Spent", el = "Δαπανημένα" } },
        { "unknown_entries", "integer", min = 0,
          label = { en = "Entries without a rate, not counted", el = "Εγγραφές χωρίς ισοτιμία, δεν μετρούν" } },
        { "available", "money",
          computed = "money(amount(amount) + coalesce(amount(carried_in), 0), currency(amount))",
          label = { en = "Amount with what was carried over", el = "Ποσό με τη μεταφορά" } },
        { "remaining", "money", label = { en = "Remaining", el = "Υπόλοιπο" },
          computed = "money(amount(amount) + coalesce(amount(carried_in), 0) - coalesce(amount(committed), 0) - coalesce(amount(actual), 0), currency(amount))" },
        { "note", "long_text", label = { en = "Note", el = "Σημείωση" } },
      },
      states = { field = "state", initial = "open", moves = { open = { "closed" }, closed = { "open" } } },
      indexes = { { "unit", "-starts_on" } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "A budget ends on or after its first day.", el = "Ο προϋπολογισμός λήγει την ημέρα έναρξης ή αργότερα." } },
      },
    },

    commitment = {
      title = "title", icon = "file-check", track = true,
      label = { en = "Commitment", el = "Δέσμευση" }, plural = { en = "Commitments", el = "Δεσμεύσεις" },
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "budget", "ref", to = "budget", required = true, on_delete = "restrict", index = true,
          label = { en = "Budget", el = "Προϋπολογισμός" } },
        { "kind", "enum", default = "purchase_order", label = { en = "Kind", el = "Είδος" }, of = {
          { "purchase_order", { en = "Purchase order", el = "Εντολή αγοράς" } }, { "contract", { en = "Contract", el = "Σύμβαση" } },
          { "other", { en = "Other", el = "Άλλο" } } } },
        { "number", "text", unique = true, max = 60, label = { en = "Number", el = "Αριθμός" } },
        { "supplier", "ref", to = "organisation", on_delete = "restrict", index = true, label = { en = "Supplier", el = "Προμηθευτής" } },
        { "contract", "ref", to = "contract", on_delete = "clear", index = true, label = { en = "Contract", el = "Σύμβαση" } },
        { "amount", "money", required = true, min = 0, label = { en = "Amount", el = "Ποσό" } },
        { "committed_on", "date", required = true, index = true, label = { en = "Committed on", el = "Ημερομηνία δέσμευσης" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "fulfilled", { en = "Fulfilled", el = "Εκπληρώθηκε" } },
          { "cancelled", { en = "Cancelled", el = "Ακυρώθηκε" } } } },
        { "in_budget", "money", label = { en = "In the budget's currency", el = "Στο νόμισμα του προϋπολογισμού" } },
        { "rate", "text", max = 40, label = { en = "Rate", el = "Ισοτιμία" } },
        { "rate_on", "date", label = { en = "Rate of", el = "Ισοτιμία της" } },
        { "invoiced", "money", label = { en = "Spent of it", el = "Δαπανήθηκε από αυτή" } },
        { "outstanding", "money", label = { en = "Still to come", el = "Απομένει" },
          computed = "money(max(0, amount(in_budget) - coalesce(amount(invoiced), 0)), currency(in_budget))" },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "fulfilled", "cancelled" }, fulfilled = { "open" }, cancelled = { "open" } } },
      indexes = { { "budget", "state" } },
    },

    cost_entry = {
      path = "cost_entries", title = "title", icon = "receipt", track = true,
      label = { en = "Cost entry", el = "Εγγραφή κόστους" }, plural = { en = "Cost entries", el = "Εγγραφές κόστους" },
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "budget", "ref", to = "budget", required = true, on_delete = "restrict", index = true,
          label = { en = "Budget", el = "Προϋπολογισμός" } },
        { "commitment", "ref", to = "commitment", on_delete = "restrict", index = true,
          label = { en = "Commitment that it fulfils", el = "Δέσμευση που εκπληρώνει" } },
        { "kind", "enum", default = "cost", label = { en = "Kind", el = "Είδος" }, of = {
          { "cost", { en = "Cost", el = "Κόστος" } }, { "credit_note", { en = "Credit note", el = "Πιστωτικό" } } } },
        { "number", "text", unique = true, max = 60, label = { en = "Document number", el = "Αριθμός παραστατικού" } },
        { "supplier", "ref", to = "organisation", on_delete = "restrict", index = true, label = { en = "Supplier", el = "Προμηθευτής" } },
        { "amount", "money", required = true, min = 0, label = { en = "Amount", el = "Ποσό" } },
        { "booked_on", "date", required = true, index = true, label = { en = "Booked on", el = "Ημερομηνία εγγραφής" } },
        { "in_budget", "money", label = { en = "In the budget's currency", el = "Στο νόμισμα του προϋπολογισμού" } },
        { "rate", "text", max = 40, label = { en = "Rate", el = "Ισοτιμία" } },
        { "rate_on", "date", label = { en = "Rate of", el = "Ισοτιμία της" } },
      },
      indexes = { { "budget", "-booked_on" } },
    },

    budget_alert = {
      title = "title", icon = "bell", track = true,
      label = { en = "Budget alert", el = "Ειδοποίηση προϋπολογισμού" }, plural = { en = "Budget alerts", el = "Ειδοποιήσεις προϋπολογισμού" },
      fields = {
        { "title", "text", required = true, max = 300, label = { en = "Title", el = "Τίτλος" } },
        { "budget", "ref", to = "budget", required = true, on_delete = "cascade", index = true,
          label = { en = "Budget", el = "Προϋπολογισμός" } },
        { "threshold", "integer", required = true, min = 0, label = { en = "Threshold, per cent", el = "Όριο, τοις εκατό" } },
        { "crossing", "integer", required = true, min = 1, label = { en = "Which crossing", el = "Αριθμός υπέρβασης" } },
        { "used", "decimal", scale = 1, label = { en = "Used, per cent", el = "Χρήση, τοις εκατό" } },
        { "crossed_on", "date", required = true, label = { en = "Crossed on", el = "Υπέρβαση στις" } },
        { "cleared_on", "date", label = { en = "Below again on", el = "Ξανά κάτω στις" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
      },
      indexes = { { "budget", "threshold" } },
    },
  },
}
