-- One file per topic, each with its schema and tests of the same name.
require "budgets"
require "budget_report"
require "units"
require "notices"
require "threads"
require "standards"
require "supply"
require "authorities"
