// Changing and deleting what a filter finds: looked at first, then done for exactly what was seen, and taken back.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service } from "./service.mjs";

const service = new Service();
let admin;
let maria;
let reader;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  maria = await service.client("manager", "maria");
  reader = await service.client("reader", "rita");
  const rows = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ external_id: `e${i}`, name: `Πελάτης ${i}`, country: i < 3000 ? "GR" : "CY" }));
  const made = await admin.post("/api/v1/organisations/bulk", rows.join("\n"), { "content-type": "application/x-ndjson" });
  assert.equal(made.status, 200, made.text.slice(0, 300));
});
after(() => service.remove());

const edit = (client, body) => client.post("/api/v1/organisations/bulk/edit", body);
const remove = (client, body) => client.post("/api/v1/organisations/bulk/delete", body);
const count = async (filter) => (await admin.get(`/api/v1/organisations?count=exact&limit=1&filter=${encodeURIComponent(filter)}`)).body.count;

test("a preview tells count and changes and keeps nothing; its token does it; a revert takes it back", async () => {
  const change = { filter: { country: "GR" }, set: { industry: "shipping" } };
  const seen = await edit(admin, change);
  assert.equal(seen.status, 200, seen.text);
  assert.equal(seen.body.count, 3000);
  assert.equal(seen.body.sample.length, 20);
  assert.deepEqual(seen.body.sample[0].changes, { industry: { from: null, to: "shipping" } });
  assert.equal(seen.body.changeset, null);
  assert.equal(await count('industry[eq]:"shipping"'), 0);
  const done = await edit(admin, { ...change, token: seen.body.token });
  assert.equal(done.status, 200, done.text);
  assert.equal(done.body.count, 3000);
  assert.equal(await count('industry[eq]:"shipping"'), 3000);
  const again = await edit(admin, { ...change, token: seen.body.token });
  assert.equal(again.status, 412, again.text);
  const shown = await admin.get(`/api/v1/changesets/${done.body.changeset}`);
  assert.equal(shown.body.updated, 3000);
  const reverted = await admin.post(`/api/v1/changesets/${done.body.changeset}/revert`, {});
  assert.equal(reverted.body.reverted, 3000, reverted.text);
  assert.equal(await count('industry[eq]:"shipping"'), 0);
});

test("a token fits only what was looked at: another set, another change, another person", async () => {
  const change = { filter: { country: "CY" }, set: { industry: "tourism" } };
  const token = (await edit(admin, change)).body.token;
  assert.equal((await edit(admin, { ...change, set: { industry: "energy" }, token })).status, 412);
  assert.equal((await edit(admin, { ...change, filter: { country: "GR" }, token })).status, 412);
  assert.equal((await edit(maria, { ...change, token })).status, 412);
  const extra = await admin.post("/api/v1/organisations", { name: "Νέος", country: "CY" });
  const stale = await edit(admin, { ...change, token });
  assert.equal(stale.status, 412, stale.text);
  assert.match(stale.body.detail, /2001 are found now/);
  assert.equal(await count('industry[eq]:"tourism"'), 0);
  await admin.request("DELETE", extra.headers.get("location"));
  const touched = (await admin.get("/api/v1/organisations?limit=1&filter=" + encodeURIComponent('country[eq]:"CY"'))).body.data[0];
  await admin.patch(`/api/v1/organisations/${touched.id}`, { description: "somebody was faster" });
  assert.equal((await edit(admin, { ...change, token })).status, 412);
});

test("bad input changes nothing: place and reason", async () => {
  const noFilter = await edit(admin, { set: { industry: "x" } });
  assert.equal(noFilter.status, 400);
  assert.equal(noFilter.body.errors[0].pointer, "/filter");
  const nothing = await edit(admin, { filter: {}, set: {} });
  assert.equal(nothing.body.errors[0].pointer, "/set");
  const unknown = await edit(admin, { filter: { contry: "GR" }, set: { industry: "x" } });
  assert.equal(unknown.body.errors[0].nearest, "country");
  const field = await edit(admin, { filter: { country: "GR" }, set: { industri: "x" } });
  assert.equal(field.status, 400, field.text);
  assert.equal(field.body.errors[0].pointer, "/set/industri");
  assert.equal(field.body.errors[0].nearest, "industry");
  const member = await edit(admin, { filter: {}, set: { industry: "x" }, tokn: "y" });
  assert.equal(member.status, 400, member.text);
});

test("all or none: one record that may not be so, and none is changed; it is named", async () => {
  const taken = await edit(admin, { filter: { country: "GR" }, set: { external_id: "one for all" } });
  assert.equal(taken.status, 409, taken.text);
  assert.match(taken.body.detail, /^record \w+, so none was changed/);
  assert.equal(await count('external_id[eq]:"one for all"'), 0);
});

test("who may only read changes nothing", async () => {
  const refused = await edit(reader, { filter: { country: "GR" }, set: { industry: "x" } });
  assert.equal(refused.status, 403, refused.text);
  assert.equal((await remove(reader, { filter: { country: "GR" } })).status, 403);
});

test("a bulk delete is looked at, done and taken back under the same ids", async () => {
  const what = { filter: { external_id: { in: ["e1", "e2", "e3"] } } };
  const seen = await remove(admin, what);
  assert.equal(seen.status, 200, seen.text);
  assert.equal(seen.body.count, 3);
  assert.match(seen.body.sample[0].record.name, /^Πελάτης/);
  const ids = seen.body.sample.map((item) => item.id);
  const done = await remove(admin, { ...what, token: seen.body.token });
  assert.equal(done.status, 200, done.text);
  for (const id of ids) assert.equal((await admin.get(`/api/v1/organisations/${id}`)).status, 404);
  assert.equal((await admin.post(`/api/v1/changesets/${done.body.changeset}/revert`, {})).status, 200);
  for (const id of ids) assert.equal((await admin.get(`/api/v1/organisations/${id}`)).status, 200);
});

test("nothing found is no change", async () => {
  const none = { filter: { country: "ZZ" }, set: { industry: "x" } };
  const seen = await edit(admin, none);
  assert.equal(seen.body.count, 0, seen.text);
  const done = await edit(admin, { ...none, token: seen.body.token });
  assert.equal(done.body.changeset, null, done.text);
});

test("from the command line: shown first, done with --yes", async () => {
  const words = ["record", "edit-all", "organisation", "industry=ναυτιλία", "--filter", 'external_id[in]:["e10","e11"]'];
  const looked = await service.cli(...words);
  assert.equal(looked.code, 0, looked.stderr);
  assert.match(looked.stdout, /industry:\s+→ ναυτιλία/);
  assert.match(looked.stderr, /2 records would be changed; nothing was/);
  assert.equal(await count('industry[eq]:"ναυτιλία"'), 0);
  const done = await service.cli(...words, "--yes");
  assert.match(done.stderr, /2 records changed; proxenos changeset revert/);
  assert.equal(await count('industry[eq]:"ναυτιλία"'), 2);
  const none = await service.cli("record", "delete-all", "organisation");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /--filter says which/);
  const gone = await service.cli("record", "delete-all", "organisation", "--filter", 'external_id[in]:["e10","e11"]', "--yes");
  assert.equal(gone.code, 0, gone.stderr);
  assert.equal(await count('external_id[in]:["e10","e11"]'), 0);
});
