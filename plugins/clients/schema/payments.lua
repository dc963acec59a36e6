-- Files of banks (ISO 20022 camt.052, .053, .054), their entries, and what they pay (C8).
return {
  objects = {
    bank_import = {
      label = { en = "Bank file", el = "Αρχείο τράπεζας" }, plural = { en = "Bank files", el = "Αρχεία τράπεζας" },
      title = "message_id", icon = "upload", track = true,
      fields = {
        { "file_hash", "text", required = true, unique = true, max = 64, label = { en = "Hash of the file", el = "Σύνοψη αρχείου" } },
        { "message_id", "text", max = 100, label = { en = "Message", el = "Μήνυμα" } },
        { "message_type", "text", max = 40, label = { en = "Type of the message", el = "Τύπος μηνύματος" } },
        { "created_on_bank_at", "text", max = 40, label = { en = "Made by the bank at", el = "Δημιουργήθηκε από την τράπεζα" } },
        { "changeset", "text", max = 40, label = { en = "Change-set", el = "Σύνολο αλλαγών" } },
        { "entries", "integer", label = { en = "Entries", el = "Κινήσεις" } },
        { "matched", "integer", label = { en = "Matched", el = "Αντιστοιχίστηκαν" } },
        { "reported", "integer", label = { en = "To be looked at", el = "Προς έλεγχο" } },
        { "duplicates", "integer", label = { en = "Known before", el = "Ήδη γνωστές" } },
      },
    },

    bank_statement = {
      label = { en = "Bank statement", el = "Κίνηση λογαριασμού" }, plural = { en = "Bank statements", el = "Κινήσεις λογαριασμών" },
      title = "statement_id", icon = "file", track = true,
      fields = {
        { "bank_import", "ref", to = "bank_import", required = true, on_delete = "cascade", label = { en = "Bank file", el = "Αρχείο τράπεζας" } },
        { "account", "text", max = 60, index = true, label = { en = "Account", el = "Λογαριασμός" } },
        { "statement_id", "text", max = 100, label = { en = "Statement", el = "Αντίγραφο" } },
        { "currency", "text", max = 3, label = { en = "Currency", el = "Νόμισμα" } },
        { "opening", "text", max = 40, label = { en = "Opening balance", el = "Αρχικό υπόλοιπο" } },
        { "closing", "text", max = 40, label = { en = "Closing balance", el = "Τελικό υπόλοιπο" } },
        { "balance", "enum", label = { en = "Balance", el = "Ισολογισμός" }, of = {
          { "checked", { en = "Adds up", el = "Συμφωνεί" } }, { "unknown", { en = "Cannot be checked", el = "Δεν ελέγχεται" } } } },
      },
    },

    bank_entry = {
      path = "bank_entries",
      label = { en = "Bank entry", el = "Κίνηση τράπεζας" }, plural = { en = "Bank entries", el = "Κινήσεις τράπεζας" },
      title = "remittance", icon = "arrow-down-left", track = true,
      fields = {
        { "bank_statement", "ref", to = "bank_statement", required = true, on_delete = "cascade",
          label = { en = "Bank statement", el = "Κίνηση λογαριασμού" } },
        { "entry_key", "text", required = true, unique = true, max = 64, label = { en = "Key of the entry", el = "Κλειδί κίνησης" } },
        { "place", "text", required = true, max = 200, label = { en = "Place in the file", el = "Θέση στο αρχείο" } },
        { "amount", "money", label = { en = "Amount", el = "Ποσό" } },
        { "direction", "enum", label = { en = "Direction", el = "Φορά" }, of = {
          { "in", { en = "In", el = "Είσπραξη" } }, { "out", { en = "Out", el = "Πληρωμή" } } } },
        { "booked_on", "date", index = true, label = { en = "Booked on", el = "Ημερομηνία κίνησης" } },
        { "bank_reference", "text", max = 100, label = { en = "Reference of the bank", el = "Στοιχεία τράπεζας" } },
        { "reference", "text", max = 140, label = { en = "Structured reference", el = "Δομημένος κωδικός" } },
        { "remittance", "text", max = 1000, search = true, label = { en = "Remittance text", el = "Αιτιολογία" } },
        { "counterparty", "text", max = 200, search = true, label = { en = "Counterparty", el = "Αντισυμβαλλόμενος" } },
        { "counterparty_account", "text", max = 60, label = { en = "Account of the counterparty", el = "Λογαριασμός αντισυμβαλλομένου" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "matched", { en = "Matched", el = "Αντιστοιχίστηκε" } }, { "partly", { en = "Partly matched", el = "Μερική αντιστοίχιση" } },
          { "suggested", { en = "Suggested", el = "Προτείνεται" } }, { "open", { en = "To be looked at", el = "Προς έλεγχο" } },
          { "none", { en = "Nothing to match", el = "Χωρίς αντιστοίχιση" } } } },
        { "reason", "text", max = 300, label = { en = "Why", el = "Γιατί" } },
        { "left", "money", label = { en = "Not matched", el = "Αδιάθετο ποσό" } },
        { "suggestion", "ref", to = "invoice", on_delete = "clear", label = { en = "Suggested invoice", el = "Προτεινόμενο τιμολόγιο" } },
      },
    },

    payment = {
      label = { en = "Payment", el = "Πληρωμή" }, plural = { en = "Payments", el = "Πληρωμές" },
      title = "amount", icon = "check", track = true,
      fields = {
        { "invoice", "ref", to = "invoice", required = true, on_delete = "restrict", label = { en = "Invoice", el = "Τιμολόγιο" } },
        { "bank_entry", "ref", to = "bank_entry", on_delete = "restrict", label = { en = "Bank entry", el = "Κίνηση τράπεζας" } },
        { "amount", "money", required = true, min = 1, label = { en = "Amount", el = "Ποσό" } },
        { "paid_on", "date", index = true, label = { en = "Paid on", el = "Πληρώθηκε στις" } },
        { "matched_by", "enum", label = { en = "Found by", el = "Βρέθηκε με" }, of = {
          { "reference", { en = "Structured reference", el = "Δομημένο κωδικό" } }, { "number", { en = "Number in the text", el = "Αριθμό στην αιτιολογία" } },
          { "hand", { en = "By hand", el = "Με το χέρι" } } } },
      },
      indexes = { { "bank_entry", "invoice", unique = true } },
    },
  },
}
