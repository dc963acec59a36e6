// A store of the first kernel (tests/data/first-store) opens with this version, whole; and a migration that fails leaves a folder
// that the old version would go on with.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, root } from "./service.mjs";

const place = mkdtempSync(path.join(tmpdir(), "proxenos-upgrade-"));
const fixture = path.join(root, "tests/data/first-store");
const plugins = path.join(place, "plugins");
const notes = path.join(plugins, "notes");
execFileSync("tar", ["-xzf", path.join(fixture, "store.tar.gz"), "-C", place]);
mkdirSync(plugins);
cpSync(path.join(root, "plugins/relations"), path.join(plugins, "relations"), { recursive: true });
cpSync(path.join(fixture, "notes"), notes, { recursive: true });
const service = new Service({ plugins, enable: ["notes"], folder: path.join(place, "first-store") });
let client;

// All records as they are, without what only the service's own types hold: its hash in words.
async function state() {
  const all = {};
  for (const objects of ["organisations", "people", "affiliations", "interactions", "opportunities", "notes", "tasks"]) {
    const answer = await client.get(`/api/v1/${objects}?limit=1000&order=id`);
    assert.equal(answer.status, 200, answer.text);
    all[objects] = answer.body.data;
  }
  return JSON.stringify(all);
}
async function verified() {
  const answer = await service.cli("audit", "verify");
  assert.equal(answer.code, 0, answer.stdout + answer.stderr);
}

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(place, { recursive: true, force: true });
});

test("everything is there: records, links, states, sealed fields, users, the past, the chain", async () => {
  const find = async (objects, name) => (await client.get(`/api/v1/${objects}?filter=${encodeURIComponent(name)}&include=`.replace("&include=", ""))).body.data;
  const [aegean] = await find("organisations", 'name[eq]:"Aegean Lines"');
  assert.equal(aegean.vat_number, "EL094019245");
  const [papers] = await find("organisations", 'name[eq]:"Χαρτοποιία Δέλτα"');
  assert.deepEqual([papers.industry, papers.version], ["packaging", 2]);
  assert.equal((await find("organisations", 'name[eq]:"Soon Gone"')).length, 0);
  const [maria] = await find("people", 'name[eq]:"Μαρία Παπαδοπούλου"');
  assert.deepEqual([maria.email, maria.birthday], ["maria.p@example.org", "1980-05-17"]);
  const [deal] = await find("opportunities", 'name[eq]:"Two tugs"');
  assert.deepEqual([deal.stage, deal.value, deal.organisation], ["won", { amount: 125000, currency: "EUR" }, aegean.id]);
  const [call] = await find("interactions", 'subject[eq]:"First call"');
  assert.deepEqual(call.people, [maria.id]);
  const [visit] = await find("notes", 'kind[eq]:"visit"');
  assert.deepEqual([visit.text, visit.tags, visit.about], ["A visit", ["warm"], aegean.id]);
  const users = (await client.get("/api/v1/users?limit=100")).body.data.map((user) => user.name);
  assert.ok(users.includes("anna") && users.includes("nikos"), users.join());
  const history = (await client.get(`/api/v1/people/${maria.id}/history`)).body.data;
  assert.ok(history.some((entry) => entry.data.before?.email === "maria@example.org"), "sealed payloads are read with the old keys");
  const first = (await client.get(`/api/v1/organisations/${papers.id}?as_of=${encodeURIComponent(papers.created_at)}`)).body;
  assert.equal(first.industry, "paper");
  const hits = await client.get("/api/v1/search?q=papadopoulou&wait=true").then((answer) => (answer.status === 200 ? answer : client.get("/api/v1/search?q=papadopoulou")));
  assert.equal(hits.status, 200, hits.text);
  await verified();
});

test("it is written to, also with what that version had not: events arrive, a change-set, a custom field", async () => {
  const made = await client.post("/api/v1/organisations", { name: "Of today" });
  assert.equal(made.status, 201, made.text);
  const [aegean] = (await client.get(`/api/v1/organisations?filter=${encodeURIComponent('name[eq]:"Aegean Lines"')}`)).body.data;
  assert.equal((await client.post("/api/v1/schema/objects/organisation/fields", { name: "x_fleet", type: "integer" })).status, 201);
  assert.equal((await client.patch(`/api/v1/organisations/${aegean.id}`, { x_fleet: 3 })).status, 200);
  await service.stop();
  await service.restart();
  assert.equal((await client.get(`/api/v1/organisations/${aegean.id}`)).body.x_fleet, 3);
  await verified();
});

test("a migration that fails: the plugin stands still with its reason, its values are untouched, the old version goes on", async () => {
  const was = await state();
  await service.stop();
  mkdirSync(path.join(notes, "migrations"));
  writeFileSync(path.join(notes, "migrations/0001-kinds.lua"), 'return { { drop = "note.worth" }, { narrow = "note.kind" } }\n');
  const schema = `return { objects = { note = { fields = { { "text", "text", required = true, search = true }, { "about", "ref", to = "organisation" },
    { "kind", "enum", of = { "call" }, default = "call" }, { "tags", "enum", many = true, of = { "warm", "cold" } } } } } }`;
  writeFileSync(path.join(notes, "schema.lua"), schema);
  await service.restart();
  const plugin = (await client.get("/api/v1/plugins/notes")).body;
  assert.equal(plugin.status, "failed");
  assert.match(JSON.stringify(plugin), /1 record does not fit note.kind/);
  assert.equal((await client.get("/api/v1/organisations")).status, 200);
  await service.stop();
  rmSync(path.join(notes, "migrations"), { recursive: true });
  cpSync(path.join(fixture, "notes/schema.lua"), path.join(notes, "schema.lua"));
  await service.restart();
  assert.equal(await state(), was);
  await verified();
});
