// Mail against Debian's Exim: what arrives, a log-in over TLS and never without, certificates, refusals for good and for now, addresses
// beyond ASCII.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Exim } from "./exim.mjs";
import { Service, root, until } from "./service.mjs";

const PORT = 7993;
const folder = mkdtempSync(path.join(tmpdir(), "proxenos-smtp-"));
const file = (name) => path.join(folder, name);
const openssl = (...words) => execFileSync("openssl", words, { stdio: "pipe" });
const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function authority(name) {
  openssl("req", "-x509", ...curve, "-days", "2", "-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`));
}

// A certificate of the authority for a host: { certificate, key }.
function certificate(of, host) {
  const [name, made] = [`${of}-${host}`, { certificate: file(`${of}-${host}.pem`), key: file(`${of}-${host}.key`) }];
  writeFileSync(file("ext"), `subjectAltName=DNS:${host}\n`);
  openssl("req", ...curve, "-subj", `/CN=${host}`, "-keyout", made.key, "-out", file(`${name}.csr`));
  openssl("x509", "-req", "-in", file(`${name}.csr`), "-CA", file(`${of}.pem`), "-CAkey", file(`${of}.key`), "-CAcreateserial", "-days", "2", "-extfile", file("ext"), "-out", made.certificate);
  return made;
}

authority("ours");
authority("theirs");
const good = certificate("ours", "localhost");
writeFileSync(file("password"), "μυστικό κλειδί\n");
writeFileSync(file("wrong"), "guessed\n");

const login = { user: "clerk", password: "μυστικό κλειδί" };
const service = new Service({
  plugins: path.join(root, "tests/fixtures/plugins_net"),
  options: [
    "--smtp-url", `smtp://localhost:${PORT}`, "--mail-from", "Το κατάστημα «Ωμέγα» <shop@example.com>", "--outgoing-ca", file("ours.pem"),
    "--smtp-user", login.user, "--smtp-password-file", file("password"),
  ],
});
let exim;
let admin;

before(async () => {
  exim = await new Exim(PORT, { tls: good, ...login }).start();
  await service.start();
  admin = await service.client("admin");
});
after(async () => {
  await service.remove();
  await exim?.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function another(options) {
  await exim.remove();
  exim = await new Exim(PORT, options).start();
}
async function restart(...options) {
  await service.stop();
  service.options.push(...options);
  await service.restart();
}
const send = async (fields) => {
  const { body } = await admin.post("/x/shop/mail", { template: "confirmation", data: { name: "λάδι" }, ...fields });
  assert.ok(body.id, JSON.stringify(body));
  return body.id;
};
const mail = async (id) => (await admin.get(`/api/v1/mails/${id}`)).body;
const ended = (id, state, timeout = 30000) => until(async () => {
  const row = await mail(id);
  return row.state === state ? row : null;
}, timeout);
const tried = (id) => until(async () => {
  const row = await mail(id);
  return row.attempts > 0 ? row : null;
}, 30000);
const arrived = (address) => until(() => exim.to(address)[0], 20000);

test("Greek and English templates arrive as they were written, after a log-in over TLS", async () => {
  const greek = await send({ to: "anna@example.com", name: "Άννα Παπαδοπούλου", language: "el", data: { name: "Ελαιόλαδο & φέτα" } });
  const english = await send({ to: "bob@example.com", name: "Bob \"the\" Builder", language: "en", data: { name: "oil & “feta”" } });
  await ended(greek, "sent");
  await ended(english, "sent");
  const first = await arrived("anna@example.com");
  assert.equal(first.from, "shop@example.com");
  assert.equal(first.headers.subject, "Η παραγγελία Ελαιόλαδο & φέτα ελήφθη");
  assert.match(first.headers.from, /Το κατάστημα «Ωμέγα»"? <shop@example\.com>$/);
  assert.match(first.headers.to, /Άννα Παπαδοπούλου"? <anna@example\.com>$/);
  assert.equal(first.headers["content-type"], 'text/plain; charset="utf-8"');
  assert.equal(first.text.replaceAll("\r\n", "\n"), "Αγαπητή πελάτισσα,\n\nη παραγγελία Ελαιόλαδο & φέτα ελήφθη.\n.\nΤο κατάστημα\n");
  assert.match(first.raw, /^[\x00-\x7f]*$/, "no byte beyond ASCII where nobody asked for SMTPUTF8");
  assert.match(first.received[0], /with esmtpsa/i, "over TLS, logged in");
  assert.match(exim.log("main"), /<= shop@example\.com .* A=plain:clerk/);
  const second = await arrived("bob@example.com");
  assert.equal(second.headers.subject, "Order oil & “feta” has come in");
  assert.match(second.headers.to, /^"?Bob \\?"the\\?" Builder"? <bob@example\.com>$/);
  assert.match(second.text, /order oil & “feta” has come in/);
});

test("550 marks the address, a policy does not, and greylisting is waited out by the schedule", async () => {
  exim.grey(["later"]);
  const gone = await ended(await send({ to: "gone@example.com" }), "refused");
  assert.deepEqual([gone.status, gone.code, gone.attempts], [550, "recipient_refused", 1]);
  const relayed = await ended(await send({ to: "anna@elsewhere.example" }), "failed");
  assert.deepEqual([relayed.status, relayed.code], [550, "network"]);
  assert.match(relayed.error, /5\.7\.1 relaying denied/);
  const { body } = await admin.get("/api/v1/mail-refusals");
  assert.deepEqual(body.data.map((row) => [row.address, row.status]), [["gone@example.com", 550]]);

  const id = await send({ to: "later@example.com" });
  const waiting = await tried(id);
  assert.deepEqual([waiting.state, waiting.status, waiting.attempts], ["waiting", 451, 1]);
  assert.match(waiting.error, /greylisted, come back later/);
  const wait = Date.parse(waiting.due_at) - Date.parse(waiting.updated_at);
  assert.ok(wait >= 4900 && wait <= 6100, `the second try is ${wait} ms after the first`);
  exim.grey([]);
  const sent = await ended(id, "sent");
  assert.equal(sent.attempts, 2);
  assert.equal(exim.to("later@example.com").length, 1);
  assert.equal(exim.log("reject").match(/temporarily rejected RCPT <later@example\.com>/g).length, 1);
});

test("an address in Greek goes to a server that offers SMTPUTF8", async () => {
  await ended(await send({ to: "άννα@example.com", name: "Άννα" }), "sent");
  const got = await arrived("άννα@example.com");
  assert.match(got.headers.to, /<άννα@example\.com>$/);
  assert.match(got.received[0], /with (utf8)?esmtpsa/i);
  assert.match(exim.log("main"), /P=utf8esmtpsa/);
  await ended(await send({ to: "plain@example.com" }), "sent");
  assert.match((await arrived("plain@example.com")).received[0], /with esmtpsa/i, "the others stay as they were");
});

test("without SMTPUTF8 it fails for good, and says why, before the address is named", async () => {
  await another({ tls: good, ...login, utf8: false });
  const failed = await ended(await send({ to: "νίκος@example.com" }), "failed");
  assert.deepEqual([failed.code, failed.attempts], ["unsupported", 1]);
  assert.match(failed.error, /does not offer SMTPUTF8/);
  await ended(await send({ to: "nikos@example.com" }), "sent");
  assert.doesNotMatch(exim.log("main") + exim.log("reject"), /νίκος|rejected/);
  assert.equal((await admin.get("/api/v1/mail-refusals")).body.data.length, 1, "no address is marked for it");
});

test("a wrong password loses no mail: it waits for the operator", async () => {
  await restart("--smtp-password-file", file("wrong"));
  const id = await send({ to: "patient@example.com" });
  const row = await tried(id);
  assert.deepEqual([row.state, row.status, row.code], ["waiting", 535, "network"]);
  await restart("--smtp-password-file", file("password"));
  assert.equal((await service.cli("mail", "retry", id)).code, 0);
  await ended(id, "sent");
});

test("a certificate of another authority, or for another host, ends it before anything is said", async () => {
  for (const [tls, expected] of [[certificate("theirs", "localhost"), /no safe connection to the mail server/], [certificate("ours", "mail.example.org"), /no safe connection to the mail server/]]) {
    await another({ tls, ...login });
    const id = await send({ to: "safe@example.com" });
    const row = await tried(id);
    assert.deepEqual([row.state, row.code], ["waiting", "network"]);
    assert.match(row.error, expected);
    assert.doesNotMatch(exim.log("main") + exim.log("reject"), /A=plain|safe@example\.com/);
    assert.equal(exim.mails().length, 0);
  }
});

test("no password is sent without TLS, whatever the server offers", async () => {
  await another({ ...login });
  const id = await send({ to: "clear@example.com" });
  const row = await tried(id);
  assert.deepEqual([row.state, row.code], ["waiting", "network"]);
  assert.match(row.error, /no safe connection|STARTTLS/i);
  assert.doesNotMatch(exim.log("main") + exim.log("reject"), /authenticator|A=plain|clear@example\.com/);
  const checked = await service.cli("config", "check");
  assert.equal(checked.code, 0, checked.stderr);
  const wrong = new Service({ options: [...service.options, "--smtp-plain"] });
  await assert.rejects(wrong.start(), /a password is never sent without TLS/);
  await wrong.remove();
});
