// Merging two of one from outside: every kind of reference, approvals, rules, hooks, who sees what of it, and all of it taken back.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import path from "node:path";
import { Service, root } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_merge") });
let admin;
let maria;
const name = (i) => `Μέρος ${i}`;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  maria = await service.client("manager", "maria");
});
after(() => service.remove());

// Everything that records hold but the marks of the changes themselves (docs/guides/user.md).
async function stateHash() {
  const hash = createHash("sha256");
  for (const object of ["parties", "ties"]) {
    const rows = await admin.get(`/api/v1/${object}/export?format=ndjson&order=id&archived=true`);
    assert.equal(rows.status, 200, rows.text);
    for (const line of rows.text.trim().split("\n").filter(Boolean)) {
      const { version, updated_at, updated_by, ...rest } = JSON.parse(line);
      hash.update(JSON.stringify(rest) + "\n");
    }
  }
  return hash.digest("hex");
}
const make = async (object, fields, client = maria) => {
  const made = await client.post(`/api/v1/${object}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const bulk = async (object, rows) => {
  const made = await maria.post(`/api/v1/${object}/bulk`, rows.map((row) => JSON.stringify(row)).join("\n"), { "content-type": "application/x-ndjson" });
  const ids = made.text.trim().split("\n").map((line) => JSON.parse(line).id);
  assert.ok(ids.every(Boolean), made.text.slice(0, 400));
  return ids;
};
const merge = (keep, body, client = maria, query = "") => client.post(`/api/v1/parties/${keep.id}/merge${query}`, body);
const revert = (id, client = maria) => client.post(`/api/v1/changesets/${id}/revert`, {});

test("200 references of every kind over two types: previewed, merged, reverted", async (t) => {
  const keep = await make("parties", { name: "Δήμητρα" });
  const other = await make("parties", { name: "Demetra", code: "D-1", held: false });
  const third = await make("parties", { name: "Κόρη" });
  await bulk("parties", Array.from({ length: 40 }, (_, i) => ({ name: name(i), mother: other.id })));
  await bulk("parties", Array.from({ length: 30 }, (_, i) => ({ name: name(i), friends: i % 2 ? [third.id, other.id] : [other.id, keep.id] })));
  await bulk("ties", Array.from({ length: 60 }, (_, i) => ({ kind: "a", a: other.id, b: i % 2 ? third.id : null, slot: `s${i}` })));
  await bulk("ties", Array.from({ length: 40 }, () => ({ kind: "b", a: third.id, b: other.id })));
  await bulk("ties", Array.from({ length: 30 }, () => ({ kind: "seen", a: third.id, seen_by: [keep.id, other.id, third.id] })));
  const before = await stateHash();
  const body = { others: [other.id], fill: true };
  const began = performance.now();
  const preview = await merge(keep, body, maria, "?dry_run=true");
  const previewed = performance.now();
  assert.equal(preview.status, 200, preview.text);
  assert.deepEqual(preview.body.references.map((row) => [`${row.object}.${row.field}`, row.count]).sort(),
    [["party.friends", 30], ["party.mother", 40], ["tie.a", 60], ["tie.b", 40], ["tie.seen_by", 30]]);
  assert.deepEqual(preview.body.filled, ["code"]);
  assert.equal(await stateHash(), before, "a preview keeps nothing");
  const merging = performance.now();
  const merged = await merge(keep, body);
  const done = performance.now();
  assert.equal(merged.status, 200, merged.text);
  assert.deepEqual({ ...merged.body, record: null, changeset: null }, { ...preview.body, record: null }, "the preview told what came");
  const count = async (object, filter) => (await admin.get(`/api/v1/${object}?count=exact&limit=1&archived=true&filter=${encodeURIComponent(filter)}`)).body.count;
  for (const [object, field, kept] of [["parties", "mother", 40], ["ties", "a", 60], ["ties", "b", 40]]) {
    assert.equal(await count(object, `${field}[eq]:"${other.id}"`), 0, field);
    assert.equal(await count(object, `${field}[eq]:"${keep.id}"`), kept, field);
  }
  const friends = await admin.get(`/api/v1/parties?limit=200&filter=${encodeURIComponent(`mother[is]:null`)}`);
  const lists = (friends.body?.data ?? []).map((row) => row.friends).filter((list) => list?.length);
  assert.ok(lists.every((list) => !list.includes(other.id) && new Set(list).size === list.length));
  const reverting = performance.now();
  const reverted = await revert(merged.body.changeset);
  const ended = performance.now();
  assert.equal(reverted.status, 200, reverted.text);
  assert.equal(await stateHash(), before, "exactly as it was");
  t.diagnostic(`200 references: preview ${(previewed - began).toFixed(0)} ms, merge ${(done - merging).toFixed(0)} ms, revert ${(ended - reverting).toFixed(0)} ms`);
  // Once more, the others deleted; taken back; and that taken back again: the merge is in force.
  const removed = await merge(keep, { ...body, delete: true });
  assert.equal(removed.status, 200, removed.text);
  const state = await stateHash();
  const back = await revert(removed.body.changeset);
  assert.equal(back.status, 200, back.text);
  assert.equal(await stateHash(), before);
  const redone = await revert(back.body.changeset);
  assert.equal(redone.status, 200, redone.text);
  assert.equal(await stateHash(), state, "redone is as done");
  assert.equal((await revert(redone.body.changeset)).status, 200);
  assert.equal(await stateHash(), before);
});

test("a merge that breaks a rule of what refers is refused with the rule, and names the record", async () => {
  const [a, b] = [await make("parties", { name: "Α" }), await make("parties", { name: "Β" })];
  const tie = await make("ties", { kind: "siblings", a: a.id, b: b.id });
  const before = await stateHash();
  const refused = await merge(a, { others: [b.id] });
  assert.equal(refused.status, 422, refused.text);
  assert.equal(refused.body.code, "rule");
  assert.match(refused.body.detail, new RegExp(`tie ${tie.id}.*two parties`));
  assert.equal((await merge(a, { others: [b.id] }, maria, "?dry_run=true")).status, 422, "the preview says so too");
  assert.equal(await stateHash(), before, "nothing was moved");
});

test("what is pending about a merged record is void; four eyes are not gone around", async () => {
  const [keep, other] = [await make("parties", { name: "Κ" }), await make("parties", { name: "Ο" })];
  await maria.patch(`/api/v1/parties/${other.id}`, { stage: "review" });
  const asked = await maria.patch(`/api/v1/parties/${other.id}`, { stage: "closed" });
  assert.equal(asked.status, 202, asked.text);
  const id = asked.body.approval.id;
  const merged = await merge(keep, { others: [other.id], fill: true });
  assert.equal(merged.status, 200, merged.text);
  assert.equal(merged.body.record.stage, "open", "a state is nobody's to take over");
  const approval = await admin.get(`/api/v1/approvals/${id}`);
  assert.equal(approval.body.state, "void", approval.text);
  const reverted = await revert(merged.body.changeset);
  assert.equal(reverted.status, 200, reverted.text);
  assert.equal((await admin.get(`/api/v1/approvals/${id}`)).body.state, "void", "what ended stays so");
  // A bulk edit that asks for approvals, taken back: nobody is asked any more.
  const change = { filter: { name: "Ο" }, set: { stage: "closed" } };
  const seen = await maria.post("/api/v1/parties/bulk/edit", change);
  assert.equal(seen.body.approvals, 1, seen.text);
  const before = await stateHash();
  const edit = await maria.post("/api/v1/parties/bulk/edit", { ...change, token: seen.body.token });
  assert.equal(edit.status, 200, edit.text);
  const asking = async () => (await admin.get(`/api/v1/approvals?filter=${encodeURIComponent('state[eq]:"pending"')}`)).body.data.length;
  assert.equal(await asking(), 1);
  const back = await revert(edit.body.changeset);
  assert.equal(back.status, 200, back.text);
  assert.deepEqual([back.body.reverted, await asking()], [1, 0]);
  assert.equal(await stateHash(), before);
});

test("hooks of the merge itself may refuse it; they amend nothing", async () => {
  const [keep, other, free] = [await make("parties", { name: "Κ2" }), await make("parties", { name: "Δεμένος", held: true }), await make("parties", { name: "Ελεύθερος" })];
  const before = await stateHash();
  const refused = await merge(keep, { others: [free.id, other.id], delete: true });
  assert.equal(refused.status, 422, refused.text);
  assert.equal(refused.body.code, "refused");
  assert.match(refused.body.detail, /Δεμένος is held and would be deleted/);
  assert.equal((await merge(keep, { others: [other.id] }, maria, "?dry_run=true")).status, 422, "asked by the preview too");
  assert.equal(await stateHash(), before);
  assert.equal((await merge(keep, { others: [free.id] })).status, 200);
});

test("a merged record's 404 says where it went, to those who may see both", async () => {
  const own = await service.client("manager", "owner");
  const [keep, other, gone] = [await make("parties", { name: "Κ3" }), await make("parties", { name: "Ο3" }), await make("parties", { name: "Δ3" })];
  const merged = await merge(keep, { others: [other.id] });
  assert.equal(merged.status, 200, merged.text);
  for (const query of ["", "?fields=name"]) {
    const answer = await maria.get(`/api/v1/parties/${other.id}${query}`);
    assert.equal(answer.status, 404);
    assert.equal(answer.body.merged_into, keep.id, answer.text);
    assert.match(answer.body.detail, new RegExp(`${other.id} became part of ${keep.id}`));
  }
  await merge(keep, { others: [gone.id], delete: true });
  const printed = await service.cli("record", "get", "party", gone.id);
  assert.notEqual(printed.code, 0);
  assert.match(printed.stderr, new RegExp(`became part of ${keep.id}`));
  assert.equal((await own.get(`/api/v1/parties/${gone.id}`)).body.merged_into, keep.id, "deleted ones too");
  assert.equal((await maria.get("/api/v1/parties/0000000000001")).body.merged_into, undefined);
  assert.equal((await revert(merged.body.changeset)).status, 200);
  assert.equal((await maria.get(`/api/v1/parties/${other.id}`)).status, 200);
});

test("those who see their own rows alone learn nothing of what others merged", async () => {
  const verbs = ["read", "create", "update", "delete"];
  const made = await admin.post("/api/v1/roles", { name: "narrow", grants: { party: { verbs, rows: "own", write_rows: "own" } } });
  assert.equal(made.status, 201, made.text);
  const nikos = await service.client("narrow", "nikos");
  const mine = await make("parties", { name: "Δικό μου" }, nikos);
  const hidden = await make("parties", { name: "Κρυφό" }); // maria's
  const shown = await make("parties", { name: "Δικό μου Β" }, nikos);
  const history = async () => JSON.stringify((await nikos.get(`/api/v1/parties/${mine.id}/history`)).body.data.map(({ id, ...event }) => event));
  const before = await history();
  const events = async () => (await nikos.get("/api/v1/events?limit=200")).text;
  assert.equal((await merge(mine, { others: [hidden.id] }, admin)).status, 200);
  assert.equal(await history(), before, "a merge of what he never saw leaves no trace");
  assert.ok(!(await events()).includes(hidden.id));
  assert.ok((await admin.get(`/api/v1/parties/${mine.id}/history`)).text.includes(hidden.id), "who sees all rows is told");
  const gone = await nikos.get(`/api/v1/parties/${hidden.id}`);
  const never = await nikos.get("/api/v1/parties/0000000000001");
  const plain = (answer) => JSON.stringify({ ...answer.body, request_id: 0 }).replaceAll(hidden.id, "?").replaceAll("0000000000001", "?");
  assert.equal(gone.status, 404);
  assert.equal(plain(gone), plain(never), "nor does the 404");
  // His own merge names what he named himself.
  const other = await merge(mine, { others: [shown.id] }, nikos);
  assert.equal(other.status, 200, other.text);
  assert.ok((await history()).includes(shown.id));
  // Hidden into shown the other way: his record goes into one that he may not see.
  const lost = await make("parties", { name: "Χάνεται" }, nikos);
  const theirs = await make("parties", { name: "Ξένο" });
  assert.equal((await merge(theirs, { others: [lost.id] }, admin)).status, 200);
  assert.equal((await nikos.get(`/api/v1/parties/${lost.id}`)).body.merged_into, undefined);
  assert.ok(!(await events()).includes(theirs.id));
});

test("a script's change-set: listed, shown and reverted by API and command line", async () => {
  const ids = await bulk("parties", Array.from({ length: 30 }, (_, i) => ({ name: name(i), code: `r${i}` })));
  const before = await stateHash();
  const run = await maria.post("/x/kin/rename", { parties: ids, name: "Νέο όνομα" });
  assert.equal(run.status, 200, run.text);
  const id = run.body.changeset;
  const list = await maria.get("/api/v1/changesets?limit=5");
  const row = list.body.data.find((one) => one.id === id);
  assert.deepEqual([row.name, row.kind, row.updated, row.created, row.deleted], ["renaming", "script", 30, 0, 0]);
  const listed = await service.cli("changeset", "list", "--format", "json");
  assert.ok(listed.stdout.includes(id), listed.stderr);
  const shown = await service.cli("changeset", "show", id);
  assert.match(shown.stdout, /renaming/);
  assert.match(shown.stdout, /Νέο όνομα/);
  const refused = await service.cli("changeset", "show", "0000000000001");
  assert.notEqual(refused.code, 0);
  const reverted = await service.cli("changeset", "revert", id);
  assert.equal(reverted.code, 0, reverted.stderr);
  assert.equal(await stateHash(), before);
});
