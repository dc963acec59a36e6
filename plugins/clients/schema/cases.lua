-- Cases of clients, what was agreed about their times (SLA), and who hears of a time that ran out (C3).
return {
  objects = {
    sla_policy = {
      path = "sla_policies",
      label = { en = "Service level", el = "Επίπεδο εξυπηρέτησης" },
      plural = { en = "Service levels", el = "Επίπεδα εξυπηρέτησης" },
      title = "name", icon = "clock", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "active", "boolean", default = true, index = true, label = { en = "In force", el = "Σε ισχύ" } },
        { "organisation", "ref", to = "organisation", on_delete = "cascade", label = { en = "For the client", el = "Για τον πελάτη" } },
        { "contract", "ref", to = "contract", on_delete = "cascade", label = { en = "For the contract", el = "Για τη σύμβαση" } },
        { "priority", "enum", label = { en = "For the priority", el = "Για την προτεραιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "normal", { en = "Normal", el = "Κανονική" } },
          { "high", { en = "High", el = "Υψηλή" } }, { "urgent", { en = "Urgent", el = "Επείγουσα" } } } },
        { "kind", "enum", label = { en = "For the kind", el = "Για το είδος" }, of = {
          { "case", { en = "Case", el = "Υπόθεση" } }, { "question", { en = "Question", el = "Ερώτηση" } },
          { "concern", { en = "Concern", el = "Ανησυχία" } } } },
        { "response_count", "integer", min = 1, max = 10000,
          label = { en = "First response within", el = "Πρώτη απάντηση εντός" } },
        { "response_unit", "enum", default = "hours", label = { en = "Unit of the response", el = "Μονάδα απάντησης" }, of = {
          { "minutes", { en = "Working minutes", el = "Εργάσιμα λεπτά" } }, { "hours", { en = "Working hours", el = "Εργάσιμες ώρες" } },
          { "business_days", { en = "Working days", el = "Εργάσιμες ημέρες" } }, { "days", { en = "Days", el = "Ημέρες" } } } },
        { "resolution_count", "integer", min = 1, max = 10000,
          label = { en = "Resolution within", el = "Επίλυση εντός" } },
        { "resolution_unit", "enum", default = "hours", label = { en = "Unit of the resolution", el = "Μονάδα επίλυσης" }, of = {
          { "minutes", { en = "Working minutes", el = "Εργάσιμα λεπτά" } }, { "hours", { en = "Working hours", el = "Εργάσιμες ώρες" } },
          { "business_days", { en = "Working days", el = "Εργάσιμες ημέρες" } }, { "days", { en = "Days", el = "Ημέρες" } } } },
        { "opens", "text", default = "09:00", pattern = "[0-2][0-9]:[0-5][0-9]", label = { en = "Working hours from", el = "Ωράριο από" } },
        { "closes", "text", default = "17:00", pattern = "[0-2][0-9]:[0-5][0-9]", label = { en = "Working hours until", el = "Ωράριο έως" } },
        { "calendar", "enum", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" }, of = {
          { "GR", { en = "Greece", el = "Ελλάδα" } }, { "TARGET", { en = "TARGET (banks)", el = "TARGET (τράπεζες)" } },
          { "WEEKDAYS", { en = "Weekdays", el = "Καθημερινές" } } } },
      },
      indexes = { { "active", "organisation" } },
      rules = {
        { "closes_after_opens", "closes > opens",
          message = { en = "Working hours end after they begin.", el = "Η λήξη του ωραρίου έπεται της έναρξης." } },
        { "promises_something", "not (is_null(response_count) and is_null(resolution_count))",
          message = { en = "A service level says a time for the response, the resolution or both.",
            el = "Το επίπεδο εξυπηρέτησης ορίζει χρόνο απάντησης, επίλυσης ή και τους δύο." } },
      },
    },

    escalation_step = {
      label = { en = "Escalation step", el = "Βήμα κλιμάκωσης" }, plural = { en = "Escalation steps", el = "Βήματα κλιμάκωσης" },
      title = "level", icon = "arrow-up", track = true,
      fields = {
        { "policy", "ref", to = "sla_policy", required = true, on_delete = "cascade",
          label = { en = "Service level", el = "Επίπεδο εξυπηρέτησης" } },
        { "clock", "enum", required = true, label = { en = "Of the time for", el = "Για τον χρόνο" }, of = {
          { "response", { en = "First response", el = "Πρώτη απάντηση" } }, { "resolution", { en = "Resolution", el = "Επίλυση" } } } },
        { "level", "integer", required = true, min = 1, max = 9, label = { en = "Level", el = "Βαθμίδα" } },
        { "after_minutes", "integer", default = 0, min = 0, max = 100000,
          label = { en = "Working minutes behind the deadline", el = "Εργάσιμα λεπτά μετά την προθεσμία" } },
        { "escalate_to", "ref", to = "user", on_delete = "clear", label = { en = "Goes to", el = "Απευθύνεται σε" } },
      },
      indexes = { { "policy", "clock", "level", unique = true } },
    },

    case = {
      label = { en = "Case", el = "Υπόθεση" }, plural = { en = "Cases", el = "Υποθέσεις" },
      title = "subject", icon = "life-buoy", track = true,
      fields = {
        { "number", "text", unique = true, max = 20, label = { en = "Number", el = "Αριθμός" } },
        { "subject", "text", required = true, max = 300, search = true, label = { en = "Subject", el = "Θέμα" } },
        { "description", "long_text", search = true, label = { en = "Description", el = "Περιγραφή" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict", label = { en = "Client", el = "Πελάτης" } },
        { "person", "ref", to = "person", on_delete = "clear", label = { en = "Reported by", el = "Αναφέρθηκε από" } },
        { "relationship", "ref", to = "relationship", on_delete = "clear", label = { en = "Relationship", el = "Σχέση" } },
        { "contract", "ref", to = "contract", on_delete = "clear", label = { en = "Contract", el = "Σύμβαση" } },
        { "product", "ref", to = "product", on_delete = "clear", label = { en = "Product", el = "Προϊόν" } },
        { "skill", "ref", to = "skill", on_delete = "clear", label = { en = "Expertise needed", el = "Απαιτούμενη εξειδίκευση" } },
        { "kind", "enum", default = "case", index = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "case", { en = "Case", el = "Υπόθεση" } }, { "question", { en = "Question", el = "Ερώτηση" } },
          { "concern", { en = "Concern", el = "Ανησυχία" } } } },
        { "type", "enum", label = { en = "Type", el = "Τύπος" }, of = {
          { "incident", { en = "Incident", el = "Συμβάν" } }, { "problem", { en = "Problem", el = "Πρόβλημα" } },
          { "complaint", { en = "Complaint", el = "Παράπονο" } }, { "request", { en = "Request", el = "Αίτημα" } },
          { "return", { en = "Return", el = "Επιστροφή" } } } },
        { "priority", "enum", default = "normal", index = true, label = { en = "Priority", el = "Προτεραιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "normal", { en = "Normal", el = "Κανονική" } },
          { "high", { en = "High", el = "Υψηλή" } }, { "urgent", { en = "Urgent", el = "Επείγουσα" } } } },
        { "channel", "enum", label = { en = "Channel", el = "Δίαυλος" }, of = {
          { "phone", { en = "Phone", el = "Τηλέφωνο" } }, { "email", { en = "E-mail", el = "Ηλεκτρονικό ταχυδρομείο" } },
          { "meeting", { en = "Meeting", el = "Συνάντηση" } }, { "portal", { en = "Web", el = "Ιστότοπος" } },
          { "letter", { en = "Letter", el = "Επιστολή" } }, { "other", { en = "Other", el = "Άλλος" } } } },
        { "status", "enum", index = true, label = { en = "Status", el = "Κατάσταση" }, of = {
          { "new", { en = "New", el = "Νέα" } }, { "assigned", { en = "Assigned", el = "Ανατεθειμένη" } },
          { "in_progress", { en = "In progress", el = "Σε εξέλιξη" } },
          { "waiting", { en = "Waiting for the client", el = "Αναμονή πελάτη" } },
          { "resolved", { en = "Resolved", el = "Επιλυμένη" } }, { "closed", { en = "Closed", el = "Κλειστή" } },
          { "reopened", { en = "Reopened", el = "Ανοιχτή εκ νέου" } } } },
        { "reported_at", "datetime", index = true, label = { en = "Reported at", el = "Αναφέρθηκε" } },
        { "resolution", "long_text", search = true, label = { en = "Resolution", el = "Λύση" } },
        { "policy", "ref", to = "sla_policy", on_delete = "clear", label = { en = "Service level", el = "Επίπεδο εξυπηρέτησης" } },
        { "response_by", "datetime", index = true, label = { en = "Respond by", el = "Απάντηση έως" } },
        { "response_clock", "json", label = { en = "Clock of the response", el = "Χρονόμετρο απάντησης" } },
        { "first_response_at", "datetime", label = { en = "First response at", el = "Πρώτη απάντηση στις" } },
        { "response_state", "enum", label = { en = "Time for the response", el = "Χρόνος απάντησης" }, of = {
          { "running", { en = "Running", el = "Τρέχει" } }, { "paused", { en = "Paused", el = "Σε παύση" } },
          { "met", { en = "Met", el = "Τηρήθηκε" } }, { "breached", { en = "Breached", el = "Παραβιάστηκε" } } } },
        { "resolve_by", "datetime", index = true, label = { en = "Resolve by", el = "Επίλυση έως" } },
        { "resolution_clock", "json", label = { en = "Clock of the resolution", el = "Χρονόμετρο επίλυσης" } },
        { "resolved_at", "datetime", label = { en = "Resolved at", el = "Επιλύθηκε στις" } },
        { "resolution_state", "enum", label = { en = "Time for the resolution", el = "Χρόνος επίλυσης" }, of = {
          { "running", { en = "Running", el = "Τρέχει" } }, { "paused", { en = "Paused", el = "Σε παύση" } },
          { "met", { en = "Met", el = "Τηρήθηκε" } }, { "breached", { en = "Breached", el = "Παραβιάστηκε" } } } },
        { "waited_minutes", "integer", default = 0, min = 0,
          label = { en = "Minutes waited for the client", el = "Λεπτά αναμονής πελάτη" } },
        { "waiting_since", "datetime", label = { en = "Waiting since", el = "Σε αναμονή από" } },
        { "closed_at", "datetime", label = { en = "Closed at", el = "Έκλεισε στις" } },
        { "times_reopened", "integer", default = 0, min = 0, label = { en = "Times reopened", el = "Φορές εκ νέου" } },
        { "escalation_level", "integer", default = 0, min = 0, max = 9, label = { en = "Escalated to level", el = "Βαθμίδα κλιμάκωσης" } },
      },
      states = { field = "status", initial = "new", moves = {
        new = { "assigned", "in_progress", "waiting", "resolved" },
        assigned = { "in_progress", "waiting", "resolved" },
        in_progress = { "assigned", "waiting", "resolved" },
        waiting = { "in_progress", "resolved" },
        resolved = { "closed", "reopened" },
        closed = { "reopened" },
        reopened = { "assigned", "in_progress", "waiting", "resolved" } } },
      indexes = { { "organisation", "-reported_at" }, { "status", "resolve_by" }, { "owner", "status" } },
      rules = {
        { "resolved_with_words", "not (status == \"resolved\" or status == \"closed\") or not is_null(resolution)",
          message = { en = "A case is resolved with a resolution: say what was done.",
            el = "Η υπόθεση επιλύεται με λύση: γράψτε τι έγινε." } },
      },
    },
  },

  extend = {
    interaction = { fields = {
      { "cases", "refs", to = "case", on_delete = "clear", label = { en = "Cases", el = "Υποθέσεις" } },
    } },
    task = { fields = {
      { "case", "ref", to = "case", on_delete = "cascade", label = { en = "Case", el = "Υπόθεση" } },
    } },
  },
}
