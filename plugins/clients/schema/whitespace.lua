-- T9: what each client has of ours: kept by what is won, and by hand for what was sold before.
return {
  objects = {
    owned_product = {
      label = { en = "Product owned", el = "Προϊόν πελάτη" }, plural = { en = "Products owned", el = "Προϊόντα πελατών" },
      title = "since", icon = "package", track = true,
      fields = {
        { "organisation", "ref", to = "organisation", required = true, on_delete = "cascade", label = { en = "Organisation", el = "Οργανισμός" } },
        { "product", "ref", to = "product", required = true, on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "since", "date", label = { en = "Since", el = "Από" } },
        { "until", "date", index = true, label = { en = "Until", el = "Έως" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", label = { en = "Sold by", el = "Πουλήθηκε με" } },
      },
      indexes = { { "organisation", "product", unique = true }, { "product", "organisation" } },
      rules = {
        { "until_after_since", "until >= since", message = { en = "It is given up after it was bought.", el = "Η λήξη έπεται της αγοράς." } },
      },
    },
  },
}
