-- Contracts of both sides, who signs them, and what each version changed.
return {
  objects = {
    contract = {
      label = { en = "Contract", el = "Σύμβαση" }, plural = { en = "Contracts", el = "Συμβάσεις" },
      title = "name", icon = "file-text", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "reference", "text", unique = true, max = 100, search = true, label = { en = "Reference", el = "Αριθμός" } },
        { "side", "enum", required = true, index = true, label = { en = "Side", el = "Πλευρά" }, of = {
          { "client", { en = "Client", el = "Πελάτης" } }, { "supplier", { en = "Supplier", el = "Προμηθευτής" } },
          { "other", { en = "Other", el = "Άλλη" } } } },
        { "party", "ref", to = "organisation", required = true, on_delete = "restrict",
          label = { en = "Party", el = "Συμβαλλόμενος" } },
        { "relationship", "ref", to = "relationship", on_delete = "clear", label = { en = "Relationship", el = "Σχέση" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "value", "money", min = 0, label = { en = "Value of a period", el = "Αξία περιόδου" } },
        { "value_period", "enum", default = "year", label = { en = "Period of the value", el = "Περίοδος αξίας" }, of = {
          { "month", { en = "Month", el = "Μήνας" } }, { "quarter", { en = "Quarter", el = "Τρίμηνο" } },
          { "year", { en = "Year", el = "Έτος" } }, { "whole", { en = "The whole term", el = "Όλη η διάρκεια" } } } },
        { "starts_on", "date", index = true, label = { en = "Starts on", el = "Έναρξη" } },
        { "ends_on", "date", index = true, label = { en = "Last day", el = "Τελευταία ημέρα" } },
        { "open_ended", "boolean", default = false, label = { en = "Without an end", el = "Αορίστου χρόνου" } },
        { "notice_count", "integer", min = 0, max = 3650, label = { en = "Notice", el = "Προειδοποίηση" } },
        { "notice_unit", "enum", default = "days", label = { en = "Unit of notice", el = "Μονάδα προειδοποίησης" }, of = {
          { "days", { en = "Days", el = "Ημέρες" } }, { "months", { en = "Months", el = "Μήνες" } } } },
        { "last_notice_on", "date", computed = "date_add(ends_on, -notice_count, notice_unit)", index = true,
          label = { en = "Last day to give notice", el = "Τελευταία ημέρα καταγγελίας" } },
        { "lead_days", "integer", min = 0, max = 730,
          label = { en = "Renewal opens so many days before", el = "Ημέρες πριν ανοίξει η ανανέωση" } },
        { "opens_on", "date", index = true,
          computed = "date_add(coalesce(date_add(ends_on, -notice_count, notice_unit), ends_on), -coalesce(lead_days, 60))",
          label = { en = "Renewal opens on", el = "Άνοιγμα ανανέωσης" } },
        -- Empty is unknown: nobody has read the clause yet.
        { "auto_renew", "boolean", label = { en = "Renews itself", el = "Ανανεώνεται μόνη της" } },
        { "renewal_term_months", "integer", min = 1, max = 600,
          label = { en = "Months of a renewal", el = "Μήνες ανανέωσης" } },
        { "renewals_max", "integer", min = 0, max = 100, label = { en = "Renewals at most", el = "Ανανεώσεις το πολύ" } },
        { "renewals_done", "integer", default = 0, min = 0, label = { en = "Renewals so far", el = "Ανανεώσεις έως τώρα" } },
        -- Each term is counted from the first one's last day, so that short months do not shorten what follows.
        { "term_anchor_on", "date", label = { en = "Terms are counted from", el = "Αφετηρία διαρκειών" } },
        { "term_months_past", "integer", default = 0, min = 0, label = { en = "Months since then", el = "Μήνες από τότε" } },
        { "governing_law", "text", max = 100, label = { en = "Governing law", el = "Εφαρμοστέο δίκαιο" } },
        { "stage", "enum", index = true, label = { en = "Stage", el = "Στάδιο" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "negotiation", { en = "Negotiation", el = "Διαπραγμάτευση" } },
          { "in_signature", { en = "In signature", el = "Προς υπογραφή" } },
          { "signed", { en = "Signed", el = "Υπογεγραμμένη" } }, { "in_force", { en = "In force", el = "Σε ισχύ" } },
          { "renewed", { en = "In force, renewed", el = "Σε ισχύ, ανανεωμένη" } },
          { "notice_given", { en = "Notice given", el = "Καταγγελμένη" } }, { "ended", { en = "Ended", el = "Έληξε" } },
          { "terminated", { en = "Terminated", el = "Λύθηκε πρόωρα" } } } },
        { "notice_given_on", "date", label = { en = "Notice given on", el = "Ημέρα καταγγελίας" } },
        { "notice_given_by", "enum", label = { en = "Notice given by", el = "Καταγγελία από" }, of = {
          { "us", { en = "Us", el = "Εμάς" } }, { "them", { en = "Them", el = "Εκείνους" } } } },
        -- Kept by the plugin, from the fields above and the day: what a list can be filtered by.
        { "notice_state", "enum", index = true, label = { en = "State of notice", el = "Κατάσταση προειδοποίησης" }, of = {
          { "unknown", { en = "Unknown", el = "Άγνωστη" } }, { "none", { en = "No term runs", el = "Δεν τρέχει διάρκεια" } },
          { "ahead", { en = "Ahead", el = "Έχει χρόνο" } }, { "due", { en = "Decide now", el = "Αποφασίστε τώρα" } },
          { "passed", { en = "Notice passed", el = "Πέρασε η προθεσμία" } },
          { "given", { en = "Given", el = "Δόθηκε" } }, { "over", { en = "Term is over", el = "Η διάρκεια έληξε" } } } },
        { "next_notice_on", "date", label = { en = "Next chance to give notice", el = "Επόμενη ευκαιρία καταγγελίας" } },
        { "watch_on", "date", index = true, label = { en = "Looked at on", el = "Επανεξέταση στις" } },
        { "description", "long_text", search = true, label = { en = "Description", el = "Περιγραφή" } },
      },
      states = { field = "stage", initial = "draft", moves = {
        draft = { "negotiation", "in_signature" }, negotiation = { "draft", "in_signature" },
        in_signature = { "negotiation", "signed" }, signed = { "in_force", "terminated" },
        in_force = { "notice_given", "renewed", "ended", "terminated" },
        renewed = { "notice_given", "ended", "terminated" },
        notice_given = { "in_force", "renewed", "ended", "terminated" } } },
      indexes = { { "party", "-ends_on" }, { "relationship", "-ends_on" } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "A contract ends on or after the day it starts.", el = "Η λήξη έπεται της έναρξης." } },
        { "open_has_no_end", "not open_ended or is_null(ends_on)",
          message = { en = "A contract without an end has no last day: empty one of the two.",
            el = "Σύμβαση αορίστου χρόνου δεν έχει τελευταία ημέρα: αδειάστε ένα από τα δύο." } },
        { "notice_within_term", "last_notice_on >= starts_on",
          message = { en = "The notice is longer than the term: the last day to give it lies before the start.",
            el = "Η προειδοποίηση υπερβαίνει τη διάρκεια: η τελευταία ημέρα της προηγείται της έναρξης." } },
        { "renews_for_how_long", "auto_renew == false or is_null(auto_renew) or not is_null(renewal_term_months)",
          message = { en = "A contract that renews itself says for how many months.",
            el = "Σύμβαση που ανανεώνεται μόνη της λέει για πόσους μήνες." } },
      },
    },

    contract_signatory = {
      path = "contract_signatories",
      label = { en = "Signatory", el = "Υπογράφων" }, plural = { en = "Signatories", el = "Υπογράφοντες" },
      title = "name", icon = "pen", track = true,
      fields = {
        { "contract", "ref", to = "contract", required = true, on_delete = "cascade", label = { en = "Contract", el = "Σύμβαση" } },
        { "name", "text", required = true, max = 200, label = { en = "Name", el = "Ονοματεπώνυμο" } },
        { "person", "ref", to = "person", on_delete = "clear", label = { en = "Person", el = "Πρόσωπο" } },
        { "signs_for", "enum", default = "them", label = { en = "Signs for", el = "Υπογράφει για" }, of = {
          { "us", { en = "Us", el = "Εμάς" } }, { "them", { en = "Them", el = "Εκείνους" } } } },
        { "capacity", "text", max = 200, label = { en = "Capacity", el = "Ιδιότητα" } },
        { "status", "enum", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "waiting", { en = "Waiting", el = "Αναμένεται" } }, { "sent", { en = "Sent", el = "Εστάλη" } },
          { "signed", { en = "Signed", el = "Υπέγραψε" } }, { "declined", { en = "Declined", el = "Αρνήθηκε" } } } },
        { "signed_on", "date", label = { en = "Signed on", el = "Ημερομηνία υπογραφής" } },
        { "note", "text", max = 500, label = { en = "Note", el = "Σημείωση" } },
      },
      states = { field = "status", initial = "waiting", moves = {
        waiting = { "sent", "signed", "declined" }, sent = { "signed", "declined" }, declined = { "sent" } } },
      rules = {
        { "signed_has_a_day", "status ~= \"signed\" or not is_null(signed_on)",
          message = { en = "Say on which day it was signed.", el = "Πείτε ποια ημέρα υπογράφηκε." } },
      },
    },

    contract_version = {
      label = { en = "Version of a contract", el = "Έκδοση σύμβασης" },
      plural = { en = "Versions of contracts", el = "Εκδόσεις συμβάσεων" },
      title = "what_changed", icon = "history", track = true,
      fields = {
        { "contract", "ref", to = "contract", required = true, on_delete = "cascade", label = { en = "Contract", el = "Σύμβαση" } },
        { "number", "integer", min = 1, label = { en = "Number", el = "Αριθμός" } },
        { "kind", "enum", default = "amendment", label = { en = "Kind", el = "Είδος" }, of = {
          { "original", { en = "Original", el = "Αρχική" } }, { "amendment", { en = "Amendment", el = "Τροποποίηση" } },
          { "renewal", { en = "Renewal", el = "Ανανέωση" } }, { "indexation", { en = "Price adjustment", el = "Αναπροσαρμογή" } },
          { "document", { en = "Document", el = "Έγγραφο" } } } },
        { "what_changed", "text", required = true, max = 500, search = true, label = { en = "What changed", el = "Τι άλλαξε" } },
        { "effective_on", "date", label = { en = "Effective from", el = "Ισχύει από" } },
        { "language", "language", label = { en = "Language", el = "Γλώσσα" } },
        { "text", "long_text", label = { en = "Text", el = "Κείμενο" } },
        { "body", "json", label = { en = "Document", el = "Έγγραφο" } },
        { "hash", "text", max = 64, label = { en = "Hash", el = "Αποτύπωμα" } },
        -- One document of one content is kept once.
        { "origin", "text", unique = true, max = 200, label = { en = "Origin", el = "Προέλευση" } },
      },
      indexes = { { "contract", "number", unique = true } },
    },
  },
}
