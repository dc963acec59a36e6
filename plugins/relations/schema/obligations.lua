-- Who owes what under a contract, by when, and the evidence that it was done.
return {
  objects = {
    contract_obligation = {
      label = { en = "Obligation", el = "Υποχρέωση" }, plural = { en = "Obligations", el = "Υποχρεώσεις" },
      title = "title", icon = "list-check", track = true,
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "What is owed", el = "Τι οφείλεται" } },
        { "contract", "ref", to = "contract", required = true, on_delete = "cascade", label = { en = "Contract", el = "Σύμβαση" } },
        { "owed_by", "enum", required = true, index = true, label = { en = "Owed by", el = "Οφείλεται από" }, of = {
          { "us", { en = "Us", el = "Εμάς" } }, { "them", { en = "Them", el = "Εκείνους" } } } },
        { "clause", "text", max = 100, label = { en = "Clause", el = "Όρος" } },
        { "due_on", "date", required = true, index = true, label = { en = "Due on", el = "Προθεσμία" } },
        { "every_months", "integer", min = 1, max = 120, label = { en = "Again every so many months", el = "Κάθε τόσους μήνες" } },
        { "until_on", "date", label = { en = "For the last time on", el = "Τελευταία φορά έως" } },
        -- The first one of a row, so that the 31st of a month stays the 31st.
        { "first_due_on", "date", label = { en = "First due on", el = "Πρώτη προθεσμία" } },
        { "occurrence", "integer", default = 1, min = 1, label = { en = "Which time", el = "Ποια φορά" } },
        { "origin", "text", unique = true, max = 100, label = { en = "Origin", el = "Προέλευση" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "open", { en = "Open", el = "Ανοιχτή" } }, { "done", { en = "Done", el = "Εκπληρώθηκε" } },
          { "missed", { en = "Missed", el = "Δεν τηρήθηκε" } }, { "waived", { en = "Waived", el = "Παραίτηση" } } } },
        { "done_on", "date", label = { en = "Done on", el = "Εκπληρώθηκε στις" } },
        { "evidence", "long_text", label = { en = "Evidence", el = "Τεκμηρίωση" } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "done", "missed", "waived" }, missed = { "done", "waived" } } },
      indexes = { { "contract", "due_on" }, { "state", "due_on" } },
      rules = {
        { "done_has_evidence", "state ~= \"done\" or (not is_null(done_on) and not is_null(evidence))",
          message = { en = "Say on which day it was done and what shows it.", el = "Πείτε ποια ημέρα έγινε και τι το δείχνει." } },
        { "last_is_later", "until_on >= due_on",
          message = { en = "The last time is not before the next one.", el = "Η τελευταία φορά δεν προηγείται της επόμενης." } },
      },
    },
  },
  extend = {
    task = { fields = {
      { "obligation", "ref", to = "contract_obligation", on_delete = "cascade", label = { en = "Obligation", el = "Υποχρέωση" } },
    } },
  },
}
