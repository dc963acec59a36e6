-- What goes with a manager's work, in the order in which it is shown. With a filter only that part goes: what is over stays with
-- who did it. A type that is not installed is passed over. Names of other plugins' types may be added here.
local NOW <const> = "now"

return {
  NOW = NOW,
  { "relationship" }, { "organisation" }, { "person" }, { "affiliation" }, { "contact_point" },
  { "task", { state = "open" } }, { "promise", { state = { "in", { "open", "overdue" } } } },
  { "interaction", { at = { "ge", NOW } } },
  { "opportunity", { stage = { "in", { "prospecting", "engaging" } } } },
  { "contract" }, { "contract_obligation" }, { "contract_signatory" }, { "contract_version" }, { "renewal" },
  { "product" }, { "template" }, { "guidance" }, { "questionnaire" },
  { "account_plan" }, { "plan_objective" }, { "plan_measure" }, { "need" }, { "stakeholder" }, { "value_proposition" },
  { "case" }, { "answer" }, { "mediation" }, { "entitlement" }, { "service_plan" }, { "service_visit" }, { "training_session" },
  { "sales_order" }, { "invoice", { status = "draft" } }, { "entitlement_period" }, { "coverage_gap" }, { "sales_handover" },
  { "owned_product" }, { "proposal" }, { "competitor_presence" }, { "competitor_strategy" },
  { "trend" }, { "trend_handover" }, { "playbook" }, { "playbook_run" }, { "target" }, { "planning_round" },
  { "prospect_list" }, { "prospect" }, { "outreach_sequence" }, { "outreach_step" }, { "outreach", { state = "running" } },
  { "launch" }, { "launch_target" },
  { "notice" }, { "standard" }, { "standard_exception" }, { "budget" }, { "commitment" }, { "outsourced_function" }, { "exit_step" },
  { "supply_source" }, { "material" }, { "delivery" }, { "scorecard" }, { "service_level" }, { "negotiation" },
  { "negotiation_issue" }, { "problem" }, { "root_cause" }, { "corrective_action" }, { "authority_duty" },
  { "filing" }, { "permit" }, { "consultation" },
  { "public_commitment" }, { "community_event" }, { "reputation_entry" }, { "spokesperson" },
}
