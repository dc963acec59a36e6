local stages <const> = { "draft", "signed" }
return { objects = { contract = { title = "name", fields = {
  { "name", "text", required = true, max = 200 },
  { "stage", "enum", of = stages }, },
  states = { field = "stage", initial = "draft", moves = { draft = { { "signed", four_eyes = true } } } } } } }
