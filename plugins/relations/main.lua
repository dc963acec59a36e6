-- The heart of the domain: one file per topic, each with its schema and tests of the same name.

require "opportunities"
require "parties"
require "rates"
require "templates"
