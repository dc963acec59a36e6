// Webhooks against real receivers: signatures checked by other people's code, retries and dead letters, crashes, rotation, filters,
// rights, and addresses that must not be called.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { Webhook } from "standardwebhooks";
import { Service, root, until } from "./service.mjs";
import { Receiver, checkAsymmetric } from "./receiver.mjs";

// A short schedule, so that what takes days takes moments; the real one is in the unit tests.
const options = [
  ["--webhook-schedule", "100ms,200ms"],
  ["--webhook-timeout", "1s"],
  ["--outgoing-allow", "127.0.0.1"],
].flat();
const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins"), options });
const receivers = [];
let admin;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
});

after(async () => {
  for (const receiver of receivers) await receiver.stop();
  await service.remove();
});

async function newReceiver() {
  const receiver = await new Receiver().start();
  receivers.push(receiver);
  return receiver;
}

// A webhook to this receiver, whose deliveries are checked from then on.
async function newWebhook(receiver, more = {}) {
  const name = more.name ?? `hook-${Math.random().toString(36).slice(2, 10)}`;
  const made = await admin.post("/api/v1/webhooks", { name, url: receiver.url, events: ["matter.*"], payload: "changes", ...more });
  assert.equal(made.status, 201, made.text);
  receiver.keys = { secret: made.body.secret, public_key: made.body.public_key };
  return made.body;
}

async function newMatter(fields = {}) {
  const made = await admin.post("/api/v1/matters", { name: "matter", ...fields });
  assert.equal(made.status, 201, made.text);
  return made.body;
}

async function remove(...hooks) {
  for (const hook of hooks) assert.equal((await admin.delete(`/api/v1/webhooks/${hook.id}`)).status, 204);
}

test("a webhook is a record; its secret is shown once", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver, { name: "once", headers: { "X-Tenant": "acme-7", Authorization: "Bearer hidden-5" } });
  assert.match(hook.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.match(hook.public_key, /^whpk_/);
  const shown = await admin.get(`/api/v1/webhooks/${hook.id}`);
  assert.equal(shown.status, 200);
  assert.deepEqual(shown.body.events, ["matter.*"]);
  assert.deepEqual([...shown.body.headers].sort(), ["Authorization", "X-Tenant"]);
  const status = await admin.get(`/api/v1/webhooks/${hook.id}/status`);
  assert.equal(status.body.state, "active");
  assert.equal(status.body.keys[0].public_key, hook.public_key);
  const log = await admin.get("/api/v1/events?object=webhook&limit=100");
  for (const text of [shown.text, status.text, log.text, service.log]) {
    assert.ok(!text.includes(hook.secret.slice(6)), "the secret is shown again");
    assert.ok(!text.includes("hidden-5"), "a header's value is shown");
  }
  await remove(hook);
  assert.equal((await admin.get(`/api/v1/webhooks/${hook.id}`)).status, 404);
  await until(async () => (await admin.get(`/api/v1/webhooks/${hook.id}/status`)).status === 404);
});

test("deliveries are CloudEvents, signed by v1 and v1a, with the headers asked for", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver, { headers: { "X-Tenant": "acme-7" } });
  const matter = await newMatter({ name: "Ψηφιακή υπόθεση", effort: 3 });
  await admin.patch(`/api/v1/matters/${matter.id}`, { stage: "review" });
  await until(() => receiver.deliveries.length === 2);
  assert.deepEqual(receiver.wrong, []);
  const [{ headers, event }, second] = receiver.deliveries;
  assert.equal(headers["content-type"], "application/cloudevents+json; charset=utf-8");
  assert.equal(headers["x-tenant"], "acme-7");
  assert.equal(headers["webhook-id"], event.id);
  assert.ok(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1000) < 60);
  assert.equal(event.specversion, "1.0");
  assert.equal(event.type, "matter.created");
  assert.equal(event.source, "/api/v1/matters");
  assert.equal(event.subject, matter.id);
  assert.equal(event.datacontenttype, "application/json");
  assert.equal(event.data.after.name, "Ψηφιακή υπόθεση");
  for (const name of Object.keys(event)) assert.match(name, /^[a-z0-9]{1,20}$/);
  assert.ok(!("seq" in event) && !JSON.stringify(event).includes('"cause"'), "positions are not for outsiders");
  assert.equal(second.event.state, "stage.review");
  assert.deepEqual(second.event.data.before, { stage: "open" });
  // A body that was touched, or another key, does not pass: the checks can fail.
  assert.throws(() => new Webhook(hook.secret).verify(receiver.deliveries[0].body + " ", headers));
  assert.throws(() => checkAsymmetric(hook.public_key, headers, receiver.deliveries[0].body + " "));
  const other = await newWebhook(await newReceiver());
  assert.throws(() => new Webhook(other.secret).verify(receiver.deliveries[0].body, headers));
  assert.throws(() => checkAsymmetric(other.public_key, headers, receiver.deliveries[0].body));
  await remove(hook, other);
});

test("a notice names what changed, and no value", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver, { payload: "notice" });
  const matter = await newMatter({ name: "quiet words" });
  await until(() => receiver.deliveries.length === 1);
  assert.deepEqual(receiver.wrong, []);
  assert.deepEqual(receiver.deliveries[0].event.data, { object: "matter", record: matter.id, version: 1 });
  assert.ok(!receiver.deliveries[0].body.includes("quiet words"));
  await remove(hook);
});

test("patterns and filter choose", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver, { events: ["matter.created", "matter.stage.review"], filter: "effort > 10 or stage == 'review'" });
  const small = await newMatter({ effort: 1 });
  const large = await newMatter({ effort: 20 });
  await admin.patch(`/api/v1/matters/${large.id}`, { effort: 21 }); // no pattern
  await admin.patch(`/api/v1/matters/${small.id}`, { stage: "review" });
  await until(() => receiver.deliveries.length >= 2);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(
    receiver.deliveries.map(({ event }) => [event.type, event.subject]),
    [["matter.created", large.id], ["matter.updated", small.id]],
  );
  // A change counts from the next event on.
  const changed = await admin.patch(`/api/v1/webhooks/${hook.id}`, { filter: null, events: ["matter.created"] });
  assert.equal(changed.status, 200, changed.text);
  await newMatter({ effort: 1 });
  await until(() => receiver.deliveries.length === 3);
  await remove(hook);
});

test("a receiver that fails is tried again, in order, then listed as dead with its last answer", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  const matter = await newMatter({ effort: 0 });
  await until(() => receiver.deliveries.length === 1);
  receiver.deliveries.length = 0;
  receiver.answer = ({ event }) => (event.data.after.effort === 1 ? { status: 503, text: "down for tea" } : { status: 200 });
  const other = await newMatter({ effort: 5 });
  for (const effort of [1, 2, 3]) await admin.patch(`/api/v1/matters/${matter.id}`, { effort });
  const status = () => admin.get(`/api/v1/webhooks/${hook.id}/status`);
  await until(async () => (await status()).body.dead === 1);
  await until(() => receiver.deliveries.some(({ event }) => event.data.after.effort === 3));
  assert.deepEqual(receiver.wrong, []);
  const of = receiver.deliveries.filter(({ event }) => event.subject === matter.id);
  assert.deepEqual(of.map(({ event }) => event.data.after.effort), [1, 1, 1, 2, 3]);
  const ids = new Set(of.slice(0, 3).map(({ headers }) => headers["webhook-id"]));
  assert.equal(ids.size, 1, "the id stays the same");
  assert.ok(of[1].at - of[0].at >= 100 && of[2].at - of[1].at >= 200, "not sooner than the schedule");
  assert.ok(receiver.deliveries.some(({ event }) => event.subject === other.id), "others go on");
  const dead = await admin.get(`/api/v1/webhooks/${hook.id}/dead-letters`);
  assert.equal(dead.status, 200, dead.text);
  assert.equal(dead.body.data.length, 1);
  assert.match(dead.body.data[0].error, /answered 503/);
  assert.equal(dead.body.data[0].traceback, "down for tea");
  assert.equal(dead.body.data[0].attempts, 3);
  // The log of attempts tells the same.
  const failed = await admin.get(`/api/v1/webhooks/${hook.id}/deliveries?failed=true`);
  assert.deepEqual(failed.body.data.map((row) => [row.attempt, row.status, row.answer]), [3, 2, 1].map((n) => [n, 503, "down for tea"]));
  assert.equal(failed.body.data[0].event, [...ids][0]);
  // Replayed, it arrives under the same id.
  receiver.answer = () => ({ status: 200 });
  receiver.deliveries.length = 0;
  const replayed = await admin.post(`/api/v1/dead-letters/${dead.body.data[0].id}/replay`, {});
  assert.equal(replayed.status, 200, replayed.text);
  await until(() => receiver.deliveries.length === 1);
  assert.equal(receiver.deliveries[0].headers["webhook-id"], [...ids][0]);
  await until(async () => (await status()).body.dead === 0);
  await remove(hook);
});

test("Retry-After is honoured; redirects and slowness are failures", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  const answers = [
    { status: 429, headers: { "retry-after": "1" } },
    { status: 302, headers: { location: `${receiver.url}/elsewhere` } },
    { status: 200 },
  ];
  receiver.answer = () => answers.shift();
  await newMatter();
  await until(() => receiver.deliveries.length === 3);
  const [first, second] = receiver.deliveries;
  assert.ok(second.at - first.at >= 950, `asked for 1 s, came after ${second.at - first.at} ms`);
  assert.ok(receiver.deliveries.every((one) => one.path === "/hook"), "no redirect is followed");
  let slow = true;
  receiver.answer = () => (slow ? { status: 200, afterMs: 1500 } : { status: 200 });
  await newMatter({ name: "slow" });
  await until(async () => (await admin.get(`/api/v1/webhooks/${hook.id}/deliveries?failed=true&limit=1`)).body.data[0]?.code === "timeout");
  slow = false;
  await until(async () => (await admin.get(`/api/v1/webhooks/${hook.id}/status`)).body.state === "active");
  await remove(hook);
});

test("410 switches it off; switched on again, nothing is lost", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  receiver.answer = () => ({ status: 410 });
  const first = await newMatter({ name: "first" });
  const off = await until(async () => {
    const shown = await admin.get(`/api/v1/webhooks/${hook.id}`);
    return shown.body.enabled === false && shown.body;
  });
  assert.match(off.stopped, /410/);
  const calls = receiver.deliveries.length;
  const second = await newMatter({ name: "second" });
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(receiver.deliveries.length, calls, "it is called although it is off");
  assert.equal((await admin.get(`/api/v1/webhooks/${hook.id}/status`)).body.state, "disabled");
  receiver.answer = () => ({ status: 200 });
  receiver.deliveries.length = 0;
  assert.equal((await admin.patch(`/api/v1/webhooks/${hook.id}`, { enabled: true })).status, 200);
  await until(() => receiver.deliveries.length === 2);
  assert.deepEqual(receiver.deliveries.map(({ event }) => event.subject).sort(), [first.id, second.id].sort());
  assert.equal((await admin.get(`/api/v1/webhooks/${hook.id}`)).body.stopped ?? null, null);
  await remove(hook);
});

test("rotation: both keys sign for a while, then the old one ends", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  const rotated = await admin.post(`/api/v1/webhooks/${hook.id}/rotate`, { overlap: "2s" });
  assert.equal(rotated.status, 200, rotated.text);
  assert.notEqual(rotated.body.secret, hook.secret);
  receiver.keys = null;
  await newMatter();
  await until(() => receiver.deliveries.length === 1);
  const { headers, body } = receiver.deliveries[0];
  for (const keys of [hook, rotated.body]) {
    new Webhook(keys.secret).verify(body, headers);
    checkAsymmetric(keys.public_key, headers, body);
  }
  await until(async () => (await admin.get(`/api/v1/webhooks/${hook.id}/status`)).body.keys.length === 1);
  await newMatter();
  await until(() => receiver.deliveries.length === 2);
  const later = receiver.deliveries[1];
  new Webhook(rotated.body.secret).verify(later.body, later.headers);
  assert.throws(() => new Webhook(hook.secret).verify(later.body, later.headers));
  // At most four sign at a time.
  for (const expected of [200, 200, 200, 413]) {
    assert.equal((await admin.post(`/api/v1/webhooks/${hook.id}/rotate`, { overlap: "1h" })).status, expected);
  }
  assert.equal((await admin.post(`/api/v1/webhooks/${hook.id}/rotate`, { overlap: "0s" })).status, 200);
  assert.equal((await admin.post(`/api/v1/webhooks/${hook.id}/rotate`, { overlap: "8d" })).status, 400);
  await remove(hook);
});

test("a ping, and one event again", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  const pinged = await admin.post(`/api/v1/webhooks/${hook.id}/test`, {});
  assert.equal(pinged.status, 200, pinged.text);
  assert.equal(pinged.body.delivered, true);
  assert.equal(receiver.deliveries[0].event.type, "webhook.ping");
  receiver.answer = () => ({ status: 500, text: "no" });
  const refused = await admin.post(`/api/v1/webhooks/${hook.id}/test`, {});
  assert.deepEqual([refused.body.delivered, refused.body.status, refused.body.answer], [false, 500, "no"]);
  receiver.answer = () => ({ status: 200 });
  await newMatter({ name: "again" });
  await until(() => receiver.deliveries.length === 3);
  const id = receiver.deliveries[2].headers["webhook-id"];
  const again = await admin.post(`/api/v1/webhooks/${hook.id}/replay`, { event: id });
  assert.equal(again.status, 200, again.text);
  assert.equal(receiver.deliveries[3].headers["webhook-id"], id);
  assert.equal(receiver.deliveries[3].body, receiver.deliveries[2].body);
  assert.deepEqual(receiver.wrong, []);
  const other = await newWebhook(await newReceiver());
  assert.equal((await admin.post(`/api/v1/webhooks/${other.id}/replay`, { event: id })).status, 400, "another webhook's id");
  await remove(hook, other);
});

test("everything from a position again", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  for (let n = 0; n < 5; n++) await newMatter({ effort: n });
  await until(() => receiver.deliveries.length === 5);
  const from = receiver.deliveries[2];
  const replay = await until(async () => {
    const asked = await admin.post(`/api/v1/webhooks/${hook.id}/replay`, { from: from.headers["webhook-id"] });
    return asked.status === 200 && asked;
  });
  assert.ok(replay.body, replay.text);
  await until(() => receiver.deliveries.length === 8);
  assert.deepEqual(receiver.deliveries.slice(5).map(({ event }) => event.data.after.effort), [2, 3, 4]);
  assert.deepEqual(receiver.deliveries.slice(5).map(({ event }) => event.id), receiver.deliveries.slice(2, 5).map(({ event }) => event.id));
  const time = await admin.post(`/api/v1/webhooks/${hook.id}/replay`, { from: receiver.deliveries[4].event.time });
  assert.equal(time.status, 200, time.text);
  await until(() => receiver.deliveries.length >= 9);
  for (const wrong of ["yesterday", "evt_AAAA", ""]) {
    assert.equal((await admin.post(`/api/v1/webhooks/${hook.id}/replay`, { from: wrong })).status, 400);
  }
  await remove(hook);
});

test("rights: masked and hidden fields stay so, rows too, and a role that changes counts at once", async () => {
  const verbs = ["read", "create", "update"];
  const role = await admin.post("/api/v1/roles", { name: "narrow", grants: { matter: { verbs, rows: "all", classes: { pii: "masked", phi: "hidden", pan: "hidden" } } } });
  const own = await admin.post("/api/v1/roles", { name: "nobodys", grants: { matter: { verbs, rows: "own" } } });
  assert.equal(role.status, 201, role.text);
  const [narrow, blind, whole] = [await newReceiver(), await newReceiver(), await newReceiver()];
  const hooks = [
    await newWebhook(narrow, { role: "narrow" }),
    await newWebhook(blind, { role: own.body.id }),
    await newWebhook(whole), // its maker's view
  ];
  await newMatter({ name: "seen", contact: "SECRETCONTACT", finding: "SECRETFINDING", card: "4111111111111111" });
  await until(() => narrow.deliveries.length === 1 && whole.deliveries.length === 1);
  assert.equal(whole.deliveries[0].event.data.after.finding, "SECRETFINDING");
  const { after } = narrow.deliveries[0].event.data;
  assert.equal(after.name, "seen");
  assert.equal(after.contact, "•••");
  assert.ok(!/SECRET|4111|finding/.test(narrow.deliveries[0].body), narrow.deliveries[0].body);
  // A filter does not tell either.
  await admin.patch(`/api/v1/webhooks/${hooks[0].id}`, { filter: "finding == 'SECRETFINDING'" });
  await newMatter({ name: "asked", finding: "SECRETFINDING" });
  await until(() => whole.deliveries.length === 2);
  await admin.patch(`/api/v1/webhooks/${hooks[0].id}`, { filter: null });
  await admin.patch(`/api/v1/roles/${role.body.id}`, { grants: { matter: { verbs, rows: "all", classes: { pii: "hidden" } } } });
  await newMatter({ name: "later", contact: "SECRETCONTACT" });
  await until(() => narrow.deliveries.length === 2);
  assert.equal(narrow.deliveries[1].event.data.after.name, "later");
  assert.ok(!narrow.deliveries[1].body.includes("contact"), narrow.deliveries[1].body);
  assert.equal(blind.deliveries.length, 0, "it owns nothing and sees nothing");
  // The ids of one event differ from webhook to webhook.
  const ids = [narrow, whole].map((receiver) => receiver.deliveries.at(-1).event.id);
  assert.notEqual(ids[0], ids[1]);
  await remove(...hooks);
});

test("a user's view ends with the user", async () => {
  const receiver = await newReceiver();
  await service.client("reader", "leaver");
  const found = await admin.get(`/api/v1/users?filter=${encodeURIComponent('name[eq]:"leaver"')}`);
  const user = found.body.data[0].id;
  const hook = await newWebhook(receiver, { user });
  await newMatter({ name: "before" });
  await until(() => receiver.deliveries.length === 1);
  await admin.patch(`/api/v1/users/${user}`, { state: "disabled" });
  await newMatter({ name: "after" });
  const status = await until(async () => {
    const shown = await admin.get(`/api/v1/webhooks/${hook.id}/status`);
    return shown.body.state === "broken" && shown.body;
  });
  assert.match(status.why, /disabled/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(receiver.deliveries.length, 1);
  await remove(hook);
});

test("only administrators make them; a role that names the type may look", async () => {
  const role = await admin.post("/api/v1/roles", { name: "hookers", grants: { webhook: { verbs: ["read", "create", "update", "delete"] }, matter: { verbs: ["read"] } } });
  assert.equal(role.status, 201, role.text);
  const [plain, named] = [await service.client("manager"), await service.client("hookers")];
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver);
  const body = { name: "theirs", url: receiver.url, events: ["*"] };
  for (const client of [plain, named]) {
    assert.equal((await client.post("/api/v1/webhooks", body)).status, 403);
    assert.equal((await client.patch(`/api/v1/webhooks/${hook.id}`, { url: "https://evil.example/" })).status, 403);
    for (const verb of ["test", "rotate", "replay"]) assert.equal((await client.post(`/api/v1/webhooks/${hook.id}/${verb}`, {})).status, 403, verb);
    for (const part of ["status", "deliveries", "dead-letters"]) assert.equal((await client.get(`/api/v1/webhooks/${hook.id}/${part}`)).status, 403, part);
  }
  assert.equal((await plain.get("/api/v1/webhooks")).status, 404);
  const listed = await named.get("/api/v1/webhooks");
  assert.equal(listed.status, 200);
  assert.ok(listed.body.data.some((row) => row.id === hook.id));
  // Nor by the ways of other records.
  const bulk = await named.request("POST", "/api/v1/webhooks/bulk", { body: JSON.stringify(body) + "\n", headers: { "content-type": "application/x-ndjson" } });
  assert.ok(!/"status":20/.test(bulk.text), bulk.text);
  await remove(hook);
});

test("what is wrong is refused, with its place", async () => {
  const receiver = await newReceiver();
  const good = { name: "wrong", url: receiver.url, events: ["matter.*"] };
  const lines = [
    [{ url: "ftp://x.example/" }, "/url"],
    [{ url: "http://x.example/" }, "/url"],
    [{ url: "https://user:pass@x.example/" }, "/url"],
    [{ events: ["Matter"] }, "/events/0"],
    [{ events: [] }, "/events"],
    [{ filter: "effort >" }, "/filter"],
    [{ headers: { Host: "x" } }, "/headers/Host"],
    [{ headers: { X: "a\r\nb" } }, "/headers/X"],
    [{ role: "nosuchrole" }, "/role"],
    [{ role: "admin", user: "0000000000001" }, "/role"],
    [{ evnts: ["*"] }, "/evnts"],
  ];
  for (const [more, pointer] of lines) {
    const refused = await admin.post("/api/v1/webhooks", { ...good, ...more });
    assert.ok(refused.status >= 400 && refused.status < 500, JSON.stringify(more));
    assert.equal(refused.body.errors?.[0]?.pointer, pointer, refused.text);
  }
  const stale = await newWebhook(receiver);
  const old = await admin.request("PATCH", `/api/v1/webhooks/${stale.id}`, { body: { description: "x" }, headers: { "if-match": '"7"' } });
  assert.equal(old.status, 412, old.text);
  const twin = await admin.post("/api/v1/webhooks", { ...good, name: stale.name });
  assert.equal(twin.status, 409, twin.text);
  assert.equal((await admin.post("/api/v1/webhooks/0000000000001/test", {})).status, 404);
  await remove(stale);
});

test("an address inside is refused at connect, and said so", async () => {
  const strict = new Service({ plugins: path.join(root, "tests/fixtures/plugins") });
  try {
    await strict.start();
    const client = await strict.client("admin", "root");
    const inside = ["https://localhost/hook", "https://127.0.0.1:8443/", "https://[::1]/", "https://169.254.169.254/latest", "https://10.0.0.1/"];
    for (const [n, url] of inside.entries()) {
      const made = await client.post("/api/v1/webhooks", { name: `inside ${n}`, url, events: ["matter.*"] });
      assert.equal(made.status, 201, made.text); // what a name points to is known at the connect alone
      const pinged = await client.post(`/api/v1/webhooks/${made.body.id}/test`, {});
      assert.equal(pinged.status, 200, pinged.text);
      assert.deepEqual([pinged.body.delivered, pinged.body.status], [false, null]);
      assert.match(pinged.body.error, /outgoing_allow/);
      const attempts = await client.get(`/api/v1/webhooks/${made.body.id}/deliveries`);
      assert.equal(attempts.body.data[0].code, "address_refused", attempts.text);
    }
  } finally {
    await strict.remove();
  }
});

test("kill -9 during deliveries: nothing is lost, order per record is kept", async () => {
  const receiver = await newReceiver();
  const hook = await newWebhook(receiver, { events: ["matter.updated"] });
  const records = [];
  for (let n = 0; n < 6; n++) records.push(await newMatter({ effort: 0 }));
  receiver.answer = () => ({ status: 200, afterMs: Math.random() * 15 });
  const acknowledged = new Map(records.map((record) => [record.id, 0]));
  let effort = 0;
  for (let round = 0; round < 3; round++) {
    const killAt = effort + 12;
    let killed = null;
    while (killed === null || effort < killAt + 3) {
      effort++;
      if (effort === killAt) killed = new Promise((resolve) => setTimeout(async () => resolve(await service.kill()), Math.random() * 60));
      const writes = records.map(async (record) => {
        const written = await admin.patch(`/api/v1/matters/${record.id}`, { effort }).catch(() => null);
        if (written?.status === 200) acknowledged.set(record.id, Math.max(acknowledged.get(record.id), effort));
      });
      await Promise.all(writes);
    }
    await killed;
    await service.restart();
  }
  // What is in the log: all that was acknowledged, and perhaps what was written and not answered any more.
  const updates = [];
  for (let after = ""; ; ) {
    const page = await admin.get(`/api/v1/events?object=matter&pattern=matter.updated&limit=1000&after=${after}`);
    updates.push(...page.body.data);
    if (page.body.data.length === 0) break;
    after = page.body.next;
  }
  const seen = (id) => receiver.deliveries.filter(({ event }) => event.subject === id).map(({ event }) => event.data.after.effort);
  const expected = (id) => updates.filter((event) => event.record === id).map((event) => event.data.after.effort);
  for (const { id } of records) assert.ok(expected(id).includes(acknowledged.get(id)) || acknowledged.get(id) === 0);
  const all = () => records.every(({ id }) => expected(id).every((one) => seen(id).includes(one)));
  await until(all).catch(async (error) => {
    const status = await admin.get(`/api/v1/webhooks/${hook.id}/status`);
    throw new Error(`${error.message}: ${status.text}\n${service.log.slice(-2000)}`);
  });
  assert.deepEqual(receiver.wrong, []);
  for (const { id } of records) {
    const first = [...new Set(seen(id))];
    assert.deepEqual(first, expected(id), "each event arrives, first arrivals in order");
    // What comes twice comes under the same id.
    for (const effortSeen of first) {
      const ids = new Set(receiver.deliveries.filter(({ event }) => event.subject === id && event.data.after.effort === effortSeen).map(({ event }) => event.id));
      assert.equal(ids.size, 1);
    }
  }
  await remove(hook);
});

test("the command line does all of it", async () => {
  const receiver = await newReceiver();
  const made = await service.cli("webhook", "create", "shell", receiver.url, "matter.*", "--role", "reader", "--header", "X-Tenant: acme", "--format", "json");
  assert.equal(made.code, 0, made.stderr);
  const hook = JSON.parse(made.stdout);
  receiver.keys = { secret: hook.secret, public_key: hook.public_key };
  const list = await service.cli("webhook", "list");
  assert.match(list.stdout, /shell/);
  const pinged = await service.cli("webhook", "test", "shell");
  assert.equal(pinged.code, 0, pinged.stderr);
  assert.equal(receiver.deliveries[0].headers["x-tenant"], "acme");
  const shown = await service.cli("webhook", "show", "shell", "--format", "json");
  assert.equal(JSON.parse(shown.stdout).state, "active");
  receiver.answer = () => ({ status: 500 });
  assert.equal((await service.cli("webhook", "test", "shell")).code, 1, "a ping that fails is a failure");
  receiver.answer = () => ({ status: 200 });
  await newMatter();
  await until(() => receiver.deliveries.length === 3);
  const rotated = await service.cli("webhook", "rotate", "shell", "--overlap", "1h", "--format", "json");
  assert.match(JSON.parse(rotated.stdout).secret, /^whsec_/);
  const deliveries = await service.cli("webhook", "deliveries", "shell", "--format", "json");
  const rows = JSON.parse(deliveries.stdout);
  assert.equal(rows[0].type, "matter.created");
  assert.equal((await service.cli("webhook", "replay", "shell", "--event", rows[0].event)).code, 0);
  assert.equal(receiver.deliveries.length, 4);
  assert.equal((await service.cli("webhook", "replay", "shell", "--from", rows[0].event)).code, 0);
  await until(() => receiver.deliveries.length === 5);
  assert.equal((await service.cli("webhook", "delete", "shell")).code, 0);
  const unknown = await service.cli("webhook", "show", "shell");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no webhook/);
});

test("a request to make one that is repeated with its Idempotency-Key has the first answer, secret included", async () => {
  const receiver = await newReceiver();
  const body = { name: "repeated", url: receiver.url, events: ["matter.*"], payload: "changes" };
  const headers = { "idempotency-key": "make-it-once" };
  const first = await admin.post("/api/v1/webhooks", body, headers);
  const again = await admin.post("/api/v1/webhooks", body, headers);
  assert.deepEqual([first.status, again.status], [201, 201]);
  assert.equal(first.headers.get("idempotency-replayed"), null);
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  assert.equal(again.text, first.text);
  for (const name of ["location", "etag"]) assert.equal(again.headers.get(name), first.headers.get(name));
  const other = await admin.post("/api/v1/webhooks", { ...body, name: "other" }, headers);
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_mismatch"]);
  const wrong = await admin.post("/api/v1/webhooks", { ...body, url: "nonsense" }, { "idempotency-key": "wrong" });
  assert.equal(wrong.status, 400);
  const corrected = await admin.post("/api/v1/webhooks", { ...body, name: "corrected" }, { "idempotency-key": "wrong" });
  assert.equal(corrected.status, 201, "a key whose request was refused is free again");
  const many = await Promise.all(Array.from({ length: 6 }, () => admin.post("/api/v1/webhooks", { ...body, name: "race" }, { "idempotency-key": "race" })));
  assert.equal(new Set(many.filter((one) => one.status === 201).map((one) => one.body.id)).size, 1);
  assert.ok(many.every((one) => one.status === 201 || one.body.code === "in_flight"), many.map((one) => one.text).join("\n"));
  assert.equal((await admin.get("/api/v1/webhooks?limit=100")).body.data.filter((one) => one.name === "repeated" || one.name === "race").length, 2);
  receiver.keys = { secret: again.body.secret, public_key: again.body.public_key };
  await remove(corrected.body, many.find((one) => one.status === 201).body);
  await newMatter();
  await until(() => receiver.deliveries.length === 1);
  assert.deepEqual(receiver.wrong, [], "it signs with the secret that was answered");
  for (const file of readdirSync(service.folder).filter((name) => /\.db(-wal)?$/.test(name))) {
    assert.ok(!readFileSync(path.join(service.folder, file)).includes(first.body.secret), `${file} holds the secret as text`);
  }
  await remove(first.body);
});

test("one that is imported has a key of its own at once", async () => {
  const receiver = await newReceiver();
  const user = (await admin.get("/api/v1/me")).body.user;
  const job = await admin.import("webhook", `name,url,events,payload,user\nimported,${receiver.url},"[""matter.*""]",changes,${user}\n`);
  assert.equal(job.body.counts.created, 1, (await admin.get(`/api/v1/jobs/${job.body.id}/errors`)).text);
  const hook = (await admin.get("/api/v1/webhooks?limit=100")).body.data.find((one) => one.name === "imported");
  const status = await until(async () => {
    const { body } = await admin.get(`/api/v1/webhooks/${hook.id}/status`);
    return body.keys.length > 0 ? body : null;
  });
  assert.equal(status.state, "active");
  assert.equal(status.keys.length, 1);
  await newMatter();
  await until(() => receiver.deliveries.length === 1);
  const [{ headers, body }] = receiver.deliveries;
  checkAsymmetric(status.keys[0].public_key, headers, body);
  const rotated = await admin.post(`/api/v1/webhooks/${hook.id}/rotate`, { overlap: "0s" });
  receiver.keys = rotated.body;
  await newMatter();
  await until(() => receiver.deliveries.length === 2);
  assert.deepEqual(receiver.wrong, [], "the secret that rotating shows signs from then on");
  await remove(hook);
});

test("making one does not hold the loop up while the disk works", async () => {
  const receiver = await newReceiver();
  const made = await Promise.all(Array.from({ length: 40 }, (_, i) =>
    admin.post("/api/v1/webhooks", { name: `many ${i}`, url: receiver.url, events: ["matter.*"] })));
  assert.ok(made.every((one) => one.status === 201), made.find((one) => one.status !== 201)?.text);
  const subscriptions = (await admin.get("/api/v1/subscriptions")).body.data.map((row) => row.name);
  for (const { body } of made) assert.ok(subscriptions.includes(`webhook/${body.id}`), "answered before it is in force");
  await newMatter();
  await until(() => receiver.deliveries.length === 40);
  await remove(...made.map((one) => one.body));
});

test("figures", async () => {
  const figures = await fetch(`${service.url}/metrics`).then((response) => response.text());
  for (const name of ["webhooks", "webhook_delivered_total", "webhook_failed_total", "webhook_dead_total", "webhook_sending"]) {
    assert.match(figures, new RegExp(`^proxenos_${name} \\d`, "m"));
  }
});
