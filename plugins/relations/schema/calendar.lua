-- Meetings: interactions with a place in calendars, and who attends. Names by RFC 5545 and 5546; times are `at` and `ends_at`.
return {
  objects = {
    attendance = {
      label = { en = "Attendance", el = "Συμμετοχή" }, plural = { en = "Attendances", el = "Συμμετοχές" },
      title = "role", icon = "user-check", track = true, subject = "person",
      fields = {
        { "interaction", "ref", to = "interaction", required = true, on_delete = "cascade", label = { en = "Meeting", el = "Συνάντηση" } },
        { "person", "ref", to = "person", on_delete = "cascade", index = true, label = { en = "Person", el = "Πρόσωπο" } },
        { "user", "ref", to = "user", on_delete = "cascade", index = true, label = { en = "Colleague", el = "Συνάδελφος" } },
        { "role", "enum", default = "req_participant", label = { en = "Role", el = "Ρόλος" }, of = {
          { "chair", { en = "Chair", el = "Συντονιστής" } }, { "req_participant", { en = "Required", el = "Απαραίτητος" } },
          { "opt_participant", { en = "Optional", el = "Προαιρετικός" } }, { "non_participant", { en = "For information", el = "Για ενημέρωση" } } } },
        { "partstat", "enum", default = "needs_action", index = true, label = { en = "Answer", el = "Απάντηση" }, of = {
          { "needs_action", { en = "Not answered", el = "Δεν απάντησε" } }, { "accepted", { en = "Accepted", el = "Αποδέχθηκε" } },
          { "declined", { en = "Declined", el = "Αρνήθηκε" } }, { "tentative", { en = "Perhaps", el = "Ίσως" } },
          { "delegated", { en = "Delegated", el = "Ανέθεσε" } } } },
        { "delegated_to", "email", class = "pii", label = { en = "Delegated to", el = "Ανατέθηκε σε" } },
        { "invited_sequence", "integer", min = 0, label = { en = "Invited at version", el = "Προσκλήθηκε στην έκδοση" } },
        { "not_invited", "enum", label = { en = "Not invited because", el = "Δεν προσκλήθηκε διότι" }, of = {
          { "do_not_contact", { en = "Does not want to be contacted", el = "Δεν επιθυμεί επικοινωνία" } },
          { "no_email", { en = "No e-mail address", el = "Χωρίς ηλεκτρονική διεύθυνση" } },
          { "address_refused", { en = "The address refuses mail", el = "Η διεύθυνση δεν δέχεται μηνύματα" } } } },
        { "answered_at", "datetime", label = { en = "Answered at", el = "Απάντησε στις" } },
      },
      indexes = { { "interaction", "person", unique = true }, { "interaction", "user", unique = true } },
      rules = {
        { "of_somebody", "is_null(person) ~= is_null(user)",
          message = { en = "Who attends is one person or one colleague.", el = "Συμμετέχει ένα πρόσωπο ή ένας συνάδελφος." } },
      },
    },
  },
  extend = {
    interaction = {
      fields = {
        { "ends_at", "datetime", label = { en = "Ends", el = "Λήξη" } },
        { "all_day", "boolean", default = false, label = { en = "All day", el = "Ολοήμερη" } },
        { "zone", "text", max = 64, label = { en = "Time zone", el = "Ζώνη ώρας" } },
        { "location", "text", max = 300, label = { en = "Place", el = "Τόπος" } },
        { "agenda", "long_text", search = true, label = { en = "Agenda", el = "Ημερήσια διάταξη" } },
        { "rrule", "text", max = 1000, index = true, label = { en = "Repeats (RRULE)", el = "Επανάληψη (RRULE)" } },
        { "exdates", "json", label = { en = "But not on", el = "Εξαιρούνται" } },
        { "uid", "text", max = 255, unique = true, label = { en = "Calendar UID", el = "UID ημερολογίου" } },
        { "sequence", "integer", min = 0, label = { en = "Version for calendars", el = "Έκδοση για ημερολόγια" } },
        { "organizer", "ref", to = "user", on_delete = "clear", index = true, label = { en = "Organiser", el = "Διοργανωτής" } },
        { "teleconference", "boolean", default = false, label = { en = "Teleconference", el = "Τηλεδιάσκεψη" } },
        { "join_url", "url", label = { en = "Link to join", el = "Σύνδεσμος συμμετοχής" } },
        { "reminder_minutes", "integer", min = 0, max = 40320, label = { en = "Reminder, minutes before", el = "Υπενθύμιση, λεπτά πριν" } },
        { "invited_at", "datetime", label = { en = "Invitations sent", el = "Προσκλήσεις στάλθηκαν" } },
      },
      indexes = { { "organizer", "at" } },
      rules = {
        { "ends_after_start", "ends_at >= at",
          message = { en = "A meeting ends after it has begun.", el = "Η λήξη της συνάντησης έπεται της έναρξης." } },
      },
    },
  },
}
