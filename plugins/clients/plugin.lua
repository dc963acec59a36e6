return {
  name = "clients", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = { en = "Clients", el = "Πελάτες" },
  requires = { relations = "^1.0" },
  can = {
    read = {},
    write = {},
  },
  config = {
    { "zone", "text", default = "Europe/Athens", label = { en = "Time zone", el = "Ζώνη ώρας" } },
    { "calendar", "text", default = "GR", label = { en = "Working calendar", el = "Ημερολόγιο εργασίας" } },
    { "base_currency", "text", default = "EUR", label = { en = "Base currency", el = "Βασικό νόμισμα" } },
  },
  uninstall = "keep",
}
