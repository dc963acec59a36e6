return {
  -- stakeholders
  role_primary_decision_maker = "primary decision maker",
  role_business_decision_maker = "business decision maker",
  role_technical_decision_maker = "technical decision maker",
  role_business_evaluator = "business evaluator",
  role_technical_evaluator = "technical evaluator",
  role_executive_sponsor = "executive sponsor",
  role_influencer = "influencer",
  role_other = "other",
  gap_single_threaded = "only {people} of {wanted} people in contact during the last {days} days",
  gap_no_contact = "no contact with {who} for {days} days",
  gap_no_contact_ever = "no contact with {who} on record",
  gap_champion_left = "our champion {who} has left",
  gap_role_missing = "nobody is known as {role}",
  task_gap = "{name}: {gap}",
  -- plans, value
  task_plan_review = "Review the plan: {name}",
  task_value_result = "Measure what came of it: {name}",
}
