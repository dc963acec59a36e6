-- How managers themselves grow: checklists of the first weeks, training, certificates that expire.
return {
  objects = {
    certificate = {
      label = { en = "Certificate", el = "Πιστοποιητικό" }, plural = { en = "Certificates", el = "Πιστοποιητικά" },
      title = "name", icon = "award", track = true,
      fields = {
        { "user", "ref", to = "user", required = true, on_delete = "cascade", label = { en = "Whose", el = "Ποιου" } },
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "requirement", "text", max = 200, index = true, label = { en = "Required by", el = "Απαιτείται από" } },
        { "issuer", "text", max = 200, label = { en = "Issuer", el = "Εκδότης" } },
        { "number", "text", max = 100, label = { en = "Number", el = "Αριθμός" } },
        { "issued_on", "date", label = { en = "Issued on", el = "Εκδόθηκε στις" } },
        { "expires_on", "date", index = true, label = { en = "Expires on", el = "Λήγει στις" } },
        { "remind_days", "integer", default = 60, min = 0, max = 730,
          label = { en = "Reminder, days before", el = "Υπενθύμιση, ημέρες πριν" } },
        { "remind_on", "date", computed = "date_add(expires_on, -remind_days)", index = true,
          label = { en = "Reminder on", el = "Υπενθύμιση στις" } },
        { "renews", "ref", to = "certificate", unique = true, on_delete = "clear", acyclic = true,
          label = { en = "Renews", el = "Ανανεώνει" } },
        { "renewed", "boolean", default = false, index = true, label = { en = "Renewed", el = "Ανανεώθηκε" } },
      },
      rules = { { "expires_after_issue", "expires_on > issued_on",
        message = { en = "A certificate expires after it was issued.", el = "Η λήξη έπεται της έκδοσης." } } },
    },
    training = {
      label = { en = "Training", el = "Εκπαίδευση" }, plural = { en = "Training", el = "Εκπαιδεύσεις" }, path = "training",
      title = "title", icon = "book-open", track = true,
      fields = {
        { "user", "ref", to = "user", required = true, on_delete = "cascade", label = { en = "Who learns", el = "Ποιος εκπαιδεύεται" } },
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "provider", "text", max = 200, label = { en = "Provider", el = "Πάροχος" } },
        { "hours", "decimal", scale = 2, min = 0, max = 2000, label = { en = "Hours", el = "Ώρες" } },
        { "planned_on", "date", index = true, label = { en = "Planned for", el = "Προγραμματισμένη για" } },
        { "completed_on", "date", index = true, label = { en = "Completed on", el = "Ολοκληρώθηκε στις" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "planned", { en = "Planned", el = "Προγραμματισμένη" } }, { "completed", { en = "Completed", el = "Ολοκληρωμένη" } },
          { "cancelled", { en = "Cancelled", el = "Ακυρωμένη" } } } },
        { "skill", "ref", to = "skill", on_delete = "clear", label = { en = "Skill", el = "Δεξιότητα" } },
        { "certificate", "ref", to = "certificate", on_delete = "clear", label = { en = "Certificate", el = "Πιστοποιητικό" } },
      },
      states = { field = "state", initial = "planned", moves = { planned = { "completed", "cancelled" }, cancelled = { "planned" } } },
      rules = { { "completed_when", "state ~= \"completed\" or not is_null(completed_on)",
        message = { en = "Say when it was completed: fill completed_on.", el = "Συμπληρώστε πότε ολοκληρώθηκε: completed_on." } } },
    },
    onboarding_plan = {
      label = { en = "Onboarding plan", el = "Πρόγραμμα ένταξης" }, plural = { en = "Onboarding plans", el = "Προγράμματα ένταξης" },
      title = "name", icon = "list", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
    },
    onboarding_step = {
      label = { en = "Onboarding step", el = "Βήμα ένταξης" }, plural = { en = "Onboarding steps", el = "Βήματα ένταξης" },
      title = "title", icon = "check-square", track = true,
      fields = {
        { "plan", "ref", to = "onboarding_plan", required = true, on_delete = "cascade", label = { en = "Plan", el = "Πρόγραμμα" } },
        { "title", "text", required = true, max = 200, label = { en = "Title", el = "Τίτλος" } },
        { "days", "integer", required = true, default = 7, min = 0, max = 365,
          label = { en = "Due, days after the start", el = "Προθεσμία, ημέρες από την έναρξη" } },
        { "effort_hours", "decimal", scale = 2, min = 0, max = 1000, label = { en = "Effort, hours", el = "Εκτίμηση σε ώρες" } },
      },
    },
    onboarding = {
      label = { en = "Onboarding", el = "Ένταξη" }, plural = { en = "Onboardings", el = "Εντάξεις" },
      title = "plan", icon = "user-plus", track = true,
      fields = {
        { "user", "ref", to = "user", required = true, on_delete = "cascade", label = { en = "Who", el = "Ποιος" } },
        { "plan", "ref", to = "onboarding_plan", required = true, on_delete = "restrict", label = { en = "Plan", el = "Πρόγραμμα" } },
        { "started_on", "date", required = true, label = { en = "Started on", el = "Έναρξη" } },
        { "completed_on", "date", label = { en = "Completed on", el = "Ολοκληρώθηκε στις" } },
      },
      indexes = { { "user", "plan", unique = true } },
    },
  },
  extend = {
    task = { fields = {
      { "onboarding", "ref", to = "onboarding", on_delete = "cascade", label = { en = "Onboarding", el = "Ένταξη" } },
      { "certificate", "ref", to = "certificate", on_delete = "cascade", label = { en = "Certificate", el = "Πιστοποιητικό" } },
    } },
  },
}
