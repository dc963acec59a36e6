-- The heart of the domain (docs: README.md): parties, how they are bound, what was said, what is for sale, what is to be done.
-- Names follow the field: schema.org, vCard (RFC 6350), ISO 3166, ISO 4217, E.164.
return {
  objects = {
    organisation = {
      label = { en = "Organisation", el = "Οργανισμός" }, plural = { en = "Organisations", el = "Οργανισμοί" },
      title = "name", icon = "building", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, index = true,
          label = { en = "Name", el = "Επωνυμία" } },
        { "legal_name", "text", max = 200, search = true, label = { en = "Legal name", el = "Νομική επωνυμία" } },
        { "roles", "enum", many = true,
          of = { "client", "prospect", "supplier", "partner", "competitor", "authority", "employee", "business_unit", "community" },
          label = { en = "Roles", el = "Ρόλοι" } },
        { "industry", "text", max = 100, index = true, label = { en = "Industry", el = "Κλάδος" } },
        { "parent", "ref", to = "organisation", on_delete = "clear", acyclic = true, label = { en = "Parent", el = "Μητρική" } },
        { "year_established", "integer", min = 1000, max = 2200,
          label = { en = "Year established", el = "Έτος ίδρυσης" } },
        { "revenue", "decimal", scale = 2, min = 0,
          label = { en = "Yearly revenue, millions", el = "Ετήσια έσοδα, εκατομμύρια" } },
        { "employees", "integer", min = 0, label = { en = "Employees", el = "Εργαζόμενοι" } },
        { "location", "text", max = 200, label = { en = "Location", el = "Έδρα" } },
        { "country", "country", index = true, label = { en = "Country", el = "Χώρα" } },
        { "website", "url", label = { en = "Website", el = "Ιστότοπος" } },
        { "email", "email", index = true, label = { en = "E-mail", el = "Ηλεκτρονικό ταχυδρομείο" } },
        { "phone", "phone", label = { en = "Phone", el = "Τηλέφωνο" } },
        { "vat_number", "text", format = "vat", unique = true, label = { en = "VAT number", el = "ΑΦΜ/ΦΠΑ" } },
        { "lei", "text", format = "lei", unique = true, label = { en = "LEI", el = "LEI" } },
        { "do_not_contact", "boolean", default = false, label = { en = "Do not contact", el = "Χωρίς επικοινωνία" } },
        { "description", "long_text", search = true, label = { en = "Description", el = "Περιγραφή" } },
      },
    },

    person = {
      path = "people",
      label = { en = "Person", el = "Πρόσωπο" }, plural = { en = "People", el = "Πρόσωπα" },
      title = "name", icon = "user", track = true, subject = "id",
      fields = {
        { "name", "text", required = true, max = 200, search = true, index = true,
          label = { en = "Name", el = "Ονοματεπώνυμο" } },
        { "given_name", "text", max = 100, label = { en = "Given name", el = "Όνομα" } },
        { "family_name", "text", max = 100, index = true, label = { en = "Family name", el = "Επώνυμο" } },
        { "email", "email", class = "pii", index = true, label = { en = "E-mail", el = "Ηλεκτρονικό ταχυδρομείο" } },
        { "phone", "phone", class = "pii", label = { en = "Phone", el = "Τηλέφωνο" } },
        { "language", "language", label = { en = "Language", el = "Γλώσσα" } },
        { "birthday", "date", class = "pii", label = { en = "Birthday", el = "Γενέθλια" } },
        { "do_not_contact", "boolean", default = false, label = { en = "Do not contact", el = "Χωρίς επικοινωνία" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
    },

    affiliation = {
      label = { en = "Affiliation", el = "Ιδιότητα" }, plural = { en = "Affiliations", el = "Ιδιότητες" },
      title = "job_title", icon = "id-badge", track = true,
      fields = {
        { "person", "ref", to = "person", required = true, on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "cascade",
          label = { en = "Organisation", el = "Οργανισμός" } },
        { "job_title", "text", max = 200, label = { en = "Job title", el = "Θέση" } },
        { "reports_to", "ref", to = "person", on_delete = "clear",
          acyclic = { from = "person", within = "organisation", unless = "ended_on" }, label = { en = "Reports to", el = "Αναφέρεται σε" } },
        { "started_on", "date", label = { en = "From", el = "Από" } },
        { "ended_on", "date", label = { en = "Until", el = "Έως" } },
      },
      rules = {
        { "ends_after_start", "ended_on >= started_on",
          message = { en = "An affiliation ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    relationship = {
      label = { en = "Relationship", el = "Σχέση" }, plural = { en = "Relationships", el = "Σχέσεις" },
      title = "kind", icon = "link", track = true,
      fields = {
        { "kind", "enum", required = true,
          of = { "client_of", "supplier_of", "partner_of", "competitor_of", "subsidiary_of", "advises", "regulates", "owns" },
          label = { en = "Kind", el = "Είδος" } },
        { "source", "ref", to = "organisation", required = true, on_delete = "cascade",
          label = { en = "From", el = "Από" } },
        { "target", "ref", to = "organisation", required = true, on_delete = "cascade", label = { en = "To", el = "Προς" } },
        { "share", "decimal", scale = 4, min = 0, max = 100,
          label = { en = "Share, per cent", el = "Ποσοστό" } },
        { "value_at_stake", "money", min = 0, label = { en = "Value at stake", el = "Αξία που διακυβεύεται" } },
        { "started_on", "date", label = { en = "From", el = "Από" } },
        { "ended_on", "date", label = { en = "Until", el = "Έως" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      rules = {
        { "ends_after_start", "ended_on >= started_on",
          message = { en = "A relationship ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
      },
    },

    interaction = {
      label = { en = "Interaction", el = "Επαφή" }, plural = { en = "Interactions", el = "Επαφές" },
      title = "subject", icon = "message", track = true,
      fields = {
        { "kind", "enum", required = true, of = { "meeting", "call", "email", "message", "visit", "note", "letter" },
          label = { en = "Kind", el = "Είδος" } },
        { "subject", "text", required = true, max = 300, search = true, label = { en = "Subject", el = "Θέμα" } },
        { "at", "datetime", required = true, index = true, label = { en = "When", el = "Πότε" } },
        { "people", "refs", to = "person", label = { en = "People", el = "Πρόσωπα" } },
        { "organisations", "refs", to = "organisation", label = { en = "Organisations", el = "Οργανισμοί" } },
        { "outcome", "long_text", search = true, label = { en = "Outcome", el = "Αποτέλεσμα" } },
      },
    },

    product = {
      label = { en = "Product", el = "Προϊόν" }, plural = { en = "Products", el = "Προϊόντα" },
      title = "name", icon = "box", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "series", "text", max = 100, index = true, label = { en = "Series", el = "Σειρά" } },
        { "price", "money", min = 0, label = { en = "Price", el = "Τιμή" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
    },

    opportunity = {
      path = "opportunities",
      label = { en = "Opportunity", el = "Ευκαιρία" }, plural = { en = "Opportunities", el = "Ευκαιρίες" },
      title = "name", icon = "target", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "stage", "enum", required = true, index = true, label = { en = "Stage", el = "Στάδιο" }, of = {
          { "prospecting", { en = "Prospecting", el = "Αναζήτηση" } }, { "engaging", { en = "Engaging", el = "Σε επαφή" } },
          { "won", { en = "Won", el = "Κερδήθηκε" } }, { "lost", { en = "Lost", el = "Χάθηκε" } } } },
        { "organisation", "ref", to = "organisation", on_delete = "restrict", label = { en = "Organisation", el = "Οργανισμός" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "value", "money", min = 0, label = { en = "Value", el = "Αξία" } },
        { "engaged_on", "date", label = { en = "Engaged on", el = "Πρώτη επαφή" } },
        { "closed_on", "date", index = true, label = { en = "Closed on", el = "Κλείσιμο" } },
      },
      states = { field = "stage", initial = "prospecting", moves = {
        prospecting = { "engaging", "lost" }, engaging = { "prospecting", "won", "lost" }, lost = { "engaging" } } },
      indexes = { { "organisation", "-closed_on" } },
      rules = {
        { "closes_after_engaging", "closed_on >= engaged_on",
          message = { en = "An opportunity closes after it was engaged.", el = "Το κλείσιμο έπεται της πρώτης επαφής." } },
      },
    },

    task = {
      label = { en = "Task", el = "Εργασία" }, plural = { en = "Tasks", el = "Εργασίες" },
      title = "title", icon = "check", track = true,
      fields = {
        { "title", "text", required = true, max = 300, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "state", "enum", of = { "open", "done", "dropped" }, index = true, label = { en = "State", el = "Κατάσταση" } },
        { "due", "date", index = true, label = { en = "Due", el = "Προθεσμία" } },
        { "organisation", "ref", to = "organisation", on_delete = "clear", label = { en = "Organisation", el = "Οργανισμός" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "cascade", label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      states = { field = "state", initial = "open", moves = {
        open = { "done", "dropped" }, done = { "open" }, dropped = { "open" } } },
      indexes = { { "owner", "due" } },
    },
  },
}
