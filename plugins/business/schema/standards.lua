-- B3: corporate standards: their versions, who must attest to them, and exceptions that end.
return {
  objects = {
    standard = {
      title = "title", icon = "book", track = true,
      label = { en = "Standard", el = "Πρότυπο" }, plural = { en = "Standards", el = "Πρότυπα" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "code", "text", unique = true, max = 40, label = { en = "Code", el = "Κωδικός" } },
        { "roles", "refs", to = "role", label = { en = "Everyone with these roles", el = "Όσοι έχουν τους ρόλους" } },
        { "units", "refs", to = "organisation", label = { en = "Everyone of these units", el = "Όσοι ανήκουν στις μονάδες" } },
        { "teams", "refs", to = "team", label = { en = "Everyone of these teams", el = "Όσοι ανήκουν στις ομάδες" } },
        { "people", "refs", to = "user", label = { en = "These people", el = "Τα πρόσωπα" } },
        { "attest_days", "integer", default = 14, min = 1, max = 365, label = { en = "Days to attest", el = "Ημέρες για βεβαίωση" } },
        { "remind_every", "integer", default = 3, min = 1, max = 90,
          label = { en = "Reminder every so many days", el = "Υπενθύμιση κάθε τόσες ημέρες" } },
        { "review_on", "date", index = true, label = { en = "Reviewed again on", el = "Επανεξέταση στις" } },
        { "retired", "boolean", default = false, label = { en = "Retired", el = "Καταργήθηκε" } },
        { "purpose", "long_text", search = true, label = { en = "Purpose", el = "Σκοπός" } },
      },
    },

    standard_version = {
      title = "number", icon = "file-text", track = true,
      label = { en = "Version of a standard", el = "Έκδοση προτύπου" }, plural = { en = "Versions of standards", el = "Εκδόσεις προτύπων" },
      fields = {
        { "standard", "ref", to = "standard", required = true, on_delete = "cascade", index = true, label = { en = "Standard", el = "Πρότυπο" } },
        { "number", "text", required = true, max = 20, label = { en = "Version", el = "Έκδοση" } },
        { "body", "long_text", search = true, label = { en = "Text", el = "Κείμενο" } },
        { "document", "file", label = { en = "Document", el = "Έγγραφο" } },
        { "changes", "long_text", label = { en = "What changed", el = "Τι άλλαξε" } },
        { "effective_from", "date", required = true, index = true, label = { en = "Effective from", el = "Ισχύει από" } },
        { "effective_until", "date", label = { en = "Effective until", el = "Ισχύει έως" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "issued", { en = "Issued", el = "Εκδόθηκε" } },
          { "in_force", { en = "In force", el = "Σε ισχύ" } }, { "superseded", { en = "Superseded", el = "Αντικαταστάθηκε" } } } },
      },
      states = { field = "state", initial = "draft", moves = {
        draft = { "issued" }, issued = { "draft", "in_force" }, in_force = { "superseded" } } },
      indexes = { { "standard", "number", unique = true } },
      rules = {
        { "ends_after_start", "effective_until >= effective_from",
          message = { en = "A version is effective until its first day or later.", el = "Η έκδοση ισχύει έως την πρώτη ημέρα ή αργότερα." } },
      },
    },

    attestation_campaign = {
      title = "title", icon = "list-checks", track = true,
      label = { en = "Attestation campaign", el = "Γύρος βεβαιώσεων" }, plural = { en = "Attestation campaigns", el = "Γύροι βεβαιώσεων" },
      fields = {
        { "title", "text", required = true, max = 200, label = { en = "Title", el = "Τίτλος" } },
        { "version_of", "ref", to = "standard_version", required = true, on_delete = "cascade", index = true,
          label = { en = "Version", el = "Έκδοση" } },
        { "starts_on", "date", required = true, label = { en = "Starts", el = "Έναρξη" } },
        { "due_on", "date", required = true, index = true, label = { en = "Due", el = "Προθεσμία" } },
        { "remind_every", "integer", default = 3, min = 1, max = 90,
          label = { en = "Reminder every so many days", el = "Υπενθύμιση κάθε τόσες ημέρες" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτός" } }, { "closed", { en = "Closed", el = "Έκλεισε" } } } },
      },
      states = { field = "state", initial = "open", moves = { open = { "closed" } } },
      rules = {
        { "due_after_start", "due_on >= starts_on",
          message = { en = "A campaign is due on its first day or later.", el = "Η προθεσμία είναι την πρώτη ημέρα ή αργότερα." } },
      },
    },

    attestation = {
      title = "title", icon = "badge-check", track = true,
      label = { en = "Attestation", el = "Βεβαίωση" }, plural = { en = "Attestations", el = "Βεβαιώσεις" },
      fields = {
        { "title", "text", required = true, max = 200, label = { en = "Title", el = "Τίτλος" } },
        { "campaign", "ref", to = "attestation_campaign", required = true, on_delete = "cascade", index = true,
          label = { en = "Campaign", el = "Γύρος" } },
        { "person", "ref", to = "user", required = true, on_delete = "cascade", index = true, label = { en = "Who", el = "Ποιος" } },
        { "due", "date", required = true, index = true, label = { en = "Due", el = "Προθεσμία" } },
        { "acknowledged", "boolean", default = false, index = true, label = { en = "Attested", el = "Βεβαίωσε" } },
        { "acknowledged_at", "datetime", label = { en = "Attested at", el = "Βεβαίωσε στις" } },
        { "reminders", "integer", default = 0, min = 0, label = { en = "Reminders", el = "Υπενθυμίσεις" } },
        { "next_reminder_on", "date", index = true, label = { en = "Next reminder", el = "Επόμενη υπενθύμιση" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
      },
      indexes = { { "campaign", "acknowledged" }, { "acknowledged", "due" } },
    },

    standard_exception = {
      title = "title", icon = "shield-off", track = true,
      label = { en = "Exception to a standard", el = "Εξαίρεση από πρότυπο" }, plural = { en = "Exceptions to standards", el = "Εξαιρέσεις από πρότυπα" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "What is excepted", el = "Τι εξαιρείται" } },
        { "standard", "ref", to = "standard", required = true, on_delete = "cascade", index = true, label = { en = "Standard", el = "Πρότυπο" } },
        { "unit", "ref", to = "organisation", on_delete = "cascade", label = { en = "For the unit", el = "Για τη μονάδα" } },
        { "reason", "long_text", required = true, label = { en = "Reason", el = "Αιτιολογία" } },
        { "measures", "long_text", label = { en = "What is done instead", el = "Αντισταθμιστικά μέτρα" } },
        { "starts_on", "date", required = true, label = { en = "From", el = "Από" } },
        { "expires_on", "date", required = true, index = true, label = { en = "Last day", el = "Τελευταία ημέρα" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "requested", { en = "Requested", el = "Ζητήθηκε" } }, { "approved", { en = "Approved", el = "Εγκρίθηκε" } },
          { "refused", { en = "Refused", el = "Απορρίφθηκε" } }, { "ended", { en = "Ended", el = "Έληξε" } } } },
      },
      states = { field = "state", initial = "requested", moves = {
        requested = { { "approved", four_eyes = true }, "refused", "ended" }, approved = { "ended" } } },
      rules = {
        { "expires_after_start", "expires_on >= starts_on",
          message = { en = "An exception expires on its first day or later.", el = "Η εξαίρεση λήγει την πρώτη ημέρα ή αργότερα." } },
      },
    },
  },
}
