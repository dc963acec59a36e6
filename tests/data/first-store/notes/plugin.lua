return {
  name = "notes", version = "1.0.0", api = 1,
  can = { read = { "organisation" }, write = { "note" } },
}
