-- B5: what is negotiated, issue by issue; problems, their causes, and whether what was done about them helped; the tone of what was said.
return {
  objects = {
    negotiation = {
      title = "title", icon = "scale", track = true, compartment = "optional",
      label = { en = "Negotiation", el = "Διαπραγμάτευση" }, plural = { en = "Negotiations", el = "Διαπραγματεύσεις" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "side", "enum", required = true, label = { en = "They are", el = "Είναι" }, of = {
          { "supplier", { en = "Our supplier", el = "Προμηθευτής μας" } }, { "client", { en = "Our client", el = "Πελάτης μας" } },
          { "other", { en = "Something else", el = "Άλλο" } } } },
        { "party", "ref", to = "organisation", required = true, on_delete = "restrict", index = true, label = { en = "With", el = "Με" } },
        { "contract", "ref", to = "contract", on_delete = "clear", index = true, label = { en = "Contract", el = "Σύμβαση" } },
        { "team", "refs", to = "user", label = { en = "Our team", el = "Η ομάδα μας" } },
        { "opened_on", "date", label = { en = "Opened on", el = "Έναρξη" } },
        { "next_round_on", "date", index = true, label = { en = "Next round on", el = "Επόμενος γύρος στις" } },
        { "closed_on", "date", label = { en = "Closed on", el = "Λήξη" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "agreed", { en = "Agreed", el = "Συμφωνία" } }, { "failed", { en = "Failed", el = "Ναυάγησε" } } } },
        { "outcome", "long_text", label = { en = "Outcome", el = "Έκβαση" } },
      },
      states = { field = "state", initial = "open", moves = { open = { "agreed", "failed" }, failed = { "open" } } },
    },

    negotiation_issue = {
      title = "title", icon = "split", track = true, compartment = "optional",
      label = { en = "Issue of a negotiation", el = "Θέμα διαπραγμάτευσης" }, plural = { en = "Issues of negotiations", el = "Θέματα διαπραγματεύσεων" },
      fields = {
        { "title", "text", required = true, max = 200, label = { en = "Issue", el = "Θέμα" } },
        { "negotiation", "ref", to = "negotiation", required = true, on_delete = "cascade", index = true,
          label = { en = "Negotiation", el = "Διαπραγμάτευση" } },
        { "unit", "text", max = 40, label = { en = "Unit", el = "Μονάδα" } },
        { "weight", "decimal", scale = 2, default = 1, min = 0, label = { en = "Weight", el = "Βάρος" } },
        { "target", "decimal", scale = 2, label = { en = "Our target", el = "Στόχος μας" } },
        { "reservation", "decimal", scale = 2, label = { en = "Where we walk away", el = "Όριο αποχώρησης" } },
        { "ours", "decimal", scale = 2, label = { en = "Our position", el = "Η θέση μας" } },
        { "theirs", "decimal", scale = 2, label = { en = "Their position", el = "Η θέση τους" } },
        { "agreed", "decimal", scale = 2, label = { en = "Agreed", el = "Συμφωνήθηκε" } },
        { "note", "long_text", label = { en = "Note", el = "Σημείωση" } },
      },
      rules = {
        { "target_is_not_limit", "target ~= reservation",
          message = { en = "Target and limit differ.", el = "Ο στόχος και το όριο διαφέρουν." } },
      },
    },

    concession = {
      title = "reason", icon = "move", track = true, compartment = "optional",
      label = { en = "Concession", el = "Παραχώρηση" }, plural = { en = "Concessions", el = "Παραχωρήσεις" },
      fields = {
        { "issue", "ref", to = "negotiation_issue", required = true, on_delete = "cascade", index = true, label = { en = "Issue", el = "Θέμα" } },
        { "side", "enum", required = true, label = { en = "Made by", el = "Από" }, of = {
          { "ours", { en = "Us", el = "Εμάς" } }, { "theirs", { en = "Them", el = "Εκείνους" } } } },
        { "made_on", "date", required = true, index = true, label = { en = "On", el = "Πότε" } },
        { "from_value", "decimal", scale = 2, label = { en = "From", el = "Από τιμή" } },
        { "to_value", "decimal", scale = 2, required = true, label = { en = "To", el = "Σε τιμή" } },
        { "reason", "text", max = 300, label = { en = "In return for", el = "Με αντάλλαγμα" } },
      },
      rules = {
        { "it_moves", "from_value ~= to_value", message = { en = "A concession moves from one value to another.", el = "Η παραχώρηση αλλάζει την τιμή." } },
      },
    },

    root_cause = {
      title = "title", icon = "git-branch", track = true,
      label = { en = "Cause", el = "Αιτία" }, plural = { en = "Causes", el = "Αιτίες" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Cause", el = "Αιτία" } },
        { "parent", "ref", to = "root_cause", on_delete = "restrict", acyclic = true, index = true, label = { en = "Because of", el = "Λόγω" } },
        { "category", "enum", label = { en = "Category", el = "Κατηγορία" }, of = {
          { "people", { en = "People", el = "Άνθρωποι" } }, { "process", { en = "Process", el = "Διαδικασία" } },
          { "material", { en = "Material", el = "Υλικό" } }, { "system", { en = "System", el = "Σύστημα" } },
          { "supplier", { en = "Supplier", el = "Προμηθευτής" } }, { "outside", { en = "Outside", el = "Εξωτερική" } } } },
        { "recurrences", "integer", min = 0, label = { en = "Problems from it", el = "Προβλήματα από αυτή" } },
        { "note", "long_text", label = { en = "Note", el = "Σημείωση" } },
      },
    },

    problem = {
      title = "title", icon = "alert-triangle", track = true,
      label = { en = "Problem", el = "Πρόβλημα" }, plural = { en = "Problems", el = "Προβλήματα" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "What went wrong", el = "Τι πήγε στραβά" } },
        { "happened_on", "date", required = true, index = true, label = { en = "On", el = "Πότε" } },
        { "party", "ref", to = "organisation", on_delete = "clear", index = true, label = { en = "With", el = "Με" } },
        { "cause", "ref", to = "root_cause", on_delete = "restrict", index = true, label = { en = "Cause", el = "Αιτία" } },
        { "deliveries", "refs", to = "delivery", label = { en = "Deliveries", el = "Παραδόσεις" } },
        { "interactions", "refs", to = "interaction", label = { en = "Interactions", el = "Επαφές" } },
        { "case_number", "text", max = 40, index = true, label = { en = "Number of the case", el = "Αριθμός υπόθεσης" } },
        { "cost", "money", min = 0, label = { en = "Cost", el = "Κόστος" } },
      },
      indexes = { { "party", "-happened_on" } },
    },

    corrective_action = {
      title = "title", icon = "wrench", track = true,
      label = { en = "Corrective action", el = "Διορθωτική ενέργεια" }, plural = { en = "Corrective actions", el = "Διορθωτικές ενέργειες" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "What is done", el = "Τι γίνεται" } },
        { "cause", "ref", to = "root_cause", required = true, on_delete = "cascade", index = true, label = { en = "Cause", el = "Αιτία" } },
        { "due_on", "date", required = true, index = true, label = { en = "Due on", el = "Προθεσμία" } },
        { "done_on", "date", label = { en = "Done on", el = "Ολοκληρώθηκε στις" } },
        { "check_on", "date", index = true, label = { en = "Did it help? Look on", el = "Έλεγχος αποτελέσματος στις" } },
        { "evidence", "long_text", label = { en = "What shows it", el = "Τι το δείχνει" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτή" } }, { "done", { en = "Done, not checked", el = "Έγινε, δεν ελέγχθηκε" } },
          { "effective", { en = "It helped", el = "Απέδωσε" } }, { "ineffective", { en = "It did not help", el = "Δεν απέδωσε" } } } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "done" }, done = { "effective", "ineffective" }, ineffective = { "open" } } },
      rules = {
        { "done_says_when", "state == 'open' or (not is_null(done_on) and not is_null(check_on))",
          message = { en = "Say when it was done, and when somebody looks whether it helped.", el = "Πείτε πότε έγινε και πότε θα ελεγχθεί αν απέδωσε." } },
        { "checked_with_evidence", "state == 'open' or state == 'done' or not is_null(evidence)",
          message = { en = "Say what shows that it helped, or did not.", el = "Πείτε τι δείχνει ότι απέδωσε ή όχι." } },
      },
    },
  },

  extend = {
    interaction = { fields = {
      { "tone", "integer", min = -2, max = 2, index = true,
        label = { en = "Tone, −2 to 2, as a person heard it", el = "Τόνος, −2 έως 2, κατά την κρίση προσώπου" } },
      { "tone_by", "text", max = 120, label = { en = "Tone entered by", el = "Ο τόνος καταχωρίστηκε από" } },
      { "negotiation", "ref", to = "negotiation", on_delete = "clear", index = true, label = { en = "Negotiation", el = "Διαπραγμάτευση" } },
    } },
  },
}
