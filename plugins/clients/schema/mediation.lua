-- Conflicts between a client and one of us (T12). Each lives in a compartment: outside, nobody sees that it exists. All of it is
-- rules, since the plugin itself is outside too.
return {
  objects = {
    mediation = {
      label = { en = "Mediation", el = "Διαμεσολάβηση" }, plural = { en = "Mediations", el = "Διαμεσολαβήσεις" },
      title = "subject", icon = "scale", track = true, compartment = "required",
      fields = {
        { "subject", "text", required = true, max = 300, search = true, label = { en = "Subject", el = "Θέμα" } },
        { "organisation", "ref", to = "organisation", on_delete = "restrict", label = { en = "Client", el = "Πελάτης" } },
        { "client_person", "ref", to = "person", on_delete = "restrict", label = { en = "Person at the client", el = "Πρόσωπο του πελάτη" } },
        { "employee", "ref", to = "user", required = true, on_delete = "restrict", label = { en = "Employee", el = "Εργαζόμενος" } },
        { "mediator", "ref", to = "user", required = true, on_delete = "restrict", label = { en = "Mediator", el = "Διαμεσολαβητής" } },
        { "happened_on", "date", label = { en = "Happened on", el = "Συνέβη στις" } },
        { "client_statement", "long_text", label = { en = "Statement of the client", el = "Δήλωση του πελάτη" } },
        { "client_statement_on", "date", label = { en = "Stated by the client on", el = "Δηλώθηκε από τον πελάτη στις" } },
        { "client_refusal", "text", max = 500, label = { en = "The client gave no statement because", el = "Ο πελάτης δεν έκανε δήλωση διότι" } },
        { "employee_statement", "long_text", label = { en = "Statement of the employee", el = "Δήλωση του εργαζομένου" } },
        { "employee_statement_on", "date", label = { en = "Stated by the employee on", el = "Δηλώθηκε από τον εργαζόμενο στις" } },
        { "employee_refusal", "text", max = 500,
          label = { en = "The employee gave no statement because", el = "Ο εργαζόμενος δεν έκανε δήλωση διότι" } },
        { "remedy", "long_text", label = { en = "Agreed remedy", el = "Συμφωνημένη επανόρθωση" } },
        { "agreed_on", "date", label = { en = "Agreed on", el = "Συμφωνήθηκε στις" } },
        { "follow_up_on", "date", index = true, label = { en = "Next follow-up on", el = "Επόμενος έλεγχος στις" } },
        { "outcome", "enum", label = { en = "Outcome", el = "Έκβαση" }, of = {
          { "agreed", { en = "Agreed", el = "Συμφωνία" } }, { "not_agreed", { en = "Not agreed", el = "Χωρίς συμφωνία" } },
          { "withdrawn", { en = "Withdrawn", el = "Απόσυρση" } } } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοιχτή" } }, { "heard", { en = "Both sides heard", el = "Ακούστηκαν οι δύο πλευρές" } },
          { "remedy", { en = "Remedy under way", el = "Επανόρθωση σε εξέλιξη" } }, { "closed", { en = "Closed", el = "Κλειστή" } } } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "heard", "closed" }, heard = { "open", "remedy", "closed" }, remedy = { "heard", "closed" }, closed = { "open" } } },
      rules = {
        { "mediator_is_no_party", "mediator ~= employee",
          message = { en = "Who is a party to a conflict does not mediate it: name another mediator.",
            el = "Όποιος είναι μέρος της διαφοράς δεν τη διαμεσολαβεί: ορίστε άλλον διαμεσολαβητή." } },
        { "client_was_heard", "not (state == \"heard\" or state == \"remedy\" or state == \"closed\") or not (is_null(client_statement) and is_null(client_refusal))",
          message = { en = "The client's side is missing: write down the statement, or why none was given.",
            el = "Λείπει η πλευρά του πελάτη: καταγράψτε τη δήλωση ή γιατί δεν δόθηκε." } },
        { "employee_was_heard", "not (state == \"heard\" or state == \"remedy\" or state == \"closed\") or not (is_null(employee_statement) and is_null(employee_refusal))",
          message = { en = "The employee's side is missing: write down the statement, or why none was given.",
            el = "Λείπει η πλευρά του εργαζομένου: καταγράψτε τη δήλωση ή γιατί δεν δόθηκε." } },
        { "closes_with_outcome", "state ~= \"closed\" or not is_null(outcome)",
          message = { en = "A mediation is closed with its outcome.", el = "Η διαμεσολάβηση κλείνει με την έκβασή της." } },
        { "agreement_has_remedy", "not (outcome == \"agreed\" or state == \"remedy\") or not is_null(remedy)",
          message = { en = "An agreement says the remedy.", el = "Η συμφωνία ορίζει την επανόρθωση." } },
        { "remedy_is_followed_up", "state ~= \"remedy\" or not is_null(follow_up_on)",
          message = { en = "A remedy under way has a day on which somebody looks whether it came.",
            el = "Η επανόρθωση σε εξέλιξη έχει ημέρα ελέγχου." } },
      },
    },

    mediation_note = {
      label = { en = "Follow-up of a mediation", el = "Έλεγχος διαμεσολάβησης" },
      plural = { en = "Follow-ups of mediations", el = "Έλεγχοι διαμεσολαβήσεων" },
      title = "note", icon = "check", track = true, compartment = "required",
      fields = {
        { "mediation", "ref", to = "mediation", required = true, on_delete = "cascade", label = { en = "Mediation", el = "Διαμεσολάβηση" } },
        { "due_on", "date", required = true, index = true, label = { en = "Due on", el = "Προθεσμία" } },
        { "done_on", "date", index = true, label = { en = "Done on", el = "Έγινε στις" } },
        { "note", "long_text", label = { en = "What was found", el = "Διαπίστωση" } },
      },
      rules = {
        { "done_with_words", "is_null(done_on) or not is_null(note)",
          message = { en = "A follow-up that was done says what was found.", el = "Ο έλεγχος που έγινε λέει τι διαπιστώθηκε." } },
      },
    },
  },
}
