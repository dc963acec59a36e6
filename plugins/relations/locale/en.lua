return {
  -- parties
  ["kind.meeting"] = "meeting", ["kind.call"] = "call", ["kind.email"] = "e-mail", ["kind.message"] = "message",
  ["kind.visit"] = "visit", ["kind.letter"] = "letter",
  ["knows.interaction"] = "{kind} on {on}: {subject}",
  ["knows.affiliation"] = "at {organisation} at the same time",
  ["knows.affiliation_perhaps"] = "at {organisation}, perhaps at the same time: a date is unknown",
}
