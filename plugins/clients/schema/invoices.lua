-- Invoices and credit notes; names follow EN 16931 and UBL 2 (C8).
return {
  objects = {
    invoice = {
      label = { en = "Invoice", el = "Τιμολόγιο" }, plural = { en = "Invoices", el = "Τιμολόγια" },
      title = "number", icon = "file-text", track = true,
      fields = {
        { "number", "text", unique = true, max = 40, search = true, label = { en = "Number", el = "Αριθμός" } },
        { "invoice_type_code", "enum", default = "380", label = { en = "Type", el = "Τύπος" }, of = {
          { "380", { en = "Invoice", el = "Τιμολόγιο" } }, { "381", { en = "Credit note", el = "Πιστωτικό τιμολόγιο" } } } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict", label = { en = "Client", el = "Πελάτης" } },
        { "sales_order", "ref", to = "sales_order", on_delete = "restrict", label = { en = "Order", el = "Παραγγελία" } },
        { "corrects", "ref", to = "invoice", on_delete = "restrict", label = { en = "Corrects", el = "Διορθώνει" } },
        { "buyer_reference", "text", max = 100, label = { en = "Reference of the client", el = "Στοιχεία του πελάτη" } },
        { "currency", "text", required = true, pattern = "[A-Z][A-Z][A-Z]", label = { en = "Currency", el = "Νόμισμα" } },
        { "status", "enum", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "issued", { en = "Issued", el = "Εκδόθηκε" } } } },
        { "issue_date", "date", index = true, label = { en = "Issued on", el = "Ημερομηνία έκδοσης" } },
        { "due_days", "integer", default = 30, min = 0, max = 365, label = { en = "Days to pay", el = "Ημέρες πληρωμής" } },
        { "due_date", "date", index = true, label = { en = "Due on", el = "Λήξη πληρωμής" } },
        { "payment_reference", "text", unique = true, max = 25, label = { en = "Payment reference (ISO 11649)", el = "Κωδικός πληρωμής (ISO 11649)" } },
        { "tax_exclusive_amount", "money", label = { en = "Net", el = "Καθαρή αξία" } },
        { "tax_amount", "money", label = { en = "VAT", el = "ΦΠΑ" } },
        { "tax_inclusive_amount", "money", label = { en = "Total", el = "Σύνολο" } },
        { "paid_amount", "money", label = { en = "Paid", el = "Πληρώθηκε" } },
        { "credited_amount", "money", label = { en = "Credited", el = "Πιστώθηκε" } },
        { "payable_amount", "money", index = true, label = { en = "Left to pay", el = "Υπόλοιπο" } },
        { "payment_state", "enum", index = true, label = { en = "Payment", el = "Πληρωμή" }, of = {
          { "unpaid", { en = "Unpaid", el = "Απλήρωτο" } }, { "partly", { en = "Partly paid", el = "Μερικώς πληρωμένο" } },
          { "paid", { en = "Paid", el = "Πληρωμένο" } } } },
      },
      states = { field = "status", initial = "draft", moves = { draft = { "issued" } } },
      indexes = { { "organisation", "-issue_date" }, { "payment_state", "due_date" } },
      rules = {
        { "issued_with_number", "status ~= \"issued\" or not (is_null(number) or is_null(issue_date) or is_null(tax_inclusive_amount))",
          message = { en = "An invoice is issued by POST /x/clients/invoices/{id}/issue, which gives it its number.",
            el = "Το τιμολόγιο εκδίδεται με POST /x/clients/invoices/{id}/issue, που του δίνει αριθμό." } },
        { "due_after_issue", "due_date >= issue_date",
          message = { en = "An invoice is due on or after the day it is issued.", el = "Η λήξη πληρωμής δεν προηγείται της έκδοσης." } },
        { "credit_note_corrects", "invoice_type_code ~= \"381\" or not is_null(corrects)",
          message = { en = "A credit note names the invoice that it corrects.", el = "Το πιστωτικό ορίζει το τιμολόγιο που διορθώνει." } },
      },
    },

    invoice_line = {
      label = { en = "Invoice line", el = "Γραμμή τιμολογίου" }, plural = { en = "Invoice lines", el = "Γραμμές τιμολογίου" },
      title = "item_name", icon = "list", track = true,
      fields = {
        { "invoice", "ref", to = "invoice", required = true, on_delete = "cascade", label = { en = "Invoice", el = "Τιμολόγιο" } },
        { "position", "integer", default = 1, min = 1, max = 10000, label = { en = "Position", el = "Θέση" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "item_name", "text", required = true, max = 300, label = { en = "Item", el = "Είδος" } },
        { "quantity", "decimal", scale = 4, required = true, min = 0, label = { en = "Quantity", el = "Ποσότητα" } },
        { "unit_code", "text", max = 3, label = { en = "Unit", el = "Μονάδα" } },
        { "price_amount", "money", required = true, min = 0, label = { en = "Unit price", el = "Τιμή μονάδας" } },
        { "tax_percent", "decimal", scale = 2, min = 0, max = 100, label = { en = "VAT, per cent", el = "ΦΠΑ, τοις εκατό" } },
        { "line_extension_amount", "money", label = { en = "Net amount", el = "Καθαρή αξία" } },
      },
      indexes = { { "invoice", "position", unique = true } },
      rules = {
        { "quantity_above_zero", "quantity > 0",
          message = { en = "A line has a quantity above zero.", el = "Η γραμμή έχει ποσότητα άνω του μηδενός." } },
      },
    },
  },

  extend = {
    task = { fields = {
      { "invoice", "ref", to = "invoice", on_delete = "cascade", label = { en = "Invoice", el = "Τιμολόγιο" } },
    } },
  },
}
