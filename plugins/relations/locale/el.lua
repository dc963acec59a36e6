return {
  -- parties
  ["kind.meeting"] = "συνάντηση", ["kind.call"] = "κλήση", ["kind.email"] = "ηλεκτρονικό μήνυμα", ["kind.message"] = "μήνυμα",
  ["kind.visit"] = "επίσκεψη", ["kind.letter"] = "επιστολή",
  ["knows.interaction"] = "{kind} στις {on}: {subject}",
  ["knows.affiliation"] = "στην επιχείρηση {organisation} την ίδια περίοδο",
  ["knows.affiliation_perhaps"] = "στην επιχείρηση {organisation}, ίσως την ίδια περίοδο: λείπει μια ημερομηνία",
  ["knows.ours"] = "{name}: είναι δικός μας άνθρωπος.",
  ["knows.column_way"] = "Διαδρομή", ["knows.column_who"] = "Ποιος", ["knows.column_knows"] = "γνωρίζει", ["knows.column_why"] = "Γιατί",
  -- templates
  ["letter.to_one"] = "Αξιότιμη κυρία / αξιότιμε κύριε {name},", ["letter.to_all"] = "Αξιότιμες κυρίες, αξιότιμοι κύριοι,",
  ["merge.name"] = "ονοματεπώνυμο", ["merge.given_name"] = "όνομα", ["merge.family_name"] = "επώνυμο",
  ["merge.salutation"] = "προσφώνηση", ["merge.job_title"] = "θέση", ["merge.organisation"] = "οργανισμός",
  ["merge.sender"] = "όνομα αποστολέα", ["merge.our_company"] = "η εταιρεία μας", ["merge.today"] = "σημερινή ημερομηνία",

  -- promises
  ["promise.keep"] = "Τηρήστε την υπόσχεσή μας: {text}",
  ["promise.ask"] = "Ρωτήστε για την υπόσχεσή τους: {text}",
}
