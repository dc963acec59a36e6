-- B1: business units are organisations with the role business_unit: who leads them, who works there, what they owe one another.
return {
  objects = {
    service_level = {
      title = "name", icon = "gauge", track = true,
      label = { en = "Service level", el = "Επίπεδο υπηρεσίας" }, plural = { en = "Service levels", el = "Επίπεδα υπηρεσίας" },
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "What is provided", el = "Τι παρέχεται" } },
        { "provider", "ref", to = "organisation", required = true, on_delete = "cascade", index = true,
          label = { en = "Provider", el = "Πάροχος" } },
        { "receiver", "ref", to = "organisation", required = true, on_delete = "cascade", index = true,
          label = { en = "Receiver", el = "Αποδέκτης" } },
        { "measure", "text", max = 100, label = { en = "Unit of measure", el = "Μονάδα μέτρησης" } },
        { "direction", "enum", default = "at_least", label = { en = "Good is", el = "Καλό είναι" }, of = {
          { "at_least", { en = "At least the target", el = "Τουλάχιστον ο στόχος" } },
          { "at_most", { en = "At most the target", el = "Το πολύ ο στόχος" } } } },
        { "target", "decimal", scale = 2, required = true, label = { en = "Target", el = "Στόχος" } },
        { "starts_on", "date", label = { en = "From", el = "Από" } },
        { "ends_on", "date", label = { en = "Until", el = "Έως" } },
        { "note", "long_text", label = { en = "Note", el = "Σημείωση" } },
      },
      rules = {
        { "two_sides", "provider ~= receiver",
          message = { en = "A service level is between two: choose another receiver.", el = "Το επίπεδο υπηρεσίας αφορά δύο μέρη: επιλέξτε άλλον αποδέκτη." } },
        { "ends_after_start", "ends_on >= starts_on",
          message = { en = "A service level ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    service_measurement = {
      title = "measured_on", icon = "ruler", track = true,
      label = { en = "Measurement", el = "Μέτρηση" }, plural = { en = "Measurements", el = "Μετρήσεις" },
      fields = {
        { "service_level", "ref", to = "service_level", required = true, on_delete = "cascade", index = true,
          label = { en = "Service level", el = "Επίπεδο υπηρεσίας" } },
        { "measured_on", "date", required = true, index = true, label = { en = "Measured on", el = "Ημερομηνία μέτρησης" } },
        { "value", "decimal", scale = 2, required = true, label = { en = "Value", el = "Τιμή" } },
        { "met", "boolean", label = { en = "Target met", el = "Ο στόχος επιτεύχθηκε" },
          computed = "if(service_level.direction == 'at_most', value <= service_level.target, value >= service_level.target)" },
        { "evidence", "long_text", label = { en = "Evidence", el = "Τεκμηρίωση" } },
      },
      indexes = { { "service_level", "measured_on", unique = true } },
    },
  },

  extend = {
    organisation = { fields = {
      { "head", "ref", to = "user", on_delete = "clear", index = true, label = { en = "Head", el = "Προϊστάμενος" } },
      { "staff", "refs", to = "user", label = { en = "Colleagues", el = "Συνεργάτες" } },
      { "cost_centre", "text", max = 40, unique = true, label = { en = "Cost centre", el = "Κέντρο κόστους" } },
    } },
  },
}
