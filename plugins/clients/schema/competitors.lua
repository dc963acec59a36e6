-- C6 T7: where competitors are present and how we know, what they are up to, and against whom we win and lose.
return {
  objects = {
    competitor_presence = {
      label = { en = "Competitor's presence", el = "Παρουσία ανταγωνιστή" },
      plural = { en = "Competitors' presences", el = "Παρουσίες ανταγωνιστών" },
      title = "source", icon = "crosshair", track = true,
      fields = {
        { "competitor", "ref", to = "organisation", required = true, on_delete = "cascade", index = true,
          label = { en = "Competitor", el = "Ανταγωνιστής" } },
        { "client", "ref", to = "organisation", on_delete = "cascade", index = true, label = { en = "At the client", el = "Στον πελάτη" } },
        { "product", "ref", to = "product", on_delete = "cascade", index = true,
          label = { en = "Against the product", el = "Απέναντι στο προϊόν" } },
        { "territory", "text", max = 100, index = true,
          label = { en = "In the territory (country or place)", el = "Στην περιοχή (χώρα ή τόπος)" } },
        { "strength", "integer", min = 1, max = 5, label = { en = "Strength (1 to 5)", el = "Ισχύς (1 έως 5)" } },
        { "source", "text", required = true, max = 300, label = { en = "Source", el = "Πηγή" } },
        { "source_url", "url", label = { en = "Source's address", el = "Διεύθυνση πηγής" } },
        { "confidence", "enum", required = true, label = { en = "Confidence", el = "Βεβαιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "medium", { en = "Medium", el = "Μέτρια" } },
          { "high", { en = "High", el = "Υψηλή" } } } },
        { "noted_on", "date", required = true, label = { en = "Noted on", el = "Σημειώθηκε την" } },
        { "expires_on", "date", required = true, index = true, label = { en = "Holds until", el = "Ισχύει έως" } },
      },
      indexes = { { "client", "-expires_on" }, { "competitor", "-expires_on" } },
      rules = {
        { "at_one_place", "if(is_null(client), 0, 1) + if(is_null(product), 0, 1) + if(is_null(territory), 0, 1) == 1",
          message = { en = "A presence is at one client, against one product or in one territory: name one of the three.",
            el = "Η παρουσία είναι σε έναν πελάτη, απέναντι σε ένα προϊόν ή σε μία περιοχή: ορίστε ένα από τα τρία." } },
        { "expires_after_noted", "expires_on > noted_on",
          message = { en = "What was noted holds for some time: it expires later.", el = "Η λήξη έπεται της σημείωσης." } },
        { "not_at_itself", "client ~= competitor",
          message = { en = "A competitor is not his own client.", el = "Ο ανταγωνιστής δεν είναι πελάτης του εαυτού του." } },
      },
    },

    competitor_strategy = {
      path = "competitor_strategies",
      label = { en = "Competitor's strategy", el = "Στρατηγική ανταγωνιστή" },
      plural = { en = "Competitors' strategies", el = "Στρατηγικές ανταγωνιστών" },
      title = "statement", icon = "compass", track = true,
      fields = {
        { "competitor", "ref", to = "organisation", required = true, on_delete = "cascade", label = { en = "Competitor", el = "Ανταγωνιστής" } },
        { "kind", "enum", required = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "price", { en = "Price", el = "Τιμή" } }, { "product", { en = "Product", el = "Προϊόν" } },
          { "alliance", { en = "Alliance", el = "Συμμαχία" } }, { "people", { en = "People", el = "Προσωπικό" } },
          { "marketing", { en = "Marketing", el = "Προβολή" } }, { "acquisition", { en = "Acquisition", el = "Εξαγορά" } },
          { "other", { en = "Other", el = "Άλλο" } } } },
        { "statement", "long_text", required = true, max = 4000, search = true, label = { en = "What they do", el = "Τι κάνουν" } },
        { "source", "text", required = true, max = 300, label = { en = "Source", el = "Πηγή" } },
        { "source_url", "url", label = { en = "Source's address", el = "Διεύθυνση πηγής" } },
        { "confidence", "enum", required = true, label = { en = "Confidence", el = "Βεβαιότητα" }, of = {
          { "low", { en = "Low", el = "Χαμηλή" } }, { "medium", { en = "Medium", el = "Μέτρια" } },
          { "high", { en = "High", el = "Υψηλή" } } } },
        { "noted_on", "date", required = true, label = { en = "Noted on", el = "Σημειώθηκε την" } },
      },
      indexes = { { "competitor", "-noted_on" } },
    },
  },
  extend = {
    relationship = { fields = {
      { "switching_cost", "integer", min = 1, max = 5,
        label = { en = "What leaving us costs them (1 to 5)", el = "Τι τους κοστίζει να φύγουν (1 έως 5)" } },
      { "switching_cost_why", "text", max = 300, label = { en = "Why", el = "Γιατί" } },
    } },
    opportunity = {
      fields = {
        { "competitors", "refs", to = "organisation", on_delete = "clear", label = { en = "Competitors", el = "Ανταγωνιστές" } },
        { "lost_to", "ref", to = "organisation", on_delete = "clear", index = true, label = { en = "Lost to", el = "Χάθηκε από" } },
      },
      rules = {
        { "only_the_lost_went_to_somebody", "is_null(lost_to) or stage == 'lost'",
          message = { en = "Whom it was lost to is said when it is lost.", el = "Από ποιον χάθηκε λέγεται όταν χαθεί." } },
      },
    },
  },
}
