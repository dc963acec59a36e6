return {
  -- stakeholders
  role_primary_decision_maker = "κύριος λήπτης αποφάσεων",
  role_business_decision_maker = "επιχειρησιακός λήπτης αποφάσεων",
  role_technical_decision_maker = "τεχνικός λήπτης αποφάσεων",
  role_business_evaluator = "επιχειρησιακός αξιολογητής",
  role_technical_evaluator = "τεχνικός αξιολογητής",
  role_executive_sponsor = "χορηγός από τη διοίκηση",
  role_influencer = "επηρεάζει",
  role_other = "άλλο",
  gap_single_threaded = "μόνο {people} από {wanted} πρόσωπα με επικοινωνία τις τελευταίες {days} ημέρες",
  gap_no_contact = "καμία επικοινωνία με {who} εδώ και {days} ημέρες",
  gap_no_contact_ever = "καμία καταγεγραμμένη επικοινωνία με {who}",
  gap_champion_left = "ο υποστηρικτής μας {who} έφυγε",
  gap_role_missing = "δεν είναι γνωστό ποιος έχει τον ρόλο: {role}",
  task_gap = "{name}: {gap}",
  -- plans, value
  task_plan_review = "Επανεξέταση του πλάνου: {name}",
  task_value_result = "Μέτρηση του αποτελέσματος: {name}",
}
