-- Orders, whose names follow UBL 2 and EN 16931 (C8).
return {
  objects = {
    sales_order = {
      path = "orders",
      label = { en = "Order", el = "Παραγγελία" }, plural = { en = "Orders", el = "Παραγγελίες" },
      title = "number", icon = "shopping-cart", track = true,
      fields = {
        { "number", "text", unique = true, max = 40, label = { en = "Number", el = "Αριθμός" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict", label = { en = "Client", el = "Πελάτης" } },
        { "client_reference", "text", max = 100, label = { en = "Reference of the client", el = "Στοιχεία του πελάτη" } },
        { "currency", "text", required = true, pattern = "[A-Z][A-Z][A-Z]", label = { en = "Currency", el = "Νόμισμα" } },
        { "ordered_on", "date", index = true, label = { en = "Ordered on", el = "Ημερομηνία παραγγελίας" } },
        { "requested_on", "date", label = { en = "Wanted by", el = "Ζητήθηκε για" } },
        { "status", "enum", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "confirmed", { en = "Confirmed", el = "Επιβεβαιωμένη" } },
          { "fulfilled", { en = "Fulfilled", el = "Εκτελεσμένη" } }, { "closed", { en = "Closed", el = "Κλειστή" } },
          { "cancelled", { en = "Cancelled", el = "Ακυρωμένη" } } } },
        { "tax_exclusive_amount", "money", label = { en = "Net", el = "Καθαρή αξία" } },
        { "tax_amount", "money", label = { en = "VAT", el = "ΦΠΑ" } },
        { "tax_inclusive_amount", "money", label = { en = "Total", el = "Σύνολο" } },
        { "idempotency_key", "text", unique = true, max = 300, label = { en = "Key of the request", el = "Κλειδί αιτήματος" } },
        { "request_hash", "text", max = 64, label = { en = "Hash of the request", el = "Σύνοψη αιτήματος" } },
        { "note", "long_text", label = { en = "Note", el = "Σημείωση" } },
      },
      states = { field = "status", initial = "draft", moves = {
        draft = { "confirmed", "cancelled" }, confirmed = { "fulfilled", "cancelled" }, fulfilled = { "closed" } } },
      indexes = { { "organisation", "client_reference", unique = true }, { "organisation", "-ordered_on" } },
      rules = {
        { "confirmed_with_a_total", "not (status == \"confirmed\" or status == \"fulfilled\") or not is_null(tax_inclusive_amount)",
          message = { en = "An order is confirmed once its total is known: give every line its price and VAT.",
            el = "Η παραγγελία επιβεβαιώνεται όταν το σύνολο είναι γνωστό: δώστε τιμή και ΦΠΑ σε κάθε γραμμή." } },
      },
    },

    order_line = {
      label = { en = "Order line", el = "Γραμμή παραγγελίας" }, plural = { en = "Order lines", el = "Γραμμές παραγγελίας" },
      title = "item_name", icon = "list", track = true,
      fields = {
        { "sales_order", "ref", to = "sales_order", required = true, on_delete = "cascade", label = { en = "Order", el = "Παραγγελία" } },
        { "position", "integer", default = 1, min = 1, max = 10000, label = { en = "Position", el = "Θέση" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "item_name", "text", required = true, max = 300, label = { en = "Item", el = "Είδος" } },
        { "quantity", "decimal", scale = 4, required = true, min = 0, label = { en = "Quantity", el = "Ποσότητα" } },
        { "unit_code", "text", max = 3, label = { en = "Unit", el = "Μονάδα" } },
        { "price_amount", "money", required = true, min = 0, label = { en = "Unit price", el = "Τιμή μονάδας" } },
        { "tax_percent", "decimal", scale = 2, min = 0, max = 100, label = { en = "VAT, per cent", el = "ΦΠΑ, τοις εκατό" } },
        { "line_extension_amount", "money", label = { en = "Net amount", el = "Καθαρή αξία" } },
      },
      indexes = { { "sales_order", "position", unique = true } },
      rules = {
        { "quantity_above_zero", "quantity > 0",
          message = { en = "A line has a quantity above zero.", el = "Η γραμμή έχει ποσότητα άνω του μηδενός." } },
      },
    },
  },
}
