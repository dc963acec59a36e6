// Address books over HTTP, with the collection of real exports; mail to people in threads, as a real mail server got it.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const SMTP = 7972;
const service = new Service({ options: ["--smtp-url", `smtp://127.0.0.1:${SMTP}`, "--smtp-plain", "--mail-from", "desk@example.com"] });
const mails = [];
let smtp;
let admin;

before(async () => {
  smtp = spawn("/usr/bin/python3", [path.join(root, "tests/api/smtp.py"), String(SMTP)], { stdio: ["pipe", "pipe", "inherit"] });
  let ready = false;
  let rest = "";
  smtp.stdout.on("data", (bytes) => {
    const parts = (rest + bytes).split("\n");
    rest = parts.pop();
    for (const line of parts.map((one) => JSON.parse(one))) {
      ready ||= line.ready;
      if (line.headers) mails.push(line);
    }
  });
  await until(() => ready, 20000);
  await service.start();
  admin = await service.client("admin", "nikos");
  const user = (await admin.get('/api/v1/users?filter=name[eq]:"nikos"')).body.data[0];
  assert.equal((await admin.patch(`/api/v1/users/${user.id}`, { email: "nikos@example.com" })).status, 200);
});
after(async () => {
  await service.remove();
  smtp.stdin.end();
});

const load = (body, client = admin) => client.request("POST", "/x/relations/contacts/import", { body, headers: { "content-type": "text/plain" } });
const save = async (query) => (await admin.get(`/x/relations/contacts/export?${query}`)).text;
const count = async (objects) => (await admin.get(`/api/v1/${objects}?count=exact&limit=1`)).body.count;
const card = (...lines) => ["BEGIN:VCARD", "VERSION:3.0", ...lines, "END:VCARD", ""].join("\r\n");

test("S1 cards come in as one change-set, the bad ones named; all of it can be taken back", async () => {
  const text = card("UID:u1", "FN:Άννα", "EMAIL:anna@example.com", "ORG:Αιγαίο") + card("NOTE:nobody") + card("UID:u2", "FN:=HYPERLINK(1)", "EMAIL:b@example.com");
  const { status, body } = await load(text);
  assert.equal(status, 200);
  assert.deepEqual([body.created, body.organisations, body.refused.length], [2, 1, 1]);
  assert.match(body.refused[0].pointer, /^line \d+$/);
  const again = await load(text);
  assert.deepEqual([again.body.created, again.body.matched.map((one) => one.by)], [0, ["uid", "uid"]]);
  const byAddress = await load(card("FN:Anna again", "EMAIL:ANNA@example.com"));
  assert.deepEqual([byAddress.body.created, byAddress.body.matched[0].by], [0, "email"]);
  const csv = await save("format=csv");
  assert.ok(csv.includes("'=HYPERLINK(1)") && !/[,"]=HYPERLINK/.test(csv), csv);
  assert.equal((await load(csv)).body.created, 0);
  const reverted = await admin.post(`/api/v1/changesets/${body.changeset}/revert`, {});
  assert.ok(reverted.status < 300, reverted.text);
  await until(async () => (await count("people")) === 0);
  assert.equal((await load("hello")).status, 422);
  const reader = await service.client("reader");
  const refused = await load(card("FN:x"), reader);
  assert.equal(await count("people"), 0, refused.text);
});

test("S1 what goes out comes in as it was, by both versions and the command", async () => {
  await load(card("UID:r1", "N:Παπαδόπουλος;Νίκος;;Dr;", "FN:Νίκος Παπαδόπουλος", "EMAIL:n@example.com", "EMAIL:n2@example.com", "TEL;TYPE=cell:+306941234567", "TEL;TYPE=work:210 1", "ORG:Αιγαίο;Πωλήσεις", "TITLE:Πωλητής", "BDAY:1980-02-29", "NOTE:a\\, b\\nc", "URL:https://example.com/n"));
  for (const version of ["3.0", "4.0"]) {
    const out = await save(`version=${version}`);
    const person = (await admin.get("/api/v1/people?limit=1")).body.data[0];
    assert.equal((await admin.delete(`/api/v1/people/${person.id}`)).status, 204);
    const back = await load(out);
    assert.deepEqual([back.body.created, back.body.refused, back.body.warnings], [1, [], []], back.text);
    assert.equal(await save(`version=${version}`), out);
  }
  const told = await service.cli("contacts", "import", await save("version=4.0"));
  assert.match(told.stdout, /new: 0, known already: 1, refused: 0/);
  assert.equal((await admin.get("/x/relations/contacts/export?format=pdf")).status, 422);
});

test("S1 each file of the collection comes in or is refused with its place", { skip: !process.env.PROXENOS_TEST_DATA }, async () => {
  const folder = path.join(process.env.PROXENOS_TEST_DATA, "vcard-ical");
  const tally = { files: 0, refused_files: [], created: 0, matched: 0, refused: 0, warnings: 0 };
  for (const name of ["vcf-eds", "vcf-exports"].flatMap((one) => readdirSync(path.join(folder, one)).map((file) => path.join(one, file)))) {
    const got = await load(readFileSync(path.join(folder, name)));
    tally.files++;
    if (got.status !== 200) {
      assert.equal(got.status, 422, `${name}: ${got.text}`);
      assert.match(got.body.errors?.[0]?.pointer ?? "", /^(line|row) \d+$|^file$/, `${name}: ${got.text}`);
      tally.refused_files.push(`${path.basename(name)} (${got.body.errors[0].pointer}: ${got.body.detail})`);
      continue;
    }
    tally.created += got.body.created;
    tally.matched += got.body.matched.length;
    tally.refused += got.body.refused.length;
    tally.warnings += got.body.warnings.length;
    assert.ok(got.body.refused.every((one) => /^line \d+$/.test(one.pointer) && one.detail), `${name}: ${got.text}`);
  }
  console.log(`address books: ${JSON.stringify(tally)}`);
  assert.ok(tally.files >= 39 && tally.created + tally.matched > 10);
});

test("S3 a mail by template or in one's own words is recorded and stands in its thread at both ends", async () => {
  const anna = (await admin.post("/api/v1/people", { name: "Άννα Ρήγα", email: "riga@example.com", language: "el" })).body;
  const write = (fields) => admin.post(`/x/relations/people/${anna.id}/mail`, fields);
  const template = await admin.post("/api/v1/templates", { name: "Hello", key: "hello-mail", language: "el", subject: "Προς {name}", body: "Γεια σας, {name}." });
  assert.equal(template.status, 201, template.text);
  const first = await write({ key: "hello-mail" });
  assert.equal(first.status, 201, first.text);
  const mail = await until(() => mails.find((one) => one.to.includes("riga@example.com")), 20000);
  assert.equal(mail.headers["message-id"], first.body.message_id);
  assert.deepEqual([mail.headers.subject, mail.text.trim(), mail.headers["reply-to"]], ["Προς Άννα Ρήγα", "Γεια σας, Άννα Ρήγα.", "nikos@example.com"]);
  const answer = await admin.post("/api/v1/interactions", { kind: "email", subject: "Re: Προς", at: new Date().toISOString(), people: [anna.id], direction: "inbound", message_id: "<answer@client.example>", in_reply_to: first.body.message_id });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.body.thread, first.body.message_id);
  const second = await write({ subject: "Re: Προς", body: "Ευχαριστώ\n.\nΝ.", answers: answer.body.id });
  assert.equal(second.status, 201, second.text);
  const reply = await until(() => mails.find((one) => one.headers["in-reply-to"]), 20000);
  assert.equal(reply.headers["in-reply-to"], "<answer@client.example>");
  assert.deepEqual(reply.headers.references.split(/\s+/), [first.body.message_id, "<answer@client.example>"]);
  const thread = (await admin.get(`/x/relations/mail/threads/${answer.body.id}`)).body;
  assert.equal(thread.messages.length, 3);
  await until(async () => (await admin.get(`/api/v1/interactions/${second.body.id}`)).body.delivery === "sent");
  for (const [fields, place] of [[{ subject: "s" }, "/subject"], [{ key: "none" }, "/key"], [{ subject: "s", body: "b", answers: anna.id }, "/answers"]]) {
    const refused = await write(fields);
    assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, place], refused.text);
  }
  const forged = await admin.post("/api/v1/interactions", { kind: "email", subject: "s", at: new Date().toISOString(), message_id: "<a@b>\r\nBcc: <c@d>" });
  assert.deepEqual([forged.status, forged.body.errors[0].pointer], [422, "/message_id"]);
});
