-- C4: what was seen in an industry, whom of ours it touches, who was told, and what they did.
return {
  objects = {
    trend = {
      label = { en = "Trend", el = "Τάση" }, plural = { en = "Trends", el = "Τάσεις" },
      title = "title", icon = "trending-up", track = true,
      fields = {
        { "title", "text", required = true, max = 200, search = true, label = { en = "Title", el = "Τίτλος" } },
        { "observation", "long_text", search = true, label = { en = "Observation", el = "Παρατήρηση" } },
        { "source", "text", required = true, max = 300, label = { en = "Source", el = "Πηγή" } },
        { "source_url", "url", label = { en = "Source's address", el = "Διεύθυνση πηγής" } },
        { "observed_on", "date", required = true, index = true, label = { en = "Observed on", el = "Παρατηρήθηκε στις" } },
        { "confidence", "enum", label = { en = "Confidence", el = "Βεβαιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "medium", { en = "Medium", el = "Μέτρια" } }, { "high", { en = "High", el = "Υψηλή" } } } },
        { "effect", "enum", label = { en = "Effect", el = "Επίδραση" }, of = {
          { "opportunity", { en = "Opportunity", el = "Ευκαιρία" } }, { "threat", { en = "Threat", el = "Απειλή" } } } },
        { "products", "refs", to = "product", label = { en = "Products", el = "Προϊόντα" } },
      },
      rules = {
        { "seen_already", "observed_on <= today()", message = {
          en = "A trend was observed on a day that has come.", el = "Η παρατήρηση έχει ήδη γίνει." } },
      },
    },

    trend_industry = {
      path = "trend_industries",
      label = { en = "Industry of a trend", el = "Κλάδος τάσης" }, plural = { en = "Industries of trends", el = "Κλάδοι τάσεων" },
      title = "industry",
      fields = {
        { "trend", "ref", to = "trend", required = true, on_delete = "cascade", label = { en = "Trend", el = "Τάση" } },
        { "industry", "text", required = true, max = 100, index = true, label = { en = "Industry", el = "Κλάδος" } },
      },
      indexes = { { "trend", "industry", unique = true } },
    },

    trend_handover = {
      label = { en = "Hand-over of a trend", el = "Παράδοση τάσης" }, plural = { en = "Hand-overs of trends", el = "Παραδόσεις τάσεων" },
      title = "note", icon = "send", track = true,
      fields = {
        { "trend", "ref", to = "trend", required = true, on_delete = "cascade", label = { en = "Trend", el = "Τάση" } },
        { "audience", "enum", required = true, label = { en = "To whom", el = "Προς" }, of = {
          { "product", { en = "Product", el = "Προϊόντα" } }, { "sales", { en = "Sales", el = "Πωλήσεις" } } } },
        { "receiver", "ref", to = "user", required = true, on_delete = "restrict", index = true,
          label = { en = "Receiver", el = "Παραλήπτης" } },
        { "note", "long_text", label = { en = "Note", el = "Σημείωμα" } },
        { "handed_on", "date", index = true, label = { en = "Handed over on", el = "Παραδόθηκε στις" } },
        { "state", "enum", index = true, label = { en = "State", el = "Κατάσταση" }, of = {
          { "sent", { en = "Sent", el = "Εστάλη" } }, { "acknowledged", { en = "Acknowledged", el = "Ελήφθη υπόψη" } },
          { "acted", { en = "Acted upon", el = "Έγινε ενέργεια" } }, { "declined", { en = "Nothing to do", el = "Χωρίς ενέργεια" } } } },
        { "acknowledged_on", "date", label = { en = "Acknowledged on", el = "Ελήφθη υπόψη στις" } },
        { "action", "long_text", label = { en = "What they did", el = "Τι έκαναν" } },
        { "acted_on", "date", label = { en = "Acted on", el = "Ενέργεια στις" } },
      },
      states = { field = "state", initial = "sent", moves = {
        sent = { "acknowledged" }, acknowledged = { "acted", "declined" }, declined = { "acknowledged" } } },
      indexes = { { "trend", "audience", "receiver", unique = true } },
      rules = {
        { "says_what", "not (state in ['acted', 'declined']) or not is_null(action)", message = {
          en = "Say in `action` what was done, or why nothing.", el = "Γράψτε στο `action` τι έγινε, ή γιατί τίποτε." } },
      },
    },
  },
  extend = {
    sales_handover = { fields = {
      { "trend", "ref", to = "trend", on_delete = "clear", label = { en = "Trend", el = "Τάση" } },
      { "trend_key", "text", unique = true, max = 60, label = { en = "Trend and client", el = "Τάση και πελάτης" } } } },
    task = { fields = {
      { "trend_handover", "ref", to = "trend_handover", on_delete = "cascade", label = { en = "Hand-over of a trend", el = "Παράδοση τάσης" } } } },
  },
}
