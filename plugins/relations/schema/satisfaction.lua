-- What people say of us when asked: questionnaires, and one row per question asked. Unanswered is unknown.
return {
  objects = {
    questionnaire = {
      label = { en = "Questionnaire", el = "Ερωτηματολόγιο" }, plural = { en = "Questionnaires", el = "Ερωτηματολόγια" },
      title = "name", icon = "list-check", track = true,
      fields = {
        { "name", "text", required = true, unique = true, max = 200, search = true, label = { en = "Name", el = "Όνομα" } },
        { "kind", "enum", required = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "csat", { en = "CSAT, 1 to 5", el = "CSAT, 1 έως 5" } }, { "nps", { en = "NPS, 0 to 10", el = "NPS, 0 έως 10" } } } },
        { "question", "text", required = true, max = 500, label = { en = "Question", el = "Ερώτηση" } },
        { "question_el", "text", max = 500, label = { en = "Question in Greek", el = "Ερώτηση στα ελληνικά" } },
        { "low_score", "integer", min = 0, max = 10, label = { en = "Low up to", el = "Χαμηλή έως" } },
        { "close_days", "integer", default = 2, min = 0, max = 90,
          label = { en = "Days to close the loop", el = "Ημέρες έως την απάντησή μας" } },
        { "active", "boolean", default = true, label = { en = "In use", el = "Σε χρήση" } },
      },
    },

    satisfaction_answer = {
      label = { en = "Satisfaction answer", el = "Απάντηση ικανοποίησης" },
      plural = { en = "Satisfaction answers", el = "Απαντήσεις ικανοποίησης" },
      title = "comment", icon = "star", track = true,
      fields = {
        { "questionnaire", "ref", to = "questionnaire", required = true, on_delete = "restrict",
          label = { en = "Questionnaire", el = "Ερωτηματολόγιο" } },
        { "kind", "enum", index = true, label = { en = "Kind", el = "Είδος" }, of = {
          { "csat", { en = "CSAT", el = "CSAT" } }, { "nps", { en = "NPS", el = "NPS" } } } },
        { "organisation", "ref", to = "organisation", on_delete = "cascade", label = { en = "Organisation", el = "Οργανισμός" } },
        { "person", "ref", to = "person", on_delete = "cascade", label = { en = "Person", el = "Πρόσωπο" } },
        { "relationship", "ref", to = "relationship", on_delete = "cascade", label = { en = "Relationship", el = "Σχέση" } },
        { "interaction", "ref", to = "interaction", on_delete = "clear", label = { en = "Said in", el = "Ειπώθηκε σε" } },
        { "asked_on", "date", required = true, index = true, label = { en = "Asked on", el = "Ρωτήθηκε στις" } },
        { "score", "integer", min = 0, max = 10, label = { en = "Score", el = "Βαθμός" } },
        { "answered_on", "date", index = true, label = { en = "Answered on", el = "Απαντήθηκε στις" } },
        { "comment", "long_text", max = 4000, search = true, label = { en = "Comment", el = "Σχόλιο" } },
        { "link_until", "date", label = { en = "Link valid until", el = "Ο σύνδεσμος ισχύει έως" } },
      },
      indexes = { { "organisation", "-asked_on" }, { "relationship", "-asked_on" }, { "kind", "answered_on" } },
      rules = {
        { "has_party", "not (is_null(organisation) and is_null(person) and is_null(relationship))", message = {
          en = "Somebody is asked: name the organisation, person or relationship.",
          el = "Κάποιος ερωτάται: δώστε οργανισμό, πρόσωπο ή σχέση." } },
        { "csat_score", "is_null(score) or kind ~= 'csat' or (score >= 1 and score <= 5)", message = {
          en = "A CSAT score is 1 to 5.", el = "Ο βαθμός CSAT είναι 1 έως 5." } },
        { "answered_when_scored", "is_null(score) == is_null(answered_on)", message = {
          en = "A score has the day of its answer, and a day has its score.",
          el = "Ο βαθμός έχει ημερομηνία απάντησης, και αντίστροφα." } },
      },
    },
  },
  extend = {
    task = { fields = {
      { "satisfaction_answer", "ref", to = "satisfaction_answer", on_delete = "cascade",
        label = { en = "Satisfaction answer", el = "Απάντηση ικανοποίησης" } } } },
  },
}
