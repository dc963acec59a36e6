-- Proposals: what is offered at what price, who must agree before it leaves, and what the client said.
return {
  objects = {
    proposal = {
      label = { en = "Proposal", el = "Προσφορά" }, plural = { en = "Proposals", el = "Προσφορές" },
      title = "name", icon = "file-offer", track = true,
      fields = {
        { "name", "text", required = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "organisation", "ref", to = "organisation", required = true, on_delete = "restrict",
          label = { en = "Client", el = "Πελάτης" } },
        { "opportunity", "ref", to = "opportunity", on_delete = "clear", label = { en = "Opportunity", el = "Ευκαιρία" } },
        { "currency", "text", required = true, pattern = "[A-Z]{3}", label = { en = "Currency", el = "Νόμισμα" } },
        { "valid_until", "date", required = true, index = true, label = { en = "Valid until", el = "Ισχύει έως" } },
        { "text", "long_text", label = { en = "Text", el = "Κείμενο" } },
        { "stage", "enum", index = true, label = { en = "Stage", el = "Στάδιο" }, of = {
          { "draft", { en = "Draft", el = "Σχέδιο" } }, { "in_approval", { en = "In approval", el = "Προς έγκριση" } },
          { "approved", { en = "Approved", el = "Εγκρίθηκε" } }, { "sent", { en = "Sent", el = "Εστάλη" } },
          { "accepted", { en = "Accepted", el = "Έγινε δεκτή" } }, { "declined", { en = "Declined", el = "Απορρίφθηκε" } },
          { "expired", { en = "Expired", el = "Έληξε" } } } },
        { "revision", "integer", default = 1, min = 1, label = { en = "Version", el = "Έκδοση" } },
        -- Kept by the plugin, from the lines.
        { "total", "money", min = 0, label = { en = "Total", el = "Σύνολο" } },
        { "discount_most", "decimal", scale = 2, min = 0, max = 100, label = { en = "Highest discount, %", el = "Μέγιστη έκπτωση, %" } },
        { "asked_by", "ref", to = "user", on_delete = "clear", label = { en = "Approval asked by", el = "Έγκριση ζητήθηκε από" } },
        { "note", "text", max = 500, label = { en = "Note of the approval", el = "Σημείωση έγκρισης" } },
        { "contract", "ref", to = "contract", on_delete = "clear", label = { en = "Contract", el = "Σύμβαση" } },
      },
      states = { field = "stage", initial = "draft", moves = {
        draft = { "in_approval" }, in_approval = { "approved", "draft" }, approved = { "sent", "draft", "expired" },
        sent = { "accepted", "declined", "expired" }, declined = { "draft" }, expired = { "draft" } } },
      indexes = { { "organisation", "-valid_until" }, { "stage", "valid_until" } },
    },

    proposal_line = {
      label = { en = "Line of a proposal", el = "Γραμμή προσφοράς" }, plural = { en = "Lines of proposals", el = "Γραμμές προσφορών" },
      title = "description", icon = "list", track = true,
      fields = {
        { "proposal", "ref", to = "proposal", required = true, on_delete = "cascade", label = { en = "Proposal", el = "Προσφορά" } },
        { "product", "ref", to = "product", on_delete = "restrict", label = { en = "Product", el = "Προϊόν" } },
        { "description", "text", required = true, max = 300, label = { en = "Description", el = "Περιγραφή" } },
        { "quantity", "decimal", scale = 3, required = true, min = 0, max = 1000000, label = { en = "Quantity", el = "Ποσότητα" } },
        { "unit_price", "money", required = true, min = 0, label = { en = "Unit price", el = "Τιμή μονάδας" } },
        { "discount", "decimal", scale = 2, default = 0, min = 0, max = 100, label = { en = "Discount, %", el = "Έκπτωση, %" } },
      },
    },

    approval_rule = {
      label = { en = "Rule of approval", el = "Κανόνας έγκρισης" }, plural = { en = "Rules of approval", el = "Κανόνες έγκρισης" },
      title = "name", icon = "shield", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, label = { en = "Name", el = "Όνομα" } },
        { "from_value", "money", min = 0, label = { en = "From this total", el = "Από αυτό το σύνολο" } },
        { "from_discount", "decimal", scale = 2, min = 0, max = 100, label = { en = "From this discount, %", el = "Από αυτή την έκπτωση, %" } },
        { "role", "text", required = true, max = 80, label = { en = "Role that decides", el = "Ρόλος που αποφασίζει" } },
        { "quorum", "integer", default = 1, min = 1, max = 10, label = { en = "Approvals needed", el = "Εγκρίσεις που χρειάζονται" } },
        { "active", "boolean", default = true, label = { en = "Active", el = "Ενεργός" } },
      },
      rules = {
        { "says_when", "not is_null(from_value) or not is_null(from_discount)",
          message = { en = "A rule says from which total or discount it applies.", el = "Ο κανόνας λέει από ποιο σύνολο ή έκπτωση ισχύει." } },
      },
    },
  },
}
