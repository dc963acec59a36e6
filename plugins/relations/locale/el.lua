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
  -- obligations
  obligations_task_us = "{title}",
  obligations_task_them = "Φροντίστε να γίνει από εκείνους: {title}",
  -- contracts: the notice, step by step
  notice_term = "Η διάρκεια λήγει στις {day}, με την ημέρα αυτή.",
  notice_open_ended = "Η σύμβαση είναι αορίστου χρόνου.",
  notice_no_end = "Η τελευταία ημέρα είναι άγνωστη.",
  notice_unknown = "Ο χρόνος προειδοποίησης είναι άγνωστος.",
  notice_months = { one = "Η προειδοποίηση είναι ένας μήνας.", other = "Η προειδοποίηση είναι {count} μήνες." },
  notice_days = { one = "Η προειδοποίηση είναι μία ημέρα.", other = "Η προειδοποίηση είναι {count} ημέρες." },
  notice_last = "{ends} μείον την προειδοποίηση: {day}, η τελευταία ημέρα καταγγελίας.",
  notice_last_cut = "{ends} μείον την προειδοποίηση: {day}, η τελευταία του μήνα και η τελευταία ημέρα καταγγελίας.",
  notice_business_day = "{day}: εργάσιμη ημέρα.",
  notice_business_day_before = "{day}: μη εργάσιμη· η τελευταία εργάσιμη πριν είναι {before}.",
  notice_left = { one = "Σήμερα είναι {day}: μένει μία ημέρα.", other = "Σήμερα είναι {day}: μένουν {count} ημέρες." },
  notice_passed = { one = "Σήμερα είναι {day}: πέρασε χθες.", other = "Σήμερα είναι {day}: πέρασε πριν από {count} ημέρες." },
  notice_clause = "Χωρίς καταγγελία ανανεώνεται μόνη της για {count} μήνες, έως {day}.",
  notice_clause_none = "Δεν ανανεώνεται μόνη της.",
  notice_clause_used_up = "Ανανεώθηκε όσες φορές μπορεί ({count}) και λήγει.",
  notice_clause_unknown = "Άγνωστο αν ανανεώνεται μόνη της: διαβάστε τη σύμβαση.",
  notice_next = "Η επόμενη ευκαιρία καταγγελίας είναι έως {day}.",
  notice_opens = "Η ανανέωση ανοίγει στις {day}, {count} ημέρες πριν την τελευταία ημέρα καταγγελίας.",
  notice_opens_end = "Η ανανέωση ανοίγει στις {day}, {count} ημέρες πριν τη λήξη.",
  notice_head_trap = "Θα ανανεωθεί για {count} μήνες, έως {day}, αν δεν καταγγελθεί έως {last}.",
  notice_head_trap_shut = "Καταγγελία ήταν δυνατή έως {last}: θα ανανεωθεί για {count} μήνες, έως {day}. Επόμενη ευκαιρία: {next}.",
  notice_head_ends = "Λήγει στις {ends}, αν κανείς δεν την ανανεώσει.",
  notice_head_clause_unknown = "Λήγει ή ανανεώνεται στις {ends}: άγνωστο αν ανανεώνεται μόνη της. Καταγγελία έως {last}.",
  notice_head_unknown = "Η διάρκεια λήγει στις {ends}· άγνωστο έως πότε καταγγέλλεται.",
  notice_head_no_end = "Άγνωστες η τελευταία ημέρα και η ημέρα καταγγελίας.",
  notice_head_none = "Δεν τρέχει διάρκεια: δεν υπάρχει κάτι να αποφασιστεί.",
  notice_head_given = "Καταγγέλθηκε: λήγει στις {ends}.",
  notice_head_over = "Η διάρκεια έληξε στις {ends} και κανείς δεν είπε τι ακολουθεί.",
  -- renewals
  renewals_version = "Ανανέωση: λήγει στις {to} αντί {from}",
  renewals_task_notice = "Αποφασίστε για τη σύμβαση {name}: τελευταία ημέρα καταγγελίας {day}",
  renewals_task_end = "Αποφασίστε για τη σύμβαση {name}: λήγει στις {day}· η προειδοποίηση είναι άγνωστη",
  renewals_task_missed = "Πέρασε η τελευταία ημέρα καταγγελίας της σύμβασης {name}: ανανεώνεται έως {day}",
  -- expertise
  ["experts.name"] = "Ποιος", ["experts.skill"] = "Δεξιότητα", ["experts.level"] = "Επίπεδο", ["experts.free_hours"] = "Ελεύθερες ώρες",
  ["experts.open_tasks"] = "Ανοικτές εργασίες", ["experts.away_until"] = "Απουσιάζει έως",
  -- development
  ["task.certificate"] = "Ανανέωση πιστοποιητικού: {name}",
  -- guidance
  ["guidance.low"] = "χαμηλή βεβαιότητα: ρωτήστε πριν βασιστείτε", ["guidance.medium"] = "μέτρια βεβαιότητα: ελέγξτε την πηγή",
  ["guidance.stale"] = "έπρεπε να επανελεγχθεί στις {on}", ["task.guidance"] = "Ισχύει ακόμη; {title}",
  ["guidance.column_title"] = "Κανόνας", ["guidance.column_citation"] = "Παραπομπή", ["guidance.column_effective_from"] = "Από",
  ["guidance.column_effective_to"] = "Έως", ["guidance.column_confidence"] = "Βεβαιότητα", ["guidance.column_caution"] = "Προσοχή",
  -- handover
  ["task.handover_return"] = "Επιστροφή όσων παραδόθηκαν", ["task.handover_late"] = "Νέες εκκρεμότητες σε όποιον λείπει: παράδοσέ τις κι αυτές",
}
