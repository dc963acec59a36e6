-- T13: what we do when a bond is in danger, step by step, and whether it helped.
return {
  objects = {
    playbook = {
      label = { en = "Playbook", el = "Σχέδιο διατήρησης" }, plural = { en = "Playbooks", el = "Σχέδια διατήρησης" },
      title = "name", icon = "book-open", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "trigger", "enum", required = true, index = true, label = { en = "Begins when", el = "Ξεκινά όταν" }, of = {
          { "health_fall", { en = "Health falls", el = "Πέφτει η υγεία" } },
          { "renewal_near", { en = "The renewal is near", el = "Πλησιάζει η ανανέωση" } },
          { "complaint", { en = "They complain", el = "Υπάρχει παράπονο" } },
          { "no_contact", { en = "There was no contact", el = "Δεν υπήρξε επαφή" } },
          { "manual", { en = "Somebody begins it", el = "Το ξεκινά κάποιος" } } } },
        { "threshold", "integer", min = 1, max = 730, label = { en = "Points or days", el = "Μονάδες ή ημέρες" } },
        { "window_days", "integer", default = 90, min = 1, max = 1095,
          label = { en = "Judged so many days after", el = "Κρίνεται τόσες ημέρες μετά" } },
        { "active", "boolean", default = true, label = { en = "In use", el = "Σε χρήση" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      rules = {
        { "has_threshold", "not (trigger in ['health_fall', 'renewal_near', 'no_contact']) or not is_null(threshold)", message = {
          en = "Say in `threshold` how many points or days begin it.",
          el = "Γράψτε στο `threshold` πόσες μονάδες ή ημέρες το ξεκινούν." } },
      },
    },

    playbook_step = {
      label = { en = "Playbook step", el = "Βήμα σχεδίου" }, plural = { en = "Playbook steps", el = "Βήματα σχεδίων" },
      title = "title", icon = "list-ordered", track = true,
      fields = {
        { "playbook", "ref", to = "playbook", required = true, on_delete = "cascade", label = { en = "Playbook", el = "Σχέδιο" } },
        { "place", "integer", required = true, min = 1, max = 50, label = { en = "Place", el = "Σειρά" } },
        { "title", "text", required = true, max = 200, label = { en = "What to do", el = "Τι γίνεται" } },
        { "wait_days", "integer", default = 0, min = 0, max = 365, label = { en = "Wait before, days", el = "Αναμονή πριν, ημέρες" } },
        { "due_days", "integer", default = 3, min = 0, max = 365, label = { en = "Days to do it", el = "Ημέρες για να γίνει" } },
        { "effort_hours", "decimal", scale = 2, min = 0, max = 1000, label = { en = "Effort, hours", el = "Εκτίμηση σε ώρες" } },
      },
      indexes = { { "playbook", "place", unique = true } },
    },

    playbook_run = {
      label = { en = "Playbook run", el = "Εφαρμογή σχεδίου" }, plural = { en = "Playbook runs", el = "Εφαρμογές σχεδίων" },
      title = "reason", icon = "play", track = true,
      fields = {
        { "playbook", "ref", to = "playbook", required = true, on_delete = "restrict", label = { en = "Playbook", el = "Σχέδιο" } },
        { "relationship", "ref", to = "relationship", required = true, on_delete = "cascade", index = true,
          label = { en = "Relationship", el = "Σχέση" } },
        { "origin", "text", required = true, unique = true, max = 200, label = { en = "Begun by", el = "Αφορμή" } },
        { "reason", "text", required = true, max = 300, label = { en = "Why", el = "Γιατί" } },
        { "started_on", "date", required = true, index = true, label = { en = "Began on", el = "Ξεκίνησε στις" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "running", { en = "Running", el = "Σε εξέλιξη" } }, { "observed", { en = "Done, being judged", el = "Έγινε, κρίνεται" } },
          { "ended", { en = "Judged", el = "Κρίθηκε" } }, { "stopped", { en = "Stopped", el = "Διακόπηκε" } } } },
        { "steps_done", "integer", default = 0, min = 0, label = { en = "Steps done", el = "Βήματα που έγιναν" } },
        { "outcome", "enum", index = true, label = { en = "Outcome", el = "Αποτέλεσμα" }, of = {
          { "kept", { en = "Kept", el = "Διατηρήθηκε" } }, { "lost", { en = "Lost", el = "Χάθηκε" } } } },
        { "judged_on", "date", label = { en = "Judged on", el = "Κρίθηκε στις" } },
      },
      states = { field = "state", initial = "running", moves = {
        running = { "observed", "ended", "stopped" }, observed = { "ended", "stopped" } } },
      indexes = { { "playbook", "relationship", "state" } },
    },
  },
  extend = {
    task = { fields = {
      { "playbook_run", "ref", to = "playbook_run", on_delete = "cascade", label = { en = "Playbook run", el = "Εφαρμογή σχεδίου" } } } },
  },
}
