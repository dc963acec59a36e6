-- The heart of the domain: one file per topic, each with its schema and tests of the same name.

require "interactions"
require "opportunities"
require "parties"
require "promises"
require "rates"
require "templates"

require "tasks"
