// The bus for operators, over HTTP and at the command line: pause that survives a restart, replay, dead letters.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_bus") });
const name = "parcels/marks";
const at = `/api/v1/subscriptions/${encodeURIComponent(name)}`;
let admin;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
});

after(() => service.remove());

const send = async (fields) => {
  const made = await admin.post("/api/v1/parcels", fields);
  assert.equal(made.status, 201, made.text);
  return made.body.id;
};
const marks = async (parcel) =>
  (await admin.get(`/api/v1/marks?limit=1000&filter=${encodeURIComponent(`name[eq]:"${parcel}"`)}`)).body.data.length;
const quiet = () => until(async () => (await admin.get(at)).body.backlog === 0, 20000);
const events = async (pattern) => (await admin.get(`/api/v1/events?pattern=${pattern}&limit=1000`)).body.data;

test("a pause says who and why, and survives kill -9", async () => {
  const paused = await admin.post(`${at}/pause`, { why: "the carrier is on strike" });
  assert.equal(paused.status, 200, paused.text);
  assert.equal(paused.body.paused_by, "user:root");
  await send({ name: "waits" });
  await service.kill();
  await service.restart();
  const shown = (await admin.get("/api/v1/subscriptions")).body.data.find((row) => row.name === name);
  assert.deepEqual([shown.paused, shown.paused_by, shown.paused_why], [true, "user:root", "the carrier is on strike"]);
  assert.ok(shown.lag > 0);
  assert.equal(await marks("waits"), 0);
  const listed = await service.cli("subscription", "list");
  assert.match(listed.stdout, /parcels\/marks.*user:root +the carrier is on strike/);
  const resumed = await service.cli("subscription", "resume", name, "--why", "they work again");
  assert.equal(resumed.code, 0, resumed.stderr);
  await until(() => marks("waits"));
  const again = await admin.post(`${at}/resume`);
  assert.equal(again.status, 409, again.text);
  assert.deepEqual((await events("bus.*")).map((event) => [event.type, event.actor, event.data.why]), [
    ["bus.subscription_paused", "user:root", "the carrier is on strike"],
    ["bus.subscription_resumed", `local:${process.getuid()}`, "they work again"],
  ]);
});

test("a replay from a position and from a time delivers again", async () => {
  await quiet();
  const began = new Date().toISOString();
  await send({ name: "again" });
  await until(() => marks("again"));
  const created = (await admin.get("/api/v1/events?pattern=parcel.created&limit=1000")).body.data.at(-1);
  const replayed = await admin.post(`${at}/replay`, { from: created.seq, why: "the marks were lost" });
  assert.equal(replayed.status, 200, replayed.text);
  assert.equal(replayed.body.from, created.seq);
  await until(async () => (await marks("again")) === 2);
  const byTime = await service.cli("subscription", "replay", name, began);
  assert.equal(byTime.code, 0, byTime.stderr);
  await until(async () => (await marks("again")) === 3);
  assert.equal(await marks("waits"), 1);
  assert.equal((await events("bus.subscription_replayed")).length, 2);
});

test("a dead letter is listed, shown, replayed and dropped", async () => {
  const mended = await send({ name: "mended", route: "north", broken: true });
  await send({ name: "lost", route: "north", broken: true });
  await send({ name: "after", route: "north" });
  const letters = await until(async () => {
    const { data } = (await admin.get(`/api/v1/dead-letters?subscription=${encodeURIComponent(name)}`)).body;
    return data.length === 2 && data;
  });
  await until(() => marks("after"));
  const [lost, first] = letters;
  assert.equal(first.key, "north");
  const shown = (await admin.get(`/api/v1/dead-letters/${first.id}`)).body;
  assert.match(shown.error, /parcel mended is broken/);
  assert.match(shown.traceback, /main\.lua:5/);
  assert.deepEqual([shown.event.type, shown.event.record, shown.event.data.after.name, shown.attempts, shown.held], [
    "parcel.created", mended, "mended", 2, false,
  ]);
  const onScreen = await service.cli("dead-letter", "show", first.id);
  assert.match(onScreen.stdout, /parcel mended is broken/);
  const list = await service.cli("dead-letter", "list", "--subscription", name, "--format", "json");
  assert.deepEqual(JSON.parse(list.stdout).map((row) => row.id), [lost.id, first.id]);

  assert.equal((await admin.patch(`/api/v1/parcels/${mended}`, { broken: false })).status, 200);
  const replayed = await service.cli("dead-letter", "replay", first.id);
  assert.equal(replayed.code, 0, replayed.stderr);
  await until(() => marks("mended"));
  const dropped = await admin.delete(`/api/v1/dead-letters/${lost.id}?why=insured`);
  assert.equal(dropped.status, 204, dropped.text);
  assert.deepEqual((await admin.get("/api/v1/dead-letters")).body.data, []);
  assert.equal((await admin.get(at)).body.dead, 0);
  const told = (await events("bus.*")).filter((event) => /dead_letter_/.test(event.type));
  assert.deepEqual(told.map((event) => [event.type, event.data.dead_letter, event.data.why ?? null]), [
    ["bus.dead_letter_replayed", first.id, null], ["bus.dead_letter_dropped", lost.id, "insured"],
  ]);
});

test("a replayed letter that fails again is one again", async () => {
  await send({ name: "hopeless", broken: true });
  const letter = await until(async () => (await admin.get("/api/v1/dead-letters")).body.data[0]);
  await admin.post(`/api/v1/dead-letters/${letter.id}/replay`);
  const next = await until(async () => (await admin.get("/api/v1/dead-letters")).body.data.find((row) => row.id !== letter.id));
  assert.equal(next.seq, letter.seq);
  assert.equal((await service.cli("dead-letter", "drop", next.id)).code, 0);
});

test("what makes no sense is refused with a reason", async () => {
  const nothing = await admin.post("/api/v1/subscriptions/parcels%2Fmark/pause", {});
  assert.deepEqual([nothing.status, nothing.body.errors[0].nearest], [404, name]);
  for (const [body, pointer] of [[{}, "/from"], [{ from: "yesterday" }, "/from"], [{ from: -1 }, "/from"], [{ form: 1 }, "/form"]]) {
    const answer = await admin.post(`${at}/replay`, body);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.body.errors[0].pointer, pointer);
  }
  assert.equal((await admin.post(`${at}/replay`, { from: 1e9 })).status, 400);
  assert.equal((await admin.post(`${at}/pause`, { why: "x".repeat(501) })).status, 413);
  for (const id of ["x", "0000000000000"]) {
    assert.equal((await admin.get(`/api/v1/dead-letters/${id}`)).status, 404);
    assert.equal((await admin.post(`/api/v1/dead-letters/${id}/replay`)).status, 404);
    assert.equal((await admin.delete(`/api/v1/dead-letters/${id}`)).status, 404);
  }
  const wrong = await service.cli("subscription", "replay", name, "soon");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /position of the log/);
});

test("operators look, administrators act, others see nothing", async () => {
  const auditor = await service.client("auditor");
  const user = await service.client("user");
  assert.equal((await auditor.get(at)).status, 200);
  const reads = [at, "/api/v1/subscriptions", "/api/v1/dead-letters", "/api/v1/dead-letters/0000000000000"];
  const posts = [`${at}/pause`, `${at}/resume`, `${at}/replay`, "/api/v1/dead-letters/0000000000000/replay"];
  for (const target of reads) assert.equal((await user.get(target)).status, 403, target);
  for (const client of [user, auditor]) {
    for (const target of posts) assert.equal((await client.post(target, {})).status, 403, target);
    assert.equal((await client.delete("/api/v1/dead-letters/0000000000000")).status, 403);
  }
});
