-- C5 T14: what is to be sold by whom in which period, how that was agreed, and the hours that people have for it.
return {
  objects = {
    planning_round = {
      label = { en = "Planning round", el = "Γύρος προγραμματισμού" }, plural = { en = "Planning rounds", el = "Γύροι προγραμματισμού" },
      title = "name", icon = "calendar", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "starts_on", "date", required = true, label = { en = "Plans from", el = "Αφορά από" } },
        { "ends_on", "date", required = true, label = { en = "Plans until", el = "Αφορά έως" } },
        { "heads", "refs", to = "user", label = { en = "Heads of department", el = "Προϊστάμενοι διευθύνσεων" } },
        { "due", "date", label = { en = "To be agreed by", el = "Να συμφωνηθεί έως" } },
        { "strategy", "long_text", max = 8000, label = { en = "Strategy", el = "Στρατηγική" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοικτός" } }, { "closed", { en = "Closed", el = "Κλειστός" } } } },
      },
      states = { field = "state", initial = "open", moves = { open = { "closed" }, closed = { "open" } } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "A period ends after it has begun.", el = "Η λήξη της περιόδου έπεται της έναρξης." } },
      },
    },

    target = {
      label = { en = "Target", el = "Στόχος πωλήσεων" }, plural = { en = "Targets", el = "Στόχοι πωλήσεων" },
      title = "name", icon = "target", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "planning_round", "ref", to = "planning_round", on_delete = "restrict", index = true,
          label = { en = "Planning round", el = "Γύρος προγραμματισμού" } },
        { "seller", "ref", to = "user", on_delete = "restrict", index = true, label = { en = "Person", el = "Πρόσωπο" } },
        { "unit", "ref", to = "organisation", on_delete = "restrict", index = true, label = { en = "Unit", el = "Μονάδα" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "starts_on", "date", required = true, label = { en = "From", el = "Από" } },
        { "ends_on", "date", required = true, index = true, label = { en = "Until", el = "Έως" } },
        { "amount", "money", required = true, min = 1, label = { en = "Revenue", el = "Έσοδα" } },
        { "basis", "long_text", max = 4000, label = { en = "What it is based on", el = "Πού βασίζεται" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "proposed", { en = "Proposed", el = "Προτάθηκε" } }, { "agreed", { en = "Agreed", el = "Συμφωνήθηκε" } },
          { "withdrawn", { en = "Withdrawn", el = "Αποσύρθηκε" } } } },
      },
      states = { field = "state", initial = "proposed", moves = {
        proposed = { { "agreed", four_eyes = true, role = "manager" }, "withdrawn" },
        agreed = { "proposed", "withdrawn" }, withdrawn = { "proposed" } } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "A target's period ends after it has begun.", el = "Η λήξη της περιόδου του στόχου έπεται της έναρξης." } },
      },
    },

    target_comment = {
      label = { en = "Comment on a target", el = "Σχόλιο στόχου" }, plural = { en = "Comments on targets", el = "Σχόλια στόχων" },
      title = "body", icon = "message-square", track = true,
      fields = {
        { "target", "ref", to = "target", required = true, on_delete = "cascade", index = true, label = { en = "Target", el = "Στόχος" } },
        { "body", "long_text", required = true, max = 4000, label = { en = "Comment", el = "Σχόλιο" } },
        { "suggested", "money", min = 1, label = { en = "Suggested instead", el = "Αντιπρόταση" } },
      },
    },

    selling_time = {
      label = { en = "Time for selling", el = "Χρόνος για πωλήσεις" }, plural = { en = "Time for selling", el = "Χρόνος για πωλήσεις" },
      path = "selling_times", title = "hours_per_day", icon = "clock", track = true,
      fields = {
        { "seller", "ref", to = "user", required = true, unique = true, on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "unit", "ref", to = "organisation", on_delete = "clear", index = true, label = { en = "Unit", el = "Μονάδα" } },
        { "hours_per_day", "decimal", required = true, scale = 2, min = 0, max = 24,
          label = { en = "Hours for selling on a working day", el = "Ώρες για πωλήσεις ανά εργάσιμη ημέρα" } },
      },
    },

    absence = {
      label = { en = "Absence", el = "Απουσία" }, plural = { en = "Absences", el = "Απουσίες" },
      title = "starts_on", icon = "user-x", track = true,
      fields = {
        { "absentee", "ref", to = "user", required = true, on_delete = "cascade", label = { en = "Who is away", el = "Ποιος απουσιάζει" } },
        { "starts_on", "date", required = true, label = { en = "From", el = "Από" } },
        { "ends_on", "date", required = true, label = { en = "Until", el = "Έως" } },
      },
      indexes = { { "absentee", "ends_on" } },
      rules = {
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "An absence ends after it has begun.", el = "Η λήξη της απουσίας έπεται της έναρξης." } },
      },
    },
  },
}
