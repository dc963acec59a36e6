-- T5: whom we would like to win, what is written to them and when, and what came of it.
return {
  objects = {
    prospect_list = {
      label = { en = "Prospect list", el = "Λίστα υποψηφίων" }, plural = { en = "Prospect lists", el = "Λίστες υποψηφίων" },
      title = "name", icon = "list", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "purpose", "long_text", label = { en = "Purpose", el = "Σκοπός" } },
        { "industry", "text", max = 100, label = { en = "Only this industry", el = "Μόνο αυτός ο κλάδος" } },
        { "country", "country", label = { en = "Only this country", el = "Μόνο αυτή η χώρα" } },
        { "role", "enum", label = { en = "Only organisations that are", el = "Μόνο οργανισμοί που είναι" }, of = {
          { "client", { en = "Client", el = "Πελάτης" } }, { "prospect", { en = "Prospect", el = "Υποψήφιος πελάτης" } },
          { "supplier", { en = "Supplier", el = "Προμηθευτής" } }, { "partner", { en = "Partner", el = "Συνεργάτης" } } } },
        { "job_title", "text", max = 100, label = { en = "Only with this in the job title", el = "Μόνο με αυτό στη θέση" } },
        { "language", "language", label = { en = "Only this language", el = "Μόνο αυτή η γλώσσα" } },
      },
    },
    prospect = {
      label = { en = "Prospect", el = "Υποψήφιος" }, plural = { en = "Prospects", el = "Υποψήφιοι" },
      title = "person", icon = "user-plus", track = true,
      fields = {
        { "list", "ref", to = "prospect_list", required = true, on_delete = "cascade", label = { en = "List", el = "Λίστα" } },
        { "person", "ref", to = "person", required = true, on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "organisation", "ref", to = "organisation", on_delete = "clear", label = { en = "Organisation", el = "Οργανισμός" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "new", { en = "New", el = "Νέος" } }, { "contacted", { en = "Contacted", el = "Σε επαφή" } },
          { "replied", { en = "Replied", el = "Απάντησε" } }, { "converted", { en = "Converted", el = "Έγινε ευκαιρία" } },
          { "declined", { en = "Declined", el = "Αρνήθηκε" } } } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", label = { en = "Opportunity", el = "Ευκαιρία" } },
      },
      states = { field = "state", initial = "new", moves = { new = { "contacted", "replied", "converted", "declined" },
        contacted = { "replied", "converted", "declined" }, replied = { "converted", "declined" }, declined = { "contacted", "replied" } } },
      indexes = { { "list", "person", unique = true } },
    },
    outreach_sequence = {
      label = { en = "Outreach sequence", el = "Ακολουθία επικοινωνίας" },
      plural = { en = "Outreach sequences", el = "Ακολουθίες επικοινωνίας" }, title = "name", icon = "send", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "active", "boolean", default = true, label = { en = "In use", el = "Σε χρήση" } },
      },
    },
    outreach_step = {
      label = { en = "Outreach step", el = "Βήμα επικοινωνίας" }, plural = { en = "Outreach steps", el = "Βήματα επικοινωνίας" },
      title = "position", icon = "corner-down-right", track = true,
      fields = {
        { "sequence", "ref", to = "outreach_sequence", required = true, on_delete = "cascade", label = { en = "Sequence", el = "Ακολουθία" } },
        { "position", "integer", required = true, min = 1, max = 50, label = { en = "Position", el = "Θέση" } },
        { "wait_days", "integer", required = true, default = 0, min = 0, max = 365,
          label = { en = "Days after the step before", el = "Ημέρες μετά το προηγούμενο" } },
        { "channel", "enum", required = true, default = "email", label = { en = "How", el = "Πώς" }, of = {
          { "email", { en = "E-mail", el = "Ηλεκτρονικό μήνυμα" } }, { "call", { en = "Call", el = "Κλήση" } },
          { "letter", { en = "Letter", el = "Επιστολή" } } } },
        { "template", "text", max = 60, label = { en = "Key of the template", el = "Κλειδί προτύπου" } },
      },
      indexes = { { "sequence", "position", unique = true } },
      rules = { { "mail_has_a_template", "channel ~= \"email\" or not is_null(template)",
        message = { en = "A step by e-mail names its template.", el = "Το βήμα με μήνυμα χρειάζεται πρότυπο." } } },
    },
    outreach = {
      path = "outreaches",
      label = { en = "Outreach", el = "Προσέγγιση" }, plural = { en = "Outreaches", el = "Προσεγγίσεις" },
      title = "person", icon = "send", track = true,
      fields = {
        { "sequence", "ref", to = "outreach_sequence", required = true, on_delete = "restrict", label = { en = "Sequence", el = "Ακολουθία" } },
        { "person", "ref", to = "person", required = true, on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "prospect", "ref", to = "prospect", on_delete = "clear", label = { en = "Prospect", el = "Υποψήφιος" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "running", { en = "Running", el = "Σε εξέλιξη" } }, { "replied", { en = "Replied", el = "Απάντησε" } },
          { "opted_out", { en = "Wants no contact", el = "Δεν επιθυμεί επικοινωνία" } },
          { "finished", { en = "Finished without a reply", el = "Ολοκληρώθηκε χωρίς απάντηση" } },
          { "stopped", { en = "Stopped", el = "Διακόπηκε" } } } },
        { "reason", "text", max = 500, label = { en = "Reason", el = "Αιτία" } },
        { "steps_done", "integer", default = 0, label = { en = "Steps done", el = "Βήματα που έγιναν" } },
        { "last_step_on", "date", label = { en = "Last step on", el = "Τελευταίο βήμα στις" } },
      },
      states = { field = "state", initial = "running", moves = { running = { "replied", "opted_out", "finished", "stopped" } } },
      indexes = { { "sequence", "person", unique = true }, { "person", "state" } },
    },
  },
  extend = {
    task = { fields = { { "outreach", "ref", to = "outreach", on_delete = "cascade", label = { en = "Outreach", el = "Προσέγγιση" } } } },
  },
}
