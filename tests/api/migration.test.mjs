// A plugin's upgrade that changes stored values: what a dry run says, the backup, the past under today's names, and that whatever
// fails (records that do not fit, the new code, kill -9) leaves the old version at work; and uninstalling with custom fields.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const place = mkdtempSync(path.join(tmpdir(), "proxenos-migration-"));
const folder = path.join(place, "plugins");
mkdirSync(folder);
const service = new Service({ plugins: folder });
let client;
let sources = 0;

const rename = '{ rename = "deal.value", to = "amount" }';
const versions = {
  "1.0.0": { fields: '{ "name", "text" }, { "value", "integer" }, { "stage", "enum", of = { "new", "old" } }, { "memo", "text" }' },
  "2.0.0": {
    fields: '{ "name", "text" }, { "amount", "integer" }, { "stage", "enum", of = { "new" } }',
    files: { "0001-amount.lua": `return { ${rename}, { narrow = "deal.stage", on_misfit = "new" }, { drop = "deal.memo" } }` },
  },
};
function source(version, { fields, files = {}, main = "" }) {
  const where = path.join(place, `source${++sources}`, "deals");
  mkdirSync(path.join(where, "migrations"), { recursive: true });
  writeFileSync(
    path.join(where, "plugin.lua"),
    `return { name = "deals", version = "${version}", api = 1, can = { read = { "deal" }, write = { "deal" }, http = true } }`,
  );
  writeFileSync(path.join(where, "schema.lua"), `return { objects = { deal = { title = "name", fields = { ${fields} } } } }`);
  writeFileSync(path.join(where, "main.lua"), main || 'px.route("GET", "/version", function() return { json = { version = "' + version + '" } } end)');
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(where, "migrations", name), text);
  return where;
}
const install = (version, parts = versions[version], ...words) => service.cli("plugin", "install", source(version, parts), "--grant", ...words);
const runs = async () => (await client.get("/x/deals/version")).body?.version;
const deal = async (id) => (await client.get(`/api/v1/deals/${id}`)).body;
const events = async (pattern) => (await client.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;
async function good(answer) {
  const got = await answer;
  assert.equal(got.code, 0, got.stderr);
  return got.stdout;
}
async function verified() {
  const answer = await service.cli("audit", "verify");
  assert.equal(answer.code, 0, answer.stdout + answer.stderr);
}
let id;

before(async () => {
  await service.start();
  client = await service.client("admin");
  await good(install("1.0.0"));
  const made = await client.post("/api/v1/deals", { name: "Tug", value: 12, stage: "old", memo: "by hand" });
  assert.equal(made.status, 201, made.text);
  id = made.body.id;
});
after(async () => {
  await service.remove();
  rmSync(place, { recursive: true, force: true });
});

test("without a file it is refused, with the name of what is missing; the old version goes on", async () => {
  const answer = await install("2.0.0", { ...versions["2.0.0"], files: {} });
  assert.equal(answer.code, 1);
  assert.match(answer.stderr, /narrow = "deal.stage"/);
  assert.equal(await runs(), "1.0.0");
  assert.equal((await deal(id)).value, 12);
});

test("records that do not fit: counted, the first one named; the old version goes on", async () => {
  const files = { "0001-amount.lua": `return { ${rename}, { narrow = "deal.stage" } }` };
  const answer = await install("2.0.0", { ...versions["2.0.0"], files });
  assert.equal(answer.code, 1);
  assert.match(answer.stderr, /1 record does not fit deal.stage, the first is/);
  assert.match(answer.stderr, /migrations\/0001-amount.lua: step 2/);
  assert.equal(await runs(), "1.0.0");
  assert.equal((await deal(id)).value, 12);
});

test("new code that fails behind the migration: all values are back", async () => {
  const answer = await install("2.0.0", { ...versions["2.0.0"], main: 'error("broken on purpose")' });
  assert.equal(answer.code, 1);
  assert.match(answer.stderr, /broken on purpose/);
  assert.equal(await runs(), "1.0.0");
  const now = await deal(id);
  assert.deepEqual([now.value, now.stage, now.memo, now.amount], [12, "old", "by hand", undefined]);
  const then = (await client.get(`/api/v1/deals/${id}?as_of=${encodeURIComponent(new Date().toISOString())}`)).body;
  assert.deepEqual([then.value, then.stage, then.memo], [12, "old", "by hand"]);
  await verified();
});

test("kill -9 between migration and end: the next start has the old version and all its values", async () => {
  for (let turn = 0; turn < 3; turn++) {
    const before = (await events("schema.migrated")).length;
    const going = install("2.0.0", { ...versions["2.0.0"], main: 'local x = 0 for i = 1, 50000000 do x = x + i end error("no")' });
    await until(async () => (await events("schema.migrated")).length > before);
    await service.kill();
    await going;
    await service.restart();
    client.service = service;
    assert.equal(await until(runs), "1.0.0");
    const now = await deal(id);
    assert.deepEqual([now.value, now.stage, now.memo, now.amount], [12, "old", "by hand", undefined], `turn ${turn}`);
  }
  assert.equal((await events("schema.migration_undone")).length, 4);
  await verified();
});

test("a dry run counts and does nothing; the upgrade names its backup; the past has today's names", async () => {
  const dry = await good(install("2.0.0", versions["2.0.0"], "--dry-run", "--format", "json"));
  const said = JSON.parse(dry);
  assert.deepEqual(said.migrations.map((step) => [step.step, step.field, step.rows]), [["rename", "value", 1], ["narrow", "stage", 1], ["drop", "memo", 1]]);
  assert.equal(await runs(), "1.0.0");
  assert.equal((await deal(id)).value, 12);
  const done = JSON.parse(await good(install("2.0.0", versions["2.0.0"], "--format", "json")));
  assert.equal(done.migrations.length, 3);
  assert.equal((await service.cli("restore", done.backup, "--verify")).code, 0);
  assert.equal(await runs(), "2.0.0");
  const now = await deal(id);
  assert.deepEqual([now.amount, now.stage, now.memo, now.value], [12, "new", undefined, undefined]);
  const history = (await client.get(`/api/v1/deals/${id}/history`)).body.data;
  const made = history.find((entry) => entry.type === "deal.created");
  assert.equal(made.data.after.amount, 12);
  assert.equal(made.data.after["memo (dropped)"], "by hand");
  const then = await client.get(`/api/v1/deals/${id}?as_of=${encodeURIComponent(made.at ?? made.time)}`);
  assert.equal(then.body.amount, 12, then.text);
  const why = await client.get(`/api/v1/deals/${id}/why/amount`);
  assert.equal(why.status, 200, why.text);
  const entry = (await events("schema.migrated")).at(-1);
  assert.equal(entry.data.after.backup, done.backup);
  await verified();
});

test("what ran stays as it is: another text is refused, and so is the way back", async () => {
  const files = { "0001-amount.lua": "return { " + rename + " }" };
  const changed = await install("2.1.0", { ...versions["2.0.0"], files });
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /ran here with another text/);
  const back = await service.cli("plugin", "rollback", "deals");
  assert.equal(back.code, 1);
  assert.match(back.stderr, /0001-amount.lua|does not know it|restore the backup/);
  assert.equal(await runs(), "2.0.0");
  const next = { ...versions["2.0.0"], files: { ...versions["2.0.0"].files, "0002-cents.lua": 'return { { change = "deal.amount", expr = "amount * 100" } }' } };
  // Killed at any moment: the one version with its values, or the other.
  for (let turn = 0; turn < 4; turn++) {
    const going = install("3.0.0", next);
    await new Promise((resolve) => setTimeout(resolve, 40 + turn * 35));
    await service.kill();
    await going;
    await service.restart();
    const version = await until(runs);
    assert.equal((await deal(id)).amount, version === "3.0.0" ? 1200 : 12, `turn ${turn}`);
  }
  await good(install("3.0.0", next));
  assert.equal((await deal(id)).amount, 1200);
  await verified();
});

test("uninstall: kept, exported and erased with custom fields and migrated ones", async () => {
  const added = await client.post("/api/v1/schema/objects/deal/fields", { name: "x_port", type: "text" });
  assert.equal(added.status, 201, added.text);
  assert.equal((await client.patch(`/api/v1/deals/${id}`, { x_port: "Πειραιάς" })).status, 200);
  const next = { ...versions["2.0.0"], files: { ...versions["2.0.0"].files, "0002-cents.lua": 'return { { change = "deal.amount", expr = "amount * 100" } }' } };
  await good(service.cli("plugin", "uninstall", "deals", "--keep"));
  const list = (await client.get("/api/v1/schema/objects")).body;
  assert.deepEqual(list.fields.map((field) => [field.name, field.waiting]), [["x_port", true]]);
  await good(install("3.0.0", next));
  const kept = await deal(id);
  assert.deepEqual([kept.amount, kept.x_port], [1200, "Πειραιάς"]);
  const file = path.join(place, "deals.ndjson");
  await good(service.cli("plugin", "uninstall", "deals", "--export", file, "--yes"));
  const rows = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([rows[0].record.amount, rows[0].record.x_port], [1200, "Πειραιάς"]);
  await until(async () => (await client.get("/api/v1/plugins/deals")).status === 404);
  await good(install("3.0.0", next));
  assert.equal((await client.get("/api/v1/deals")).body.data.length, 0);
  assert.equal((await client.post("/api/v1/deals", { name: "Again", amount: 1, x_port: "Βόλος" })).status, 201);
  await good(service.cli("plugin", "uninstall", "deals", "--erase", "--yes"));
  await until(async () => (await client.get("/api/v1/plugins/deals")).status === 404);
  const dropped = await client.delete("/api/v1/schema/objects/deal/fields/x_port");
  assert.equal(dropped.status, 200, dropped.text);
  await verified();
});
