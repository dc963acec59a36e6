-- T3: a new product, whom it is presented to and why, and what came of it.
return {
  objects = {
    launch = {
      path = "launches",
      label = { en = "Product launch", el = "Παρουσίαση προϊόντος" }, plural = { en = "Product launches", el = "Παρουσιάσεις προϊόντων" },
      title = "name", icon = "gift", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "product", "ref", to = "product", required = true, on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "starts_on", "date", required = true, label = { en = "Starts on", el = "Έναρξη" } },
        { "ends_on", "date", label = { en = "Ends on", el = "Λήξη" } },
        { "pitch", "long_text", label = { en = "What it is good for", el = "Σε τι ωφελεί" } },
        { "owns", "ref", to = "product", on_delete = "clear", label = { en = "For those who have", el = "Για όσους έχουν" } },
        { "industry", "text", max = 100, label = { en = "Only this industry", el = "Μόνο αυτός ο κλάδος" } },
        { "country", "country", label = { en = "Only this country", el = "Μόνο αυτή η χώρα" } },
        { "role", "enum", label = { en = "Only organisations that are", el = "Μόνο οργανισμοί που είναι" }, of = {
          { "client", { en = "Client", el = "Πελάτης" } }, { "prospect", { en = "Prospect", el = "Υποψήφιος πελάτης" } },
          { "partner", { en = "Partner", el = "Συνεργάτης" } } } },
        { "follow_up_days", "integer", default = 14, min = 0, max = 365,
          label = { en = "Follow-up within days", el = "Επικοινωνία εντός ημερών" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "planned", { en = "Planned", el = "Προγραμματισμένη" } }, { "running", { en = "Running", el = "Σε εξέλιξη" } },
          { "closed", { en = "Closed", el = "Έκλεισε" } } } },
      },
      states = { field = "state", initial = "planned", moves = { planned = { "running", "closed" }, running = { "closed" } } },
      rules = { { "ends_after_start", "ends_on >= starts_on",
        message = { en = "A launch ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } } },
    },
    launch_target = {
      label = { en = "Presented to", el = "Παρουσιάζεται σε" }, plural = { en = "Presented to", el = "Παρουσιάζεται σε" },
      title = "organisation", icon = "target", track = true,
      fields = {
        { "launch", "ref", to = "launch", required = true, on_delete = "cascade", label = { en = "Launch", el = "Παρουσίαση" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "cascade", label = { en = "Organisation", el = "Οργανισμός" } },
        { "reason", "text", max = 500, label = { en = "Why them", el = "Γιατί σε αυτούς" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "chosen", { en = "Chosen", el = "Επιλέχθηκε" } }, { "presented", { en = "Presented", el = "Παρουσιάστηκε" } },
          { "interested", { en = "Interested", el = "Ενδιαφέρεται" } }, { "declined", { en = "Declined", el = "Αρνήθηκε" } } } },
        { "outcome", "long_text", label = { en = "What they said", el = "Τι είπαν" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", label = { en = "Opportunity", el = "Ευκαιρία" } },
      },
      states = { field = "state", initial = "chosen", moves = { chosen = { "presented", "interested", "declined" },
        presented = { "interested", "declined" }, declined = { "interested" } } },
      indexes = { { "launch", "organisation", unique = true } },
    },
  },
  extend = {
    task = { fields = { { "launch_target", "ref", to = "launch_target", on_delete = "cascade",
      label = { en = "Presentation", el = "Παρουσίαση" } } } },
  },
}
