-- The heart of the domain: one file per topic, each with its schema and tests of the same name.

require "interactions"
require "contracts"
require "obligations"
require "opportunities"
require "parties"
require "promises"
require "rates"
require "templates"

require "tasks"
require "renewal_views"
