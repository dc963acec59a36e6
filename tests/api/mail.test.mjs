// px.mail.send and requests of units of work: kept with the unit, sent after its commit, against a real SMTP server; refusals,
// retries, Greek in the headers, kill -9.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const SMTP = 7995;
const HOOK = 7996;
const folder = mkdtempSync(path.join(tmpdir(), "proxenos-mail-"));
const file = (name) => path.join(folder, name);
const plugins = file("plugins");
cpSync(path.join(root, "tests/fixtures/plugins_net"), plugins, { recursive: true });
cpSync(path.join(root, "plugins/relations"), path.join(plugins, "relations"), { recursive: true });
execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", file("mail.key"), "-out", file("mail.pem")], { stdio: "pipe" });

class MailServer {
  constructor(...words) {
    this.words = words;
    this.lines = [];
  }
  async start() {
    // Debian's own Python, where Debian's packages are.
    this.process = spawn("/usr/bin/python3", [path.join(root, "tests/api/smtp.py"), String(SMTP), ...this.words], { stdio: ["pipe", "pipe", "inherit"] });
    let rest = "";
    this.process.stdout.on("data", (bytes) => {
      const parts = (rest + bytes).split("\n");
      rest = parts.pop();
      this.lines.push(...parts.map((line) => ({ ...JSON.parse(line), at: Date.now() })));
    });
    await until(() => this.lines.some((line) => line.ready), 20000);
    return this;
  }
  get mails() {
    return this.lines.filter((line) => line.headers);
  }
  to(address) {
    return this.mails.filter((mail) => mail.to.includes(address));
  }
  async stop() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdin.end();
    await ended;
  }
}

const options = [
  "--smtp-url", `smtp://localhost:${SMTP}`, "--mail-from", "Το κατάστημα «Ωμέγα» <shop@example.com>",
  "--outgoing-ca", file("mail.pem"), "--outgoing-allow", `127.0.0.1:${HOOK}`,
];
const service = new Service({ plugins, options });
let mail_server;
let admin;
let hook;
let hooked = [];
let answer = (_, response) => response.writeHead(204).end();

before(async () => {
  mail_server = await new MailServer(file("mail.pem"), file("mail.key")).start();
  hook = http.createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => (body += bytes));
    request.on("end", () => {
      hooked.push({ key: request.headers["idempotency-key"], authorization: request.headers.authorization, body: JSON.parse(body) });
      answer(request, response);
    });
  });
  await new Promise((resolve) => hook.listen(HOOK, "127.0.0.1", resolve));
  await service.start();
  admin = await service.client("admin");
  assert.equal((await admin.request("PUT", "/api/v1/plugins/shop/secrets/key", { body: { value: "hunter2" } })).status, 204);
});
after(async () => {
  await service.remove();
  await mail_server.stop();
  hook.close();
  hook.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

const order = async (fields) => {
  const made = await admin.post("/api/v1/orders", fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const send = async (fields) => (await admin.post("/x/shop/mail", fields)).body;
const mail = async (id) => (await admin.get(`/api/v1/mails/${id}`)).body;
const ended = (id, state, timeout = 30000) => until(async () => {
  const row = await mail(id);
  return row.state === state ? row : null;
}, timeout);

test("a mail that a handler asks for arrives, in Greek, over TLS", async () => {
  const made = await order({ name: "Ελαιόλαδο & φέτα", to: "anna@example.com" });
  await until(() => mail_server.to("anna@example.com").length > 0, 20000);
  const [got] = mail_server.to("anna@example.com");
  assert.equal(got.tls, true);
  assert.equal(got.from, "shop@example.com");
  assert.equal(got.headers.subject, "Η παραγγελία Ελαιόλαδο & φέτα ελήφθη");
  assert.match(got.headers.from, /^"?Το κατάστημα «Ωμέγα»"? <shop@example\.com>$/);
  assert.match(got.headers.to, /Άννα Παπαδοπούλου"? <anna@example\.com>/);
  assert.match(got.headers["message-id"], /^<[0-9a-z]{13}@example\.com>$/);
  assert.equal(got.headers["auto-submitted"], "auto-generated");
  assert.equal(got.text.replaceAll("\r\n", "\n"), "Αγαπητή πελάτισσα,\n\nη παραγγελία Ελαιόλαδο & φέτα ελήφθη.\n.\nΤο κατάστημα\n");
  assert.ok(got.raw.split("\r\n").every((line) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line)), got.raw);
  const listed = await until(async () => {
    const { body } = await admin.get("/api/v1/mails?state=sent");
    return body.data.find((row) => row.to === "anna@example.com");
  });
  assert.equal(listed.plugin, "shop");
  assert.equal(listed.attempts, 1);
  const shown = await mail(listed.id);
  assert.equal(shown.text, undefined, "nothing is kept of what was sent");
  const events = (await admin.get("/api/v1/events?pattern=mail.sent")).body.data;
  const event = events.find((one) => one.data.id === listed.id);
  assert.equal(event.data.related, made.id);
  assert.ok(!JSON.stringify(event).includes("anna@example.com"), "the address stays out of the log");
});

test("a long subject, a plain one, a language that is not there", async () => {
  const long = "Ω".repeat(150);
  const first = await send({ to: "long@example.com", template: "confirmation", language: "el", data: { name: long } });
  const second = await send({ to: "plain@example.com", template: "confirmation", language: "fr", data: { name: "oil" } });
  await ended(first.id, "sent");
  await ended(second.id, "sent");
  assert.equal(mail_server.to("long@example.com")[0].headers.subject, `Η παραγγελία ${long} ελήφθη`);
  assert.ok(mail_server.to("long@example.com")[0].raw.split("\r\n").every((line) => line.length <= 78));
  assert.match(mail_server.to("plain@example.com")[0].raw, /\r\nSubject: Order oil has come in\r\n/);
});

test("the same key is the same mail", async () => {
  const fields = { to: "once@example.com", template: "confirmation", data: { name: "a" }, idempotency_key: "k" };
  const first = await send(fields);
  await ended(first.id, "sent");
  const second = await send(fields);
  assert.equal(second.id, first.id);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(mail_server.to("once@example.com").length, 1);
});

test("4xx is tried again, 5xx to the recipient marks the address", async () => {
  const busy = await send({ to: "busy@example.com", template: "confirmation", data: { name: "a" } });
  const gone = await send({ to: "Gone@example.com", template: "confirmation", data: { name: "a" } });
  const policy = await send({ to: "policy@example.com", template: "confirmation", data: { name: "a" } });
  const refused = await ended(gone.id, "refused");
  assert.deepEqual([refused.status, refused.code, refused.attempts], [550, "recipient_refused", 1]);
  const failed = await ended(policy.id, "failed");
  assert.deepEqual([failed.status, failed.code], [554, "network"]);
  const row = await until(async () => {
    const one = await mail(busy.id);
    return one.attempts > 0 ? one : null;
  });
  assert.ok(["waiting", "sent"].includes(row.state));
  const sent = await ended(busy.id, "sent"); // after five seconds
  assert.equal(sent.attempts, 2);
  assert.equal(mail_server.to("busy@example.com").length, 1);

  const again = await send({ to: "gone@EXAMPLE.com", template: "confirmation", data: { name: "a" } });
  assert.equal(again.code, "recipient_refused");
  const { body } = await admin.get("/api/v1/mail-refusals");
  assert.deepEqual(body.data.map((one) => [one.address, one.status]), [["gone@example.com", 550]]);
  const listed = await service.cli("mail", "refused");
  assert.match(listed.stdout, /gone@example\.com\s+550\s+550 5\.1\.1 no such mailbox/);
  assert.equal((await service.cli("mail", "clear", "gone@example.com")).code, 0);
  assert.notEqual((await service.cli("mail", "clear", "gone@example.com")).code, 0);
  assert.equal((await send({ to: "gone@example.com", template: "confirmation", data: { name: "a" } })).code, undefined);

  const events = (await admin.get("/api/v1/events?pattern=mail.failed")).body.data;
  assert.ok(events.some((one) => one.data.id === gone.id && one.data.code === "recipient_refused" && one.data.status === 550));
});

test("plugins may refuse: relations does, for who is not to be contacted", async () => {
  await admin.post("/api/v1/people", { name: "Closed", email: "closed@example.com", do_not_contact: true });
  const firm = await admin.post("/api/v1/organisations", { name: "Shut", email: "shut@example.com", do_not_contact: true });
  assert.equal(firm.status, 201, firm.text);
  await admin.post("/api/v1/people", { name: "Open", email: "open@example.com" });
  const closed = await send({ to: "closed@example.com", template: "confirmation", data: { name: "a" } });
  const shut = await send({ to: "shut@example.com", template: "confirmation", data: { name: "a" } });
  const about = await send({ to: "clerk@example.com", template: "confirmation", data: { name: "a" }, related: firm.body.id });
  const open = await send({ to: "open@example.com", template: "confirmation", data: { name: "a" } });
  const row = await ended(closed.id, "refused");
  assert.equal(row.code, "refused");
  assert.match(row.error, /this person is marked as not to be contacted/);
  assert.match((await ended(shut.id, "refused")).error, /this organisation/);
  await ended(about.id, "refused");
  await ended(open.id, "sent");
  for (const address of ["closed", "shut", "clerk"]) assert.equal(mail_server.to(`${address}@example.com`).length, 0);
  const listed = await service.cli("mail", "list", "--state", "refused");
  assert.match(listed.stdout, /closed@example\.com/);
  const shown = await service.cli("mail", "show", closed.id);
  assert.match(shown.stdout, /your order a has come in/);
});

test("bad input is named, and no header can be added", async () => {
  const cases = [
    [{ to: "anna", template: "confirmation", data: { name: "a" } }, /no mail address/],
    [{ to: "a@example.com\r\nBcc: b@example.com", template: "confirmation", data: { name: "a" } }, /line end/],
    [{ to: "Anna <a@example.com>", template: "confirmation", data: { name: "a" } }, /no mail address/],
    [{ to: "a@example.com", template: "confirmation", data: { name: "a\r\nBcc: b@example.com" } }, /subject holds a line end/],
    [{ to: "a@example.com", name: "A\nBcc: b@example.com", template: "confirmation", data: { name: "a" } }, /name holds a line end/],
    [{ to: "a@example.com", template: "confirmation" }, /\{name\} has no value/],
    [{ to: "a@example.com", template: "nothing", data: {} }, /no mail\/nothing\.en\.txt/],
    [{ to: "a@example.com", template: "../main", data: {} }, /template is the name/],
    [{ to: "a@example.com", template: "broken", data: {} }, /first line of mail\/broken\.en\.txt is not/],
    [{ to: "a@example.com", template: "confirmation", dta: {} }, /no option "dta"/],
    [{ to: "a@example.com", template: "confirmation", data: { name: "x".repeat(600) } }, /subject is too long/],
  ];
  for (const [fields, expected] of cases) {
    const got = await send(fields);
    assert.equal(got.code, "invalid", JSON.stringify(got));
    assert.match(got.detail, expected);
  }
  assert.equal(mail_server.to("a@example.com").length, 0);
  for (const query of ["state=sending", "before=x", "limit=0", "stat=sent"]) {
    assert.equal((await admin.get(`/api/v1/mails?${query}`)).status, 400, query);
  }
  assert.equal((await admin.get("/api/v1/mails/0000000000001")).status, 404);
  assert.equal((await admin.post("/api/v1/mails/0000000000001/retry", {})).status, 404);
});

test("a request of a unit leaves after its commit, with a stable key and the secret", async () => {
  hooked = [];
  let first = true;
  answer = (_, response) => {
    response.writeHead(first ? 503 : 200, first ? { "retry-after": "1" } : {}).end();
    first = false;
  };
  await order({ name: "Ένα", hook: `http://127.0.0.1:${HOOK}/orders` });
  await until(() => hooked.length === 2, 30000);
  assert.equal(hooked[0].key, hooked[1].key);
  assert.deepEqual(hooked[0].body, { name: "Ένα" });
  assert.equal(hooked[0].authorization, "Bearer hunter2");
  const { body, text } = await admin.get("/api/v1/fetches");
  assert.equal(body.data[0].host, `http://127.0.0.1:${HOOK}`);
  assert.ok(!text.includes("hunter2"));
  await until(async () => (await admin.get("/api/v1/fetches")).body.data[0].state === "sent");
  answer = (_, response) => response.writeHead(404).end();
  await order({ name: "Δύο", hook: `http://127.0.0.1:${HOOK}/orders` });
  const failed = await until(async () => (await admin.get("/api/v1/fetches?state=failed")).body.data[0]);
  assert.equal(failed.status, 404);
  answer = (_, response) => response.writeHead(204).end();
  assert.equal((await service.cli("fetch", "retry", failed.id)).code, 0);
  await until(async () => (await admin.get(`/api/v1/fetches/${failed.id}`)).body.state === "sent");
  assert.notEqual((await service.cli("fetch", "retry", failed.id)).code, 0);
  assert.match((await service.cli("fetch", "list")).stdout, /POST\s+http:\/\/127\.0\.0\.1:7996/);
});

test("the outbox is for administrators and auditors", async () => {
  const member = await service.client("user");
  for (const target of ["/api/v1/mails", "/api/v1/fetches", "/api/v1/mail-refusals", "/api/v1/egress"]) {
    assert.equal((await member.get(target)).status, 403, target);
  }
  const some = (await admin.get("/api/v1/mails")).body.data[0];
  assert.equal((await member.get(`/api/v1/mails/${some.id}`)).status, 403);
  assert.equal((await member.post(`/api/v1/mails/${some.id}/retry`, {})).status, 403);
  assert.equal((await member.delete("/api/v1/mail-refusals/gone@example.com")).status, 403);
});

test("nothing is lost over kill -9, and what comes twice has one Message-ID", async () => {
  const COUNT = 40;
  const KILLS = 4;
  const AWAY = 4; // OUTBOX_MAILS_AWAY_MAX: more cannot be between the server's answer and the disk
  const WINDOW_MS = 1500; // on a busy machine; in rest a few milliseconds
  const wanted = new Set();
  const kills = [];
  for (let i = 0; i < COUNT; i++) {
    await order({ name: `kill ${i}`, to: `kill${i}@example.com` });
    wanted.add(`kill${i}@example.com`);
    if ((i + 1) % (COUNT / KILLS) === 0) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
      kills.push(Date.now());
      await service.kill();
      await service.restart();
    }
  }
  await until(() => [...wanted].every((address) => mail_server.to(address).length > 0), 60000);
  await until(async () => (await admin.get("/api/v1/mails?state=waiting")).body.data.length === 0, 30000);
  let doubled = 0;
  for (const address of wanted) {
    const got = mail_server.to(address);
    const ids = new Set(got.map((one) => one.headers["message-id"]));
    assert.equal(ids.size, 1, `${address}: ${got.length} mails with ${ids.size} ids`);
    // Each copy but the last was taken by the server, and its end not yet on the service's disk, when a kill came.
    for (const copy of got.slice(0, -1)) {
      assert.ok(kills.some((at) => Math.abs(copy.at - at) < WINDOW_MS), `${address} was taken long before a kill and is sent again`);
      doubled++;
    }
  }
  // Over all kills: they come so close together that a copy cannot be told to be of the one or the other.
  console.log(`${COUNT} mails, ${KILLS} kills: ${doubled} sent twice, each under its one Message-ID`);
  assert.ok(doubled <= AWAY * KILLS, `at most ${AWAY} mails are away at each of ${KILLS} kills, and ${doubled} came twice`);
});

test("without TLS at the server nothing is sent, unless told", async () => {
  await mail_server.stop();
  mail_server = await new MailServer().start();
  const id = (await send({ to: "clear@example.com", template: "confirmation", data: { name: "a" } })).id;
  await until(async () => (await mail(id)).attempts > 0);
  assert.equal((await mail(id)).code, "network");
  assert.equal(mail_server.lines.filter((line) => line.rcpt).length, 0);
  await service.stop();
  service.options.push("--smtp-plain");
  await service.restart();
  assert.equal((await service.cli("mail", "retry", id)).code, 0);
  await ended(id, "sent");
  assert.equal(mail_server.to("clear@example.com")[0].tls, false);
});

test("wrong settings are named", async () => {
  const cases = [
    [["--smtp-url", "mail.example"], /smtp_url is smtp:\/\//],
    [["--smtp-url", "smtp://u:p@mail.example"], /smtp_url holds no user/],
    [["--smtp-url", "smtp://mail.example:587"], /mail_from belongs to smtp_url/],
    [["--smtp-url", "smtp://mail.example:587", "--mail-from", "shop"], /mail_from belongs to smtp_url/],
    [["--smtp-password-file", "/nonexistent"], /cannot be read from \/nonexistent/],
  ];
  for (const [words, expected] of cases) {
    const wrong = new Service({ options: words });
    await assert.rejects(wrong.start(), expected);
    await wrong.remove();
  }
});
