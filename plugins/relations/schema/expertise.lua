-- Who can do what, and how much time he has.
return {
  objects = {
    skill = {
      label = { en = "Skill", el = "Δεξιότητα" }, plural = { en = "Skills", el = "Δεξιότητες" }, title = "name", icon = "award", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 100, search = true, label = { en = "Name", el = "Όνομα" } },
        { "name_el", "text", max = 100, search = true, label = { en = "Name in Greek", el = "Όνομα στα ελληνικά" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
    },
    expertise = {
      label = { en = "Expertise", el = "Εξειδίκευση" }, plural = { en = "Expertise", el = "Εξειδικεύσεις" }, path = "expertise",
      title = "skill", icon = "user-check", track = true,
      fields = {
        { "user", "ref", to = "user", required = true, on_delete = "cascade", label = { en = "Who", el = "Ποιος" } },
        { "skill", "ref", to = "skill", required = true, on_delete = "restrict", label = { en = "Skill", el = "Δεξιότητα" } },
        { "level", "enum", required = true, default = "working", label = { en = "Level", el = "Επίπεδο" }, of = {
          { "basic", { en = "Basic", el = "Βασικό" } }, { "working", { en = "Working knowledge", el = "Καλό" } },
          { "expert", { en = "Expert", el = "Ειδικός" } } } },
        { "evidence", "text", max = 500, label = { en = "How we know", el = "Πώς το γνωρίζουμε" } },
        { "confirmed_by", "ref", to = "user", on_delete = "clear", label = { en = "Confirmed by", el = "Επιβεβαιώθηκε από" } },
        { "confirmed_on", "date", label = { en = "Confirmed on", el = "Επιβεβαιώθηκε στις" } },
      },
      indexes = { { "user", "skill", unique = true } },
      rules = {
        { "another_confirms", "confirmed_by ~= user",
          message = { en = "Expertise is confirmed by somebody else.", el = "Την εξειδίκευση επιβεβαιώνει άλλος." } },
        { "confirmed_when", "is_null(confirmed_by) or not is_null(confirmed_on)",
          message = { en = "Say when it was confirmed: fill confirmed_on.", el = "Συμπληρώστε πότε επιβεβαιώθηκε: confirmed_on." } },
      },
    },
    work_profile = {
      label = { en = "Working time", el = "Χρόνος εργασίας" }, plural = { en = "Working times", el = "Χρόνοι εργασίας" },
      title = "user", icon = "clock", track = true,
      fields = {
        { "user", "ref", to = "user", required = true, unique = true, on_delete = "cascade", label = { en = "Who", el = "Ποιος" } },
        { "hours_per_week", "decimal", scale = 2, required = true, min = 0, max = 80, default = "40",
          label = { en = "Hours a week", el = "Ώρες την εβδομάδα" } },
        { "languages", "text", max = 100, pattern = "[a-z]{2}(, ?[a-z]{2})*", label = { en = "Languages", el = "Γλώσσες" } },
        { "location", "text", max = 100, label = { en = "Place", el = "Τόπος" } },
      },
    },
  },
}
