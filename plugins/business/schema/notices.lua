-- B1: what is made known, to whom, and who has acknowledged it.
return {
  objects = {
    notice = {
      title = "title", icon = "megaphone", track = true,
      label = { en = "Notice", el = "Ανακοίνωση" }, plural = { en = "Notices", el = "Ανακοινώσεις" },
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "body", "long_text", required = true, search = true, label = { en = "Text", el = "Κείμενο" } },
        { "roles", "refs", to = "role", label = { en = "Everyone with these roles", el = "Όσοι έχουν τους ρόλους" } },
        { "units", "refs", to = "organisation", label = { en = "Everyone of these units", el = "Όσοι ανήκουν στις μονάδες" } },
        { "teams", "refs", to = "team", label = { en = "Everyone of these teams", el = "Όσοι ανήκουν στις ομάδες" } },
        { "people", "refs", to = "user", label = { en = "These people", el = "Τα πρόσωπα" } },
        { "valid_from", "date", required = true, index = true, label = { en = "Valid from", el = "Ισχύει από" } },
        { "valid_until", "date", index = true, label = { en = "Valid until", el = "Ισχύει έως" } },
        { "remind_every", "integer", default = 3, min = 1, max = 90,
          label = { en = "Reminder every so many days", el = "Υπενθύμιση κάθε τόσες ημέρες" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "published", { en = "Published", el = "Δημοσιεύθηκε" } },
          { "withdrawn", { en = "Withdrawn", el = "Αποσύρθηκε" } }, { "ended", { en = "No longer valid", el = "Έπαυσε να ισχύει" } } } },
      },
      states = { field = "state", initial = "draft", moves = {
        draft = { "published" }, published = { "withdrawn", "ended" } } },
      rules = {
        { "ends_after_start", "valid_until >= valid_from",
          message = { en = "A notice is valid until its first day or later.", el = "Η ανακοίνωση ισχύει έως την πρώτη ημέρα ή αργότερα." } },
      },
    },

    notice_receipt = {
      title = "title", icon = "mail-check", track = true,
      label = { en = "Receipt of a notice", el = "Παραλαβή ανακοίνωσης" }, plural = { en = "Receipts of notices", el = "Παραλαβές ανακοινώσεων" },
      fields = {
        { "title", "text", required = true, max = 200, label = { en = "Title", el = "Τίτλος" } },
        { "notice", "ref", to = "notice", required = true, on_delete = "cascade", index = true, label = { en = "Notice", el = "Ανακοίνωση" } },
        { "person", "ref", to = "user", required = true, on_delete = "cascade", index = true, label = { en = "Who", el = "Ποιος" } },
        { "acknowledged", "boolean", default = false, index = true, label = { en = "Acknowledged", el = "Έλαβε γνώση" } },
        { "acknowledged_at", "datetime", label = { en = "Acknowledged at", el = "Έλαβε γνώση στις" } },
        { "reminders", "integer", default = 0, min = 0, label = { en = "Reminders", el = "Υπενθυμίσεις" } },
        { "next_reminder_on", "date", index = true, label = { en = "Next reminder", el = "Επόμενη υπενθύμιση" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
      },
      indexes = { { "notice", "acknowledged" } },
    },
  },
}
