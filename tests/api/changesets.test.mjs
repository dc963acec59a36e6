// Change-sets and merges from outside: what a bulk request or an import did is taken back exactly, unless others came after.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Service } from "./service.mjs";

const service = new Service();
let admin;
let maria;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  maria = await service.client("manager", "maria");
});
after(() => service.remove());

// A hash over everything that records hold, but for the marks of the changes themselves.
const objects = ["organisations", "people", "affiliations", "interactions", "opportunities", "tasks"];
async function stateHash() {
  const hash = createHash("sha256");
  for (const object of objects) {
    const rows = await admin.get(`/api/v1/${object}/export?format=ndjson&order=id`);
    assert.equal(rows.status, 200, rows.text);
    for (const line of rows.text.trim().split("\n").filter(Boolean)) {
      const { version, updated_at, updated_by, ...rest } = JSON.parse(line);
      hash.update(JSON.stringify(rest) + "\n");
    }
  }
  return hash.digest("hex");
}
const bulk = (client, object, rows, query = "") =>
  client.post(`/api/v1/${object}/bulk${query}`, rows.map((row) => JSON.stringify(row)).join("\n"), { "content-type": "application/x-ndjson" });
const make = async (object, fields) => {
  const made = await maria.post(`/api/v1/${object}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
};

test("a bulk edit is one change-set, which is shown and taken back exactly", async () => {
  const rows = Array.from({ length: 300 }, (_, i) => ({ external_id: `b${i}`, name: `Οργανισμός ${i}`, roles: ["prospect"], employees: i }));
  await bulk(maria, "organisations", rows);
  const before = await stateHash();
  const edited = await bulk(maria, "organisations", rows.map((row, i) => ({ ...row, roles: ["client"], employees: i + 1, country: "GR" })), "?on_conflict=update");
  const id = edited.headers.get("proxenos-changeset");
  assert.ok(id, edited.text.slice(0, 200));
  assert.notEqual(await stateHash(), before);
  const shown = await maria.get(`/api/v1/changesets/${id}`);
  assert.equal(shown.body.kind, "bulk");
  assert.equal(shown.body.updated, 300);
  assert.equal(shown.body.sample.length, 20);
  assert.deepEqual(shown.body.sample[0].data.after.roles, ["client"]);
  const list = await maria.get("/api/v1/changesets?limit=1");
  assert.equal(list.body.data[0].id, id);
  const dry = await maria.post(`/api/v1/changesets/${id}/revert?dry_run=true`, {});
  assert.equal(dry.body.reverted, 300);
  assert.equal(dry.body.changeset, null);
  const reverted = await maria.post(`/api/v1/changesets/${id}/revert`, {});
  assert.equal(reverted.status, 200, reverted.text);
  assert.equal(reverted.body.reverted, 300);
  assert.equal(await stateHash(), before);
  const again = await maria.post(`/api/v1/changesets/${id}/revert`, {});
  assert.equal(again.status, 409, again.text);
  // A revert is a change-set too: taken back, the edit is in force again.
  const redone = await maria.post(`/api/v1/changesets/${reverted.body.changeset}/revert`, {});
  assert.equal(redone.status, 200, redone.text);
  assert.equal((await maria.get(`/api/v1/changesets/${id}`)).body.reverted_by, null);
  assert.equal((await maria.post(`/api/v1/changesets/${id}/revert`, {})).status, 200);
  assert.equal(await stateHash(), before);
});

test("an import is taken back: made records go, changed ones are as before", async () => {
  const before = await stateHash();
  const lines = ["name,country"];
  for (let i = 0; i < 2000; i++) lines.push(`Εισαγωγή ${i},GR`);
  const job = await maria.import("organisation", lines.join("\r\n"), { file_name: "orgs.csv" });
  assert.equal(job.body.state, "done", job.text);
  const id = job.body.id;
  const shown = await maria.get(`/api/v1/changesets/${id}`);
  assert.equal(shown.body.kind, "import");
  assert.equal(shown.body.created, 2000);
  const printed = await service.cli("changeset", "revert", id);
  assert.equal(printed.code, 0, printed.stderr);
  assert.equal(await stateHash(), before);
});

test("later edits stand in the way, are named, and are left out of a partial revert", async () => {
  const rows = [{ name: "Α", external_id: "c1" }, { name: "Β", external_id: "c2" }, { name: "Γ", external_id: "c3" }];
  const made = await bulk(maria, "organisations", rows);
  const ids = made.text.trim().split("\n").map((line) => JSON.parse(line).id);
  const edit = await bulk(maria, "organisations", rows.map((row) => ({ ...row, country: "GR", industry: "x" })), "?on_conflict=update");
  const id = edit.headers.get("proxenos-changeset");
  await maria.patch(`/api/v1/organisations/${ids[0]}`, { country: "CY" });
  await maria.patch(`/api/v1/organisations/${ids[1]}`, { employees: 4 }); // another field: no conflict
  await maria.delete(`/api/v1/organisations/${ids[2]}`);
  const refused = await maria.post(`/api/v1/changesets/${id}/revert`, {});
  assert.equal(refused.status, 409, refused.text);
  assert.equal(refused.body.conflict_count, 2);
  assert.deepEqual(refused.body.conflicts.map((row) => [row.id, row.field]).sort(), [[ids[0], "country"], [ids[2], null]].sort());
  assert.equal((await maria.get(`/api/v1/organisations/${ids[1]}`)).body.industry, "x", "nothing was changed");
  const partial = await maria.post(`/api/v1/changesets/${id}/revert`, { partial: true });
  assert.equal(partial.status, 200, partial.text);
  const first = (await maria.get(`/api/v1/organisations/${ids[0]}`)).body;
  assert.deepEqual([first.country, first.industry], ["CY", null]);
  const second = (await maria.get(`/api/v1/organisations/${ids[1]}`)).body;
  assert.deepEqual([second.country, second.industry, second.employees], [null, null, 4]);
});

test("change-sets are their maker's and the administrator's", async () => {
  const made = await bulk(maria, "organisations", [{ name: "Δική μου" }]);
  const id = made.headers.get("proxenos-changeset");
  const other = await service.client("manager", "nikos");
  assert.equal((await other.get(`/api/v1/changesets/${id}`)).status, 404);
  assert.equal((await other.post(`/api/v1/changesets/${id}/revert`, {})).status, 404);
  assert.deepEqual((await other.get("/api/v1/changesets")).body.data, []);
  assert.equal((await admin.get(`/api/v1/changesets/${id}`)).status, 200);
  const dry = await bulk(maria, "organisations", [{ name: "Ποτέ" }], "?dry_run=true");
  assert.equal(dry.headers.get("proxenos-changeset"), null);
  assert.equal((await maria.get("/api/v1/changesets?limit=0")).status, 400);
  assert.equal((await maria.get("/api/v1/changesets?after=x")).status, 400);
  assert.equal((await maria.post(`/api/v1/changesets/${id}/revert`, { partly: true })).status, 400);
});

test("two persons with 200 references: previewed, merged, reverted", async () => {
  const keep = await make("people", { name: "Παπαδόπουλος Γιώργος", email: "g@example.gr" });
  const other = await make("people", { name: "Papadopoulos Giorgos", phone: "+302101234567", language: "el" });
  const firm = await make("organisations", { name: "Εταιρεία" });
  const at = "2026-03-01T10:00:00Z";
  await bulk(maria, "interactions", Array.from({ length: 150 }, (_, i) => ({ kind: "call", subject: `Κλήση ${i}`, at, people: i % 2 ? [other.id] : [other.id, keep.id] })));
  await bulk(maria, "affiliations", Array.from({ length: 50 }, (_, i) => ({ person: other.id, organisation: firm.id, job_title: `Θέση ${i}` })));
  const before = await stateHash();
  const url = `/api/v1/people/${keep.id}/merge`;
  const body = { others: [other.id], fill: true };
  const preview = await maria.post(`${url}?dry_run=true`, body);
  assert.equal(preview.status, 200, preview.text);
  assert.deepEqual(preview.body.references.map((row) => [row.object, row.field, row.count]).sort(), [["affiliation", "person", 50], ["interaction", "people", 150]]);
  assert.deepEqual(preview.body.filled.sort(), ["language", "phone"]);
  assert.equal(await stateHash(), before);
  const merged = await maria.post(url, body);
  assert.equal(merged.status, 200, merged.text);
  assert.equal(merged.body.record.phone, "+302101234567");
  const calls = await maria.get("/api/v1/interactions?limit=200");
  assert.ok(calls.body.data.every((call) => JSON.stringify(call.people) === JSON.stringify([keep.id])));
  assert.equal((await maria.get(`/api/v1/people/${other.id}`)).status, 404);
  const history = await maria.get(`/api/v1/people/${keep.id}/history?newest=true&limit=1`);
  assert.equal(history.body.data[0].type, "person.merged");
  assert.deepEqual(history.body.data[0].data.merged, [other.id]);
  const gone = await admin.get(`/api/v1/people/${other.id}/history?newest=true&limit=1`);
  assert.equal(gone.body.data[0].data.merged_into, keep.id);
  const reverted = await maria.post(`/api/v1/changesets/${merged.body.changeset}/revert`, {});
  assert.equal(reverted.status, 200, reverted.text);
  assert.equal(await stateHash(), before);
  // Deleting the others comes back as well.
  const removed = await maria.post(url, { ...body, delete: true });
  assert.equal(removed.status, 200, removed.text);
  const back = await maria.post(`/api/v1/changesets/${removed.body.changeset}/revert`, {});
  assert.equal(back.status, 200, back.text);
  assert.equal(await stateHash(), before);
});

test("merges that cannot be are refused, with the reason", async () => {
  const [a, b, c] = [await make("organisations", { name: "A" }), await make("organisations", { name: "B" }), await make("organisations", { name: "C" })];
  await maria.patch(`/api/v1/organisations/${a.id}`, { parent: b.id });
  await maria.patch(`/api/v1/organisations/${b.id}`, { parent: c.id });
  const before = await stateHash();
  const merge = (id, body, client = maria) => client.post(`/api/v1/organisations/${id}/merge`, body);
  const cycle = await merge(a.id, { others: [c.id] });
  assert.equal(cycle.status, 422, cycle.text);
  assert.equal(cycle.body.code, "cycle");
  assert.match(cycle.body.detail, /B → A → B/);
  for (const [body, status] of [[{ others: [a.id] }, 400], [{ others: [] }, 400], [{ others: ["x"] }, 400], [{}, 400], [{ others: [b.id, b.id] }, 400], [{ other: [b.id] }, 400], [{ others: ["0000000000001"] }, 404]]) {
    assert.equal((await merge(a.id, body)).status, status, JSON.stringify(body));
  }
  const user = await admin.get("/api/v1/users?limit=2");
  const users = user.body.data.map((row) => row.id);
  assert.equal((await admin.post(`/api/v1/users/${users[0]}/merge`, { others: [users[1]] })).status, 400);
  assert.equal(await stateHash(), before);
  const printed = await service.cli("record", "merge", "organisation", c.id, b.id, "--dry-run", "--format", "json");
  assert.equal(printed.code, 0, printed.stderr);
  assert.deepEqual(JSON.parse(printed.stdout).references.map((row) => row.count), [1]);
});
