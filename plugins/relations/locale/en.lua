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
  -- obligations
  obligations_task_us = "{title}",
  obligations_task_them = "See that they do it: {title}",
  -- contracts: the notice, step by step
  notice_term = "The term ends on {day}, that day included.",
  notice_open_ended = "The contract has no end.",
  notice_no_end = "The last day is not known.",
  notice_unknown = "The notice period is not known.",
  notice_months = { one = "The notice is a month.", other = "The notice is {count} months." },
  notice_days = { one = "The notice is a day.", other = "The notice is {count} days." },
  notice_last = "{ends} less the notice is {day}: the last day to give it.",
  notice_last_cut = "{ends} less the notice is {day}, the last day of its month: the last day to give it.",
  notice_business_day = "{day} is a business day.",
  notice_business_day_before = "{day} is no business day; the last one before it is {before}.",
  notice_left = { one = "Today is {day}: one day is left.", other = "Today is {day}: {count} days are left." },
  notice_passed = { one = "Today is {day}: it passed yesterday.", other = "Today is {day}: it passed {count} days ago." },
  notice_clause = "Without notice it renews itself for {count} months, until {day}.",
  notice_clause_none = "It does not renew itself.",
  notice_clause_used_up = "It has renewed itself as often as it may ({count}) and ends.",
  notice_clause_unknown = "Whether it renews itself is not known: read the contract.",
  notice_next = "The next chance to give notice is until {day}.",
  notice_opens = "The renewal opens on {day}, {count} days before the last day of notice.",
  notice_opens_end = "The renewal opens on {day}, {count} days before the term ends.",
  notice_head_trap = "Will renew for {count} months, until {day}, unless notice is given by {last}.",
  notice_head_trap_shut = "Notice was possible until {last}: it will renew for {count} months, until {day}. The next chance is {next}.",
  notice_head_ends = "Ends on {ends}, unless somebody renews it.",
  notice_head_clause_unknown = "Ends or renews on {ends}: whether it renews itself is not known. Notice is possible until {last}.",
  notice_head_unknown = "The term ends on {ends}; until when notice may be given is not known.",
  notice_head_no_end = "Neither the last day nor the day of notice is known.",
  notice_head_none = "No term runs: nothing is to be decided.",
  notice_head_given = "Notice was given: it ends on {ends}.",
  notice_head_over = "The term ended on {ends}, and nobody said what came after.",
  -- renewals
  renewals_version = "Renewed: ends on {to} instead of {from}",
  renewals_task_notice = "Decide on {name}: the last day to give notice is {day}",
  renewals_task_end = "Decide on {name}: it ends on {day}; the notice is not known",
  renewals_task_missed = "The last day to give notice has passed for {name}: it renews until {day}",
  -- expertise
  ["experts.name"] = "Who", ["experts.skill"] = "Skill", ["experts.level"] = "Level", ["experts.free_hours"] = "Free hours",
  ["experts.open_tasks"] = "Open tasks", ["experts.away_until"] = "Away until",
  -- development
  ["task.certificate"] = "Renew the certificate: {name}",
  -- guidance
  ["guidance.low"] = "low confidence: ask before you rely on it", ["guidance.medium"] = "medium confidence: check the source",
  ["guidance.stale"] = "was to be looked at again on {on}", ["task.guidance"] = "Is this still so? {title}",
  ["guidance.column_title"] = "Rule", ["guidance.column_citation"] = "Citation", ["guidance.column_effective_from"] = "From",
  ["guidance.column_effective_to"] = "Until", ["guidance.column_confidence"] = "Confidence", ["guidance.column_caution"] = "Caution",
  -- handover
  ["task.handover_return"] = "Give back what was handed over", ["task.handover_late"] = "New work came to who is gone: hand it over, too",
}
