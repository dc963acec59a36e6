-- What is for sale and for how much: price lists with their time, currency and client (C8).
return {
  objects = {
    price_list = {
      label = { en = "Price list", el = "Τιμοκατάλογος" }, plural = { en = "Price lists", el = "Τιμοκατάλογοι" },
      title = "name", icon = "list", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "currency", "text", required = true, pattern = "[A-Z][A-Z][A-Z]", index = true, label = { en = "Currency", el = "Νόμισμα" } },
        { "organisation", "ref", to = "organisation", on_delete = "cascade", label = { en = "For the client", el = "Για τον πελάτη" } },
        { "valid_from", "date", required = true, index = true, label = { en = "Valid from", el = "Ισχύει από" } },
        { "valid_until", "date", label = { en = "Valid until", el = "Ισχύει έως" } },
      },
      rules = {
        { "ends_after_start", "valid_until >= valid_from",
          message = { en = "A price list ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    price = {
      label = { en = "Price", el = "Τιμή" }, plural = { en = "Prices", el = "Τιμές" },
      title = "unit_price", icon = "tag", track = true,
      fields = {
        { "price_list", "ref", to = "price_list", required = true, on_delete = "cascade", label = { en = "Price list", el = "Τιμοκατάλογος" } },
        { "product", "ref", to = "product", required = true, on_delete = "cascade", label = { en = "Product", el = "Προϊόν" } },
        { "unit_price", "money", required = true, min = 0, label = { en = "Unit price", el = "Τιμή μονάδας" } },
        { "min_quantity", "integer", default = 1, min = 1, label = { en = "From the quantity", el = "Από ποσότητα" } },
      },
      indexes = { { "price_list", "product", "min_quantity", unique = true }, { "product", "price_list" } },
    },
  },

  extend = {
    product = { fields = {
      { "sku", "text", unique = true, max = 60, label = { en = "Article number", el = "Κωδικός είδους" } },
      { "unit_code", "text", max = 3, pattern = "[A-Z0-9]+", label = { en = "Unit (UN/ECE 20)", el = "Μονάδα (UN/ECE 20)" } },
      { "tax_percent", "decimal", scale = 2, min = 0, max = 100, label = { en = "VAT, per cent", el = "ΦΠΑ, τοις εκατό" } },
    } },
  },
}
