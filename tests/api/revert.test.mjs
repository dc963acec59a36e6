// Taking back what was done to thousands of records: the state afterwards is the state before, byte for byte, and nobody waits long meanwhile.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Service, dataFolder, root } from "./service.mjs";

const objects = ["organisations", "people", "affiliations", "relationships", "interactions", "opportunities", "tasks", "products", "users"];
const map = (name) => path.join(root, "tests/data", name);

// What records hold, archived ones too, by id. The marks of the changes themselves go on (docs/guides/user.md): version, updated_at, updated_by.
async function state(client) {
  const hash = createHash("sha256");
  let rows = 0;
  for (const object of objects) {
    const answer = await client.get(`/api/v1/${object}/export?format=ndjson&order=id&archived=true`);
    assert.equal(answer.status, 200, answer.text);
    for (const line of answer.text.split("\n").filter(Boolean)) {
      const { version, updated_at, updated_by, ...rest } = JSON.parse(line);
      hash.update(`${object} ${JSON.stringify(rest)}\n`);
      rows++;
    }
  }
  return { hash: hash.digest("hex"), rows };
}

async function makeService(t) {
  const service = await new Service().start();
  t.after(() => service.remove());
  return { service, admin: await service.client("admin", "root"), maria: await service.client("manager", "maria") };
}

// Somebody else works on meanwhile: how long the slowest of his requests took.
function another(client) {
  const slowest = { write: 0, read: 0 };
  let going = true;
  const work = async (kind, ask) => {
    while (going) {
      const began = performance.now();
      const answer = await ask();
      assert.ok(answer.status < 300, answer.text);
      slowest[kind] = Math.max(slowest[kind], performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const ended = Promise.all([
    work("write", () => client.patch(client.own, { industry: `w${Math.random()}` })),
    work("read", () => client.get("/api/v1/organisations?limit=5")),
  ]);
  return { stop: async () => ((going = false), await ended, slowest) };
}

// Takes a change-set back, takes that back, and takes it back once more: before, after, before, after in all that records hold.
async function thereAndBack(t, client, id, before, done, what) {
  const meanwhile = another(client);
  const began = performance.now();
  const reverted = await client.post(`/api/v1/changesets/${id}/revert`, {});
  const took = performance.now() - began;
  const slowest = await meanwhile.stop();
  assert.equal(reverted.status, 200, reverted.text.slice(0, 600));
  assert.deepEqual(await client.state(), before, `${what}: before`);
  const redone = await client.post(`/api/v1/changesets/${reverted.body.changeset}/revert`, {});
  assert.equal(redone.status, 200, redone.text.slice(0, 600));
  assert.deepEqual(await client.state(), done, `${what}: redone`);
  const again = await client.post(`/api/v1/changesets/${redone.body.changeset}/revert`, {});
  assert.equal(again.status, 200, again.text.slice(0, 600));
  assert.deepEqual(await client.state(), before, `${what}: before once more`);
  t.diagnostic(`${what}: ${reverted.body.reverted} changes taken back in ${took.toFixed(0)} ms; beside it the slowest write took ${slowest.write.toFixed(0)} ms, the slowest read ${slowest.read.toFixed(0)} ms`);
}

async function withOwn(client, admin) {
  const made = await client.post("/api/v1/organisations", { name: "Του άλλου" });
  client.own = `/api/v1/organisations/${made.body.id}`;
  client.state = async () => {
    await client.patch(client.own, { industry: "ήσυχα" }); // what the other did meanwhile is not what is looked at
    return state(admin);
  };
  return client;
}

async function bulkChange(client, kind, body) {
  const url = `/api/v1/organisations/bulk/${kind}`;
  const seen = await client.post(url, body);
  assert.equal(seen.status, 200, seen.text);
  const done = await client.post(url, { ...body, token: seen.body.token });
  assert.equal(done.status, 200, done.text);
  return done.body;
}

test("an import that makes and changes, a bulk edit and a bulk delete with all that hangs on it", async (t) => {
  const { admin, maria } = await makeService(t);
  await withOwn(maria, admin);
  const old = Array.from({ length: 300 }, (_, i) => JSON.stringify({ external_id: `o${i}`, name: `Παλιός ${i}`, employees: i, roles: ["prospect"] }));
  await maria.post("/api/v1/organisations/bulk", old.join("\n"), { "content-type": "application/x-ndjson" });
  const before = await maria.state();
  // Rows 0 to 299 are changed, the others made; a column is emptied; the owners are made.
  const lines = ["external_id,name,country,owner"];
  for (let i = 0; i < 900; i++) lines.push(`o${i},"Νέος ""${i}""",${i % 3 ? "GR" : ""},Πωλητής ${i % 4}`);
  admin.own = maria.own;
  admin.state = maria.state;
  const job = await admin.import("organisation", lines.join("\r\n"), { format: "csv", on_conflict: "update", key: "external_id", map: { columns: { owner: { field: "owner", ref: "name", create: true } } } });
  assert.equal(job.body.state, "done", job.text);
  assert.deepEqual([job.body.counts.created, job.body.counts.updated, job.body.counts.failed], [600, 300, 0], job.text);
  await thereAndBack(t, admin, job.body.id, before, await maria.state(), "import");

  const whole = await maria.state();
  const edit = await bulkChange(maria, "edit", { filter: 'roles[has]:"prospect"', set: { roles: { add: "client" }, country: "CY", employees: null } });
  assert.equal(edit.count, 300);
  await thereAndBack(t, maria, edit.changeset, whole, await maria.state(), "bulk edit");

  // People's affiliations go with their organisation, tasks lose it.
  const person = await maria.post("/api/v1/people", { name: "Κρίση Ελένη" });
  const some = (await maria.get("/api/v1/organisations?limit=100&filter=" + encodeURIComponent('external_id[is]:not_null'))).body.data;
  for (const one of some.slice(0, 30)) {
    assert.equal((await maria.post("/api/v1/affiliations", { person: person.body.id, organisation: one.id, job_title: "Θέση" })).status, 201);
    assert.equal((await maria.post("/api/v1/tasks", { title: "Εργασία", organisation: one.id })).status, 201);
    assert.equal((await maria.post("/api/v1/interactions", { kind: "call", subject: "Κλήση", at: "2026-03-01T10:00:00Z", organisations: [one.id, some[99].id] })).status, 201);
  }
  const linked = await maria.state();
  const gone = await bulkChange(maria, "delete", { filter: 'roles[has]:"prospect"' });
  assert.equal(gone.count, 300);
  assert.ok((await maria.state()).rows < linked.rows - 299);
  await thereAndBack(t, maria, gone.changeset, linked, await maria.state(), "bulk delete");
});

test("5,000 rows edited at once", async (t) => {
  const { admin, maria } = await makeService(t);
  await withOwn(maria, admin);
  const rows = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ external_id: `e${i}`, name: `Πελάτης ${i}`, country: i % 2 ? "GR" : "CY", employees: i }));
  const made = await maria.post("/api/v1/organisations/bulk", rows.join("\n"), { "content-type": "application/x-ndjson" });
  assert.equal(made.status, 200);
  const before = await maria.state();
  const edit = await bulkChange(maria, "edit", { filter: 'external_id[is]:not_null', set: { country: "DE", industry: "ναυτιλία", roles: ["client"] } });
  assert.equal(edit.count, 5000);
  await thereAndBack(t, maria, edit.changeset, before, await maria.state(), "bulk edit");
  const one = (await maria.get("/api/v1/organisations?limit=1&filter=" + encodeURIComponent('external_id[eq]:"e7"'))).body.data[0];
  assert.equal(one.version, 5, "versions go on: made, edited, taken back, redone, taken back");
  assert.equal((await maria.get(`/api/v1/organisations/${one.id}/history`)).body.data.length, 5, "and all of it is history");
});

const settled = async (admin) => {
  for (;;) {
    const rows = (await admin.get("/api/v1/subscriptions")).body.data;
    if (rows.every((row) => row.lag === 0 && row.parked === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

// Plugin relations follows an opportunity that is won: a task for its owner, and its organisation is a client.
test("with effects also what plugins did because of it is taken back, without them it stays", async (t) => {
  const { service, admin, maria } = await makeService(t);
  await withOwn(maria, admin);
  const firm = (await maria.post("/api/v1/organisations", { name: "Κερδισμένη", roles: ["prospect"] })).body;
  const other = (await maria.post("/api/v1/organisations", { name: "Άλλη" })).body;
  await settled(admin);
  const before = await maria.state();
  const rows = ["name,organisation,stage,closed_on", ...Array.from({ length: 20 }, (_, i) => `Ευκαιρία ${i},${i % 2 ? "Κερδισμένη" : "Άλλη"},${i % 2 ? "won" : "prospecting"},${i % 2 ? "2026-03-01" : ""}`)];
  const load = async () => {
    const job = await admin.import("opportunity", rows.join("\n"), { format: "csv", map: { columns: { organisation: "organisation.name" } } });
    assert.equal(job.body.counts?.created, 20, job.text);
    await settled(admin);
    return job.body.id;
  };
  const roles = async (one) => (await maria.get(`/api/v1/organisations/${one.id}`)).body.roles.sort();
  const first = await load();
  assert.deepEqual(await roles(firm), ["client", "prospect"], "the plugin did its part");
  const tasks = (await admin.get("/api/v1/tasks/aggregate?measure=count")).body.data[0].count;
  assert.ok(tasks >= 10, `${tasks} tasks`);
  const dry = await admin.post(`/api/v1/changesets/${first}/revert?dry_run=true`, { effects: true });
  assert.ok(dry.body.reverted >= 20 + tasks + 1, dry.text);
  assert.equal(dry.body.conflict_count, 0, dry.text);
  assert.equal((await admin.post(`/api/v1/changesets/${first}/revert`, { effects: 1 })).status, 400);
  const whole = await admin.post(`/api/v1/changesets/${first}/revert`, { effects: true });
  assert.equal(whole.status, 200, whole.text);
  assert.equal(whole.body.reverted, dry.body.reverted);
  await settled(admin);
  assert.deepEqual(await maria.state(), before, "exactly as before, with all that came of it");
  // What somebody did with what came of it stands in the way, and is named.
  const second = await load();
  const task = (await admin.get("/api/v1/tasks?limit=1")).body.data[0];
  await admin.patch(`/api/v1/tasks/${task.id}`, { title: "Δικό μου τώρα" });
  const refused = await admin.post(`/api/v1/changesets/${second}/revert`, { effects: true });
  assert.equal(refused.status, 409, refused.text);
  assert.ok(refused.body.conflicts.some((row) => row.id === task.id && row.field === "title"), refused.text);
  // Without effects the role stays, by the command line too; the tasks go with their opportunities.
  const printed = await service.cli("changeset", "revert", second);
  assert.equal(printed.code, 0, printed.stderr);
  assert.deepEqual(await roles(firm), ["client", "prospect"]);
  assert.deepEqual(await roles(other), []);
  assert.equal((await admin.get("/api/v1/opportunities?limit=1")).body.data.length, 0);
  await maria.patch(`/api/v1/organisations/${firm.id}`, { roles: ["prospect"] });
  const third = await load();
  const line = await service.cli("changeset", "revert", third, "--effects");
  assert.equal(line.code, 0, line.stderr);
  await settled(admin);
  assert.deepEqual(await maria.state(), before);
});

test("8,800 opportunities imported from real data", { skip: dataFolder ? false : "needs the real data" }, async (t) => {
  const { service, admin, maria } = await makeService(t);
  await withOwn(maria, admin);
  const load = async (object, file, mapped) => {
    const done = await service.cli("import", object, path.join(dataFolder, "crm", file), "--map", map(mapped), "--quiet");
    assert.equal(done.code, 0, done.stderr + done.stdout);
  };
  await load("organisation", "maven_accounts.csv", "maven-accounts-map.json");
  await load("product", "maven_products.csv", "maven-products-map.json");
  await load("user", "maven_sales_teams.csv", "maven-agents-map.json");
  await settled(admin);
  const before = await maria.state();
  const job = await admin.import("opportunity", readFileSync(path.join(dataFolder, "crm", "maven_sales_pipeline.csv"), "utf8"), { format: "csv", map: JSON.parse(readFileSync(map("maven-map-alias.json"), "utf8")) });
  assert.equal(job.body.counts?.created, 8800, job.text.slice(0, 400));
  await settled(admin);
  const followed = await maria.state();
  const tasks = (await admin.get("/api/v1/tasks/aggregate?measure=count")).body.data[0].count;
  assert.equal(followed.rows, before.rows + 8800 + tasks);
  admin.own = maria.own;
  const meanwhile = another(admin);
  const began = performance.now();
  const reverted = await admin.post(`/api/v1/changesets/${job.body.id}/revert`, { effects: true });
  const took = performance.now() - began;
  const slowest = await meanwhile.stop();
  assert.equal(reverted.status, 200, reverted.text.slice(0, 600));
  assert.ok(reverted.body.reverted >= 8800 + tasks);
  await settled(admin);
  assert.deepEqual(await maria.state(), before, "exactly as before the import, the plugin's part in it included");
  t.diagnostic(`import: 8,800 rows, ${tasks} tasks and what else came of them taken back in ${took.toFixed(0)} ms; beside it the slowest write took ${slowest.write.toFixed(0)} ms, the slowest read ${slowest.read.toFixed(0)} ms`);
});
