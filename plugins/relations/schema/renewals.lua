-- The decision on a term of a contract: opens itself before the last day to give notice.
return {
  objects = {
    renewal = {
      label = { en = "Renewal", el = "Ανανέωση" }, plural = { en = "Renewals", el = "Ανανεώσεις" },
      title = "name", icon = "refresh", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "contract", "ref", to = "contract", required = true, on_delete = "cascade", label = { en = "Contract", el = "Σύμβαση" } },
        { "party", "ref", to = "organisation", on_delete = "cascade", label = { en = "Party", el = "Συμβαλλόμενος" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
        { "round", "integer", min = 1, default = 1, label = { en = "Which renewal", el = "Ποια ανανέωση" } },
        { "stage", "enum", index = true, label = { en = "Stage", el = "Στάδιο" }, of = {
          { "open", { en = "Open", el = "Ανοιχτή" } }, { "in_talks", { en = "In talks", el = "Σε συζήτηση" } },
          { "renewed", { en = "Renewed", el = "Ανανεώθηκε" } }, { "ended", { en = "Ended", el = "Έληξε" } },
          { "missed", { en = "Missed", el = "Χάθηκε η προθεσμία" } } } },
        { "term_ends_on", "date", index = true, label = { en = "Term ends on", el = "Λήξη διάρκειας" } },
        { "last_notice_on", "date", index = true, label = { en = "Last day to give notice", el = "Τελευταία ημέρα καταγγελίας" } },
        { "value", "money", min = 0, label = { en = "Value of a period", el = "Αξία περιόδου" } },
        { "renews_itself", "boolean", label = { en = "Renews itself", el = "Ανανεώνεται μόνη της" } },
        { "would_end_on", "date", label = { en = "If it renews itself, until", el = "Αν ανανεωθεί μόνη της, έως" } },
        { "new_ends_on", "date", label = { en = "New last day", el = "Νέα τελευταία ημέρα" } },
        { "new_value", "money", min = 0, label = { en = "New value", el = "Νέα αξία" } },
        { "reason", "long_text", label = { en = "Reason", el = "Αιτιολογία" } },
        { "closed_on", "date", index = true, label = { en = "Closed on", el = "Έκλεισε στις" } },
      },
      states = { field = "stage", initial = "open", moves = {
        open = { "in_talks", "renewed", "ended", "missed" }, in_talks = { "open", "renewed", "ended", "missed" },
        missed = { "renewed", "ended" }, ended = { "open" } } },
      indexes = { { "contract", "-term_ends_on" }, { "stage", "last_notice_on" } },
      rules = {
        { "new_term_is_later", "new_ends_on > term_ends_on",
          message = { en = "The new last day lies behind the present one.", el = "Η νέα τελευταία ημέρα έπεται της τωρινής." } },
      },
    },
  },
  extend = {
    task = { fields = {
      { "contract", "ref", to = "contract", on_delete = "cascade", label = { en = "Contract", el = "Σύμβαση" } },
      { "renewal", "ref", to = "renewal", on_delete = "cascade", label = { en = "Renewal", el = "Ανανέωση" } },
    } },
    interaction = { fields = {
      { "contracts", "refs", to = "contract", label = { en = "Contracts", el = "Συμβάσεις" } },
    } },
  },
}
