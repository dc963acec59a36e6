-- Address books: what a card is known by, so that the same one twice is one person.
return {
  extend = {
    person = { fields = {
      { "card_uid", "text", max = 255, unique = true, label = { en = "Address book UID", el = "UID βιβλίου διευθύνσεων" } },
    } },
  },
}
