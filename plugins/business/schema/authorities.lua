-- B6: what authorities want of us and by when, what we promised in public, what we do for the community, and what is said of us.
return {
  objects = {
    authority_duty = {
      path = "authority_duties", title = "title", icon = "landmark", track = true,
      label = { en = "Duty to an authority", el = "Υποχρέωση προς αρχή" }, plural = { en = "Duties to authorities", el = "Υποχρεώσεις προς αρχές" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "What is due", el = "Τι οφείλεται" } },
        { "authority", "ref", to = "organisation", required = true, on_delete = "restrict", index = true, label = { en = "Authority", el = "Αρχή" } },
        { "unit", "ref", to = "organisation", on_delete = "clear", label = { en = "Business unit", el = "Επιχειρησιακή μονάδα" } },
        { "legal_basis", "text", max = 300, label = { en = "Legal basis", el = "Νομική βάση" } },
        { "first_due_on", "date", required = true, label = { en = "First due on", el = "Πρώτη προθεσμία" } },
        { "every_months", "integer", min = 1, max = 120, label = { en = "Every so many months", el = "Κάθε τόσους μήνες" } },
        { "last_due_on", "date", label = { en = "For the last time until", el = "Τελευταία φορά έως" } },
        { "roll", "enum", default = "next", label = { en = "On a day off", el = "Σε αργία" }, of = {
          { "next", { en = "The next working day", el = "Η επόμενη εργάσιμη" } },
          { "previous", { en = "The working day before", el = "Η προηγούμενη εργάσιμη" } }, { "none", { en = "That day all the same", el = "Η ίδια ημέρα" } } } },
        { "escalate_days", "integer", default = 5, min = 0, max = 365,
          label = { en = "The head is told so many days before", el = "Ο προϊστάμενος ενημερώνεται τόσες ημέρες πριν" } },
        { "active", "boolean", default = true, index = true, label = { en = "In force", el = "Σε ισχύ" } },
      },
      rules = {
        { "last_after_first", "last_due_on >= first_due_on",
          message = { en = "The last time is not before the first.", el = "Η τελευταία φορά δεν προηγείται της πρώτης." } },
      },
    },

    filing = {
      title = "title", icon = "file-check", track = true,
      label = { en = "Filing", el = "Υποβολή" }, plural = { en = "Filings", el = "Υποβολές" },
      fields = {
        { "title", "text", required = true, max = 300, label = { en = "Title", el = "Τίτλος" } },
        { "duty", "ref", to = "authority_duty", required = true, on_delete = "cascade", index = true, label = { en = "Duty", el = "Υποχρέωση" } },
        { "authority", "ref", to = "organisation", on_delete = "cascade", index = true, label = { en = "Authority", el = "Αρχή" } },
        { "occurrence", "integer", required = true, min = 1, label = { en = "Which time", el = "Ποια φορά" } },
        { "due_on", "date", required = true, index = true, label = { en = "Due on", el = "Προθεσμία" } },
        { "filed_on", "date", label = { en = "Filed on", el = "Υποβλήθηκε στις" } },
        { "evidence", "text", max = 500, label = { en = "Evidence (protocol number)", el = "Τεκμήριο (αριθμός πρωτοκόλλου)" } },
        { "document", "file", label = { en = "Document", el = "Έγγραφο" } },
        { "escalation", "integer", default = 0, min = 0, max = 2, label = { en = "Escalated", el = "Κλιμάκωση" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "filed", { en = "Filed", el = "Υποβλήθηκε" } }, { "waived", { en = "Waived", el = "Δεν απαιτήθηκε" } } } },
        { "late", "boolean", computed = "filed_on > due_on", label = { en = "Filed late", el = "Εκπρόθεσμη" } },
      },
      states = { field = "state", initial = "open", moves = { open = { "filed", "waived" } } },
      indexes = { { "state", "due_on" } },
      rules = {
        { "filed_has_evidence", "state ~= 'filed' or (not is_null(filed_on) and not is_null(evidence))",
          message = { en = "Say on which day it was filed and what shows it.", el = "Πείτε ποια ημέρα υποβλήθηκε και τι το δείχνει." } },
      },
    },

    permit = {
      title = "title", icon = "stamp", track = true,
      label = { en = "Permit", el = "Άδεια" }, plural = { en = "Permits", el = "Άδειες" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "authority", "ref", to = "organisation", required = true, on_delete = "restrict", index = true, label = { en = "Authority", el = "Αρχή" } },
        { "unit", "ref", to = "organisation", on_delete = "clear", label = { en = "Business unit", el = "Επιχειρησιακή μονάδα" } },
        { "number", "text", max = 100, unique = true, label = { en = "Number", el = "Αριθμός" } },
        { "valid_from", "date", label = { en = "Valid from", el = "Ισχύει από" } },
        { "expires_on", "date", index = true, label = { en = "Last day", el = "Τελευταία ημέρα" } },
        { "renew_days", "integer", default = 60, min = 0, max = 1000,
          label = { en = "Renewal begins so many days before", el = "Η ανανέωση αρχίζει τόσες ημέρες πριν" } },
        { "renew_on", "date", computed = "date_add(expires_on, -renew_days)", index = true, label = { en = "Renew from", el = "Ανανέωση από" } },
        { "conditions", "long_text", label = { en = "Conditions", el = "Όροι" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "valid", { en = "Valid", el = "Σε ισχύ" } }, { "expired", { en = "Expired", el = "Έληξε" } }, { "revoked", { en = "Revoked", el = "Ανακλήθηκε" } } } },
      },
      states = { field = "state", initial = "valid", moves = { valid = { "expired", "revoked" }, expired = { "valid" } } },
      rules = {
        { "expires_after_start", "expires_on >= valid_from",
          message = { en = "A permit expires after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    consultation = {
      title = "title", icon = "messages", track = true,
      label = { en = "Consultation", el = "Διαβούλευση" }, plural = { en = "Consultations", el = "Διαβουλεύσεις" },
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "authority", "ref", to = "organisation", required = true, on_delete = "restrict", index = true, label = { en = "Authority", el = "Αρχή" } },
        { "deadline", "date", required = true, index = true, label = { en = "Deadline", el = "Προθεσμία" } },
        { "position", "long_text", label = { en = "Our position", el = "Η θέση μας" } },
        { "submitted_on", "date", label = { en = "Submitted on", el = "Υποβλήθηκε στις" } },
        { "outcome", "long_text", label = { en = "Outcome", el = "Έκβαση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "submitted", { en = "Submitted", el = "Υποβλήθηκε" } },
          { "passed_up", { en = "Passed up", el = "Δεν συμμετείχαμε" } } } },
      },
      states = { field = "state", initial = "open", moves = { open = { "submitted", "passed_up" } } },
      rules = {
        { "submitted_says_what", "state ~= 'submitted' or (not is_null(submitted_on) and not is_null(position))",
          message = { en = "Say what was submitted, and on which day.", el = "Πείτε τι υποβλήθηκε και ποια ημέρα." } },
      },
    },

    public_commitment = {
      title = "title", icon = "handshake", track = true,
      label = { en = "Public commitment", el = "Δημόσια δέσμευση" }, plural = { en = "Public commitments", el = "Δημόσιες δεσμεύσεις" },
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "What was promised", el = "Τι υποσχεθήκαμε" } },
        { "party", "ref", to = "organisation", required = true, on_delete = "restrict", index = true, label = { en = "To whom", el = "Σε ποιον" } },
        { "made_on", "date", required = true, label = { en = "Promised on", el = "Πότε" } },
        { "due_on", "date", required = true, index = true, label = { en = "By when", el = "Έως πότε" } },
        { "evidence", "long_text", label = { en = "Evidence", el = "Τεκμηρίωση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "kept", { en = "Kept", el = "Τηρήθηκε" } }, { "broken", { en = "Broken", el = "Δεν τηρήθηκε" } } } },
      },
      states = { field = "state", initial = "open", moves = { open = { "kept", "broken" }, broken = { "kept" } } },
      rules = {
        { "said_with_evidence", "state == 'open' or not is_null(evidence)",
          message = { en = "Kept or broken: say what shows it.", el = "Τηρήθηκε ή όχι: πείτε τι το δείχνει." } },
        { "due_after_made", "due_on >= made_on",
          message = { en = "A commitment is due after it was made.", el = "Η προθεσμία έπεται της υπόσχεσης." } },
      },
    },

    community_event = {
      title = "title", icon = "calendar-heart", track = true,
      label = { en = "Community event", el = "Εκδήλωση για την κοινότητα" }, plural = { en = "Community events", el = "Εκδηλώσεις για την κοινότητα" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "held_on", "date", required = true, index = true, label = { en = "On", el = "Ημερομηνία" } },
        { "place", "text", max = 200, label = { en = "Place", el = "Τόπος" } },
        { "organisations", "refs", to = "organisation", label = { en = "With", el = "Με" } },
        { "expected", "integer", min = 0, label = { en = "Expected", el = "Αναμενόμενοι" } },
        { "attended", "integer", min = 0, label = { en = "Attended", el = "Παρόντες" } },
        { "cost", "money", min = 0, label = { en = "Cost", el = "Κόστος" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "planned", { en = "Planned", el = "Προγραμματισμένη" } }, { "held", { en = "Held", el = "Έγινε" } },
          { "cancelled", { en = "Cancelled", el = "Ακυρώθηκε" } } } },
        { "outcome", "long_text", label = { en = "Outcome", el = "Αποτέλεσμα" } },
      },
      states = { field = "state", initial = "planned", moves = { planned = { "held", "cancelled" } } },
    },

    spokesperson = {
      path = "spokespeople", title = "topics", icon = "mic", track = true,
      label = { en = "Spokesperson", el = "Εκπρόσωπος" }, plural = { en = "Spokespeople", el = "Εκπρόσωποι" },
      fields = {
        { "party", "ref", to = "organisation", required = true, on_delete = "cascade", index = true, label = { en = "May speak to", el = "Μιλά με" } },
        { "person", "ref", to = "user", required = true, on_delete = "cascade", index = true, label = { en = "Who", el = "Ποιος" } },
        { "topics", "text", max = 300, label = { en = "About", el = "Για" } },
        { "starts_on", "date", label = { en = "From", el = "Από" } },
        { "ends_on", "date", label = { en = "Until", el = "Έως" } },
      },
      rules = {
        { "ends_after_start", "ends_on >= starts_on", message = { en = "It ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    reputation_entry = {
      path = "reputation_entries", title = "title", icon = "newspaper", track = true,
      label = { en = "Entry of the reputation ledger", el = "Εγγραφή φήμης" }, plural = { en = "Reputation ledger", el = "Βιβλίο φήμης" },
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "What happened", el = "Τι συνέβη" } },
        { "happened_on", "date", required = true, index = true, label = { en = "On", el = "Πότε" } },
        { "source", "text", required = true, max = 300, label = { en = "Source", el = "Πηγή" } },
        { "party", "ref", to = "organisation", on_delete = "clear", index = true, label = { en = "Concerning", el = "Αφορά" } },
        { "polarity", "integer", min = -2, max = 2, label = { en = "Polarity, −2 to 2, as a person sees it", el = "Χροιά, −2 έως 2, κατά την κρίση προσώπου" } },
        { "polarity_by", "text", max = 120, label = { en = "Judged by", el = "Κρίθηκε από" } },
        { "reach", "integer", min = 0, label = { en = "People reached", el = "Πόσους έφτασε" } },
        { "response", "long_text", label = { en = "Our response", el = "Η απάντησή μας" } },
        { "responded_on", "date", label = { en = "Responded on", el = "Απαντήσαμε στις" } },
        { "follow_up_on", "date", index = true, label = { en = "Follow up on", el = "Συνέχεια στις" } },
        { "closed", "boolean", default = false, label = { en = "Closed", el = "Έκλεισε" } },
      },
    },
  },
}
