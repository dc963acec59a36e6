return {
  -- parties
  ["kind.meeting"] = "συνάντηση", ["kind.call"] = "κλήση", ["kind.email"] = "ηλεκτρονικό μήνυμα", ["kind.message"] = "μήνυμα",
  ["kind.visit"] = "επίσκεψη", ["kind.letter"] = "επιστολή",
  ["knows.interaction"] = "{kind} στις {on}: {subject}",
  ["knows.affiliation"] = "στην επιχείρηση {organisation} την ίδια περίοδο",
  ["knows.affiliation_perhaps"] = "στην επιχείρηση {organisation}, ίσως την ίδια περίοδο: λείπει μια ημερομηνία",
}
