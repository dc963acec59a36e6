return {
  -- parties
  ["kind.meeting"] = "meeting", ["kind.call"] = "call", ["kind.email"] = "e-mail", ["kind.message"] = "message",
  ["kind.visit"] = "visit", ["kind.letter"] = "letter",
  ["knows.interaction"] = "{kind} on {on}: {subject}",
  ["knows.affiliation"] = "at {organisation} at the same time",
  ["knows.affiliation_perhaps"] = "at {organisation}, perhaps at the same time: a date is unknown",
  ["knows.ours"] = "{name} is one of ours.",
  ["knows.column_way"] = "Way", ["knows.column_who"] = "Who", ["knows.column_knows"] = "knows", ["knows.column_why"] = "Why",
  -- templates
  ["letter.to_one"] = "Dear {name},", ["letter.to_all"] = "Dear Sir or Madam,",
  ["merge.name"] = "name", ["merge.given_name"] = "given name", ["merge.family_name"] = "family name",
  ["merge.salutation"] = "salutation", ["merge.job_title"] = "job title", ["merge.organisation"] = "organisation",
  ["merge.sender"] = "sender's name", ["merge.our_company"] = "our company", ["merge.today"] = "today's date",

  -- promises
  ["promise.keep"] = "Keep our promise: {text}",
  ["promise.ask"] = "Ask after their promise: {text}",
}
