return { objects = { note = { fields = {
  { "text", "text", required = true, search = true },
  { "about", "ref", to = "organisation" },
  { "kind", "enum", of = { "call", "visit" }, default = "call" },
  { "worth", "money" },
  { "tags", "enum", many = true, of = { "warm", "cold" } },
} } } }
