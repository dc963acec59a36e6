-- How parties are bound: typed, dated, directed edges, each with a name from either end.
return {
  objects = {
    relationship_type = {
      label = { en = "Relationship type", el = "Είδος σχέσης" }, plural = { en = "Relationship types", el = "Είδη σχέσης" },
      title = "name", icon = "tag", track = true,
      fields = {
        { "code", "text", required = true, unique = true, max = 40, label = { en = "Code", el = "Κωδικός" } },
        { "name", "text", required = true, max = 100, search = true, label = { en = "Name", el = "Όνομα (αγγλικά)" } },
        { "name_el", "text", max = 100, search = true, label = { en = "Name in Greek", el = "Όνομα" } },
        { "reverse_name", "text", required = true, max = 100, label = { en = "Name from the other end", el = "Όνομα από την άλλη πλευρά (αγγλικά)" } },
        { "reverse_name_el", "text", max = 100,
          label = { en = "Name from the other end, in Greek", el = "Όνομα από την άλλη πλευρά" } },
        { "symmetric", "boolean", default = false, label = { en = "The same from both ends", el = "Ίδια και από τις δύο πλευρές" } },
        { "side", "enum", label = { en = "Side", el = "Πλευρά" }, of = {
          { "client", { en = "Client side", el = "Πλευρά πελάτη" } }, { "supplier", { en = "Supplier side", el = "Πλευρά προμηθευτή" } },
          { "other", { en = "Other", el = "Άλλη" } } } },
      },
    },

    relationship = {
      label = { en = "Relationship", el = "Σχέση" }, plural = { en = "Relationships", el = "Σχέσεις" },
      title = "type", icon = "link", track = true,
      fields = {
        { "type", "ref", to = "relationship_type", required = true, on_delete = "restrict", label = { en = "Type", el = "Είδος" } },
        { "source", "ref", to = "organisation", on_delete = "cascade", label = { en = "From", el = "Από" } },
        { "source_person", "ref", to = "person", on_delete = "cascade", label = { en = "From person", el = "Από πρόσωπο" } },
        { "target", "ref", to = "organisation", on_delete = "cascade", label = { en = "To", el = "Προς" } },
        { "target_person", "ref", to = "person", on_delete = "cascade", label = { en = "To person", el = "Προς πρόσωπο" } },
        { "managed", "boolean", index = true, label = { en = "Looked after by us", el = "Τη φροντίζουμε εμείς" } },
        { "share", "decimal", scale = 4, min = 0, max = 100, label = { en = "Share, per cent", el = "Ποσοστό" } },
        { "value_at_stake", "money", min = 0, label = { en = "Value at stake", el = "Αξία που διακυβεύεται" } },
        { "started_on", "date", label = { en = "From", el = "Από" } },
        { "ended_on", "date", index = true, label = { en = "Until", el = "Έως" } },
        { "ended_reason", "enum", label = { en = "Why it ended", el = "Γιατί έληξε" }, of = {
          { "lost", { en = "Lost", el = "Χάθηκε" } }, { "completed", { en = "Completed", el = "Ολοκληρώθηκε" } },
          { "ended_by_us", { en = "Ended by us", el = "Τη λύσαμε εμείς" } }, { "merged", { en = "Merged", el = "Συγχωνεύθηκε" } },
          { "ceased", { en = "The party is no more", el = "Το μέρος έπαψε να υπάρχει" } } } },
        { "description", "long_text", label = { en = "Description", el = "Περιγραφή" } },
      },
      indexes = { { "managed", "owner" } },
      rules = {
        { "one_source", "is_null(source) ~= is_null(source_person)",
          message = { en = "A relationship comes from one party: fill source or source_person, and not both.",
            el = "Μια σχέση ξεκινά από ένα μέρος: συμπληρώστε source ή source_person, όχι και τα δύο." } },
        { "one_target", "is_null(target) ~= is_null(target_person)",
          message = { en = "A relationship goes to one party: fill target or target_person, and not both.",
            el = "Μια σχέση καταλήγει σε ένα μέρος: συμπληρώστε target ή target_person, όχι και τα δύο." } },
        { "not_to_itself", "source ~= target",
          message = { en = "A party has no relationship to itself.", el = "Κανείς δεν έχει σχέση με τον εαυτό του." } },
        { "no_person_to_himself", "source_person ~= target_person",
          message = { en = "A party has no relationship to itself.", el = "Κανείς δεν έχει σχέση με τον εαυτό του." } },
        { "ends_after_start", "ended_on >= started_on",
          message = { en = "A relationship ends after it has begun.", el = "Η λήξη έπεται της έναρξης." } },
        { "reason_when_ended", "is_null(ended_reason) or not is_null(ended_on)",
          message = { en = "Say on which day it ended: fill ended_on.", el = "Συμπληρώστε πότε έληξε: ended_on." } },
      },
    },
  },
}
