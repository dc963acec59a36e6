-- Address books in and out.

local CARDS <const> = table.concat({
  "BEGIN:VCARD", "VERSION:3.0", "UID:one", "FN:Άννα Παπαδοπούλου", "N:Παπαδοπούλου;Άννα;;;", "EMAIL:Anna@Example.com", "EMAIL:second@example.com",
  "TEL;TYPE=cell:+30 694 123 4567", "TEL;TYPE=work:(210) 1234", "ORG:Αιγαίο ΑΕ;Πωλήσεις", "TITLE:Διευθύντρια", "BDAY:1980-03-21",
  "NOTE:one\\, two\\nthree", "X-FOO:bar", "END:VCARD",
  "BEGIN:VCARD", "VERSION:4.0", "END:VCARD",
  "BEGIN:VCARD", "VERSION:2.1", "N:Doe;John", "FN:John Doe", "ORG:Αιγαίο ΑΕ", "EMAIL:nowhere", "END:VCARD",
  "BEGIN:VCARD", "VERSION:4.0", "FN:cut", "",
}, "\r\n")

local function load(t, text)
  return t.call("POST", "/contacts/import", { body = text })
end

test("S1 cards come in with their firms; what is broken is named by its line", function(t)
  local got = load(t, CARDS)
  assert(got.status == 200 and got.json.created == 2 and got.json.organisations == 1 and got.json.changeset, got.text)
  assert(got.json.refused[1].pointer == "line 18" and #got.json.refused == 2, got.text)
  assert(got.json.left_out["X-FOO"] == 1 and got.json.warnings[1].pointer == "line 19 email", got.text)
  local anna = t.expect_record("person", { name = "Άννα Παπαδοπούλου", given_name = "Άννα", email = "anna@example.com",
    phone = "+306941234567", birthday = "1980-03-21", description = "one, two\nthree", card_uid = "one" })
  local firm = t.expect_record("organisation", { name = "Αιγαίο ΑΕ" })
  t.expect_record("affiliation", { person = anna.id, organisation = firm.id, job_title = "Διευθύντρια", department = "Πωλήσεις" })
  t.expect_record("contact_point", { person = anna.id, kind = "email", email = "second@example.com" })
  t.expect_record("contact_point", { person = anna.id, kind = "phone", value = "(210) 1234" })
end)

test("S1 the same file twice makes nobody twice, and completes what was empty", function(t)
  local anna = t.person { name = "A. P.", email = "anna@example.com" }
  local first = load(t, CARDS)
  assert(first.json.created == 1 and first.json.matched[1].by == "email" and first.json.matched[1].person == anna.id, first.text)
  local kept = t.get("person", anna)
  assert(kept.name == "A. P." and kept.family_name == "Παπαδοπούλου", kept.name)
  local second = load(t, CARDS)
  assert(second.json.created == 1 and second.json.matched[1].by == "uid", second.text) -- the one without UID and address
  assert(#t.find("person", { filter = { card_uid = "one" } }) == 1 and #t.find("contact_point") == 2)
end)

test("S1 CSV comes in by our names or others', and goes out safe for spreadsheets", function(t)
  local got = load(t, "Full name;E-mail;Company;Mobile;Colour\nΆννα;a@example.com;=cmd();+302101234567;red\nΒ;b@example\nΓ;c@example.com;;12;\n")
  assert(got.status == 200 and got.json.created == 2 and got.json.refused[1].pointer == "row 3", got.text)
  assert(got.json.left_out.Colour == 3)
  t.expect_record("organisation", { name = "=cmd()" })
  local out = t.call("GET", "/contacts/export", { query = { format = "csv" } }).text
  assert(out:find("'=cmd()", 1, true) and not out:find(",=cmd()", 1, true), out)
  local again = load(t, out)
  assert(again.json.created == 0 and #again.json.matched == 2 and again.json.organisations == 0, again.text)
end)

test("S1 what goes out comes in as it was", function(t)
  load(t, CARDS)
  for _, version in ipairs { "3.0", "4.0" } do
    local out = t.call("GET", "/contacts/export", { query = { version = version } })
    assert(out.status == 200 and out.text:find("VERSION:" .. version, 1, true), out.text)
    local back = load(t, out.text)
    assert(back.json.created == 0 and #back.json.matched == 2 and #back.json.warnings == 0 and #back.json.refused == 0, back.text)
    assert(t.call("GET", "/contacts/export", { query = { version = version } }).text == out.text)
  end
  assert(t.call("GET", "/contacts/export", { query = { format = "xml" } }).status == 422)
  assert(load(t, "nothing of the kind").status == 422)
  assert(t.command("contacts import", { contents = CARDS }).exit_code == 1)
end)
