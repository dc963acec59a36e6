-- What a manager does for clients: one file per topic, each with its schema and tests of the same name.
require "stakeholders"
require "needs"
require "plans"
require "value"
require "pipeline"
require "forecast"
require "whitespace"
