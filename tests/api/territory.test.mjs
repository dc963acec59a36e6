// Teams, territories, absences and circles, as an administrator and his people meet them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service({ enable: ["relations"] });
let admin;
const people = {};
const filterOf = (text) => `filter=${encodeURIComponent(text)}`;
const namesOf = async (client) => (await client.get("/api/v1/organisations?order=name&limit=100")).body.data.map((row) => row.name);

async function make(path, body, client = admin) {
  const made = await client.post(`/api/v1/${path}`, body);
  assert.equal(made.status, 201, made.text);
  return made.body;
}

async function person(name, role) {
  people[name] = await service.client(role, name);
  people[name].id = (await admin.get(`/api/v1/users?${filterOf(`name[eq]:"${name}"`)}`)).body.data[0].id;
}

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  const verbs = ["read", "create", "update", "delete", "export"];
  const colleagues = { user: { verbs: ["read"] }, team: { verbs: ["read"] } };
  await make("roles", { name: "rep", grants: { organisation: { verbs, rows: "territory" }, person: { verbs, rows: "own" }, ...colleagues } });
  await make("roles", { name: "mine", grants: { organisation: { verbs, rows: "own" }, person: { verbs, rows: "own" }, ...colleagues } });
  for (const name of ["rea", "rob"]) await person(name, "rep");
  for (const name of ["mia", "max", "moe"]) await person(name, "mine");
  for (const [name, country] of [["Athens", "GR"], ["Berlin", "DE"], ["Nicosia", "CY"], ["Nowhere", null]])
    await make("organisations", { name, country, owner: people.moe.id });
});

after(() => service.remove());

test("a territory shows what meets its rules, at once, and nothing more", async () => {
  const east = await make("territories", { name: "East", members: [people.rob.id] });
  assert.deepEqual(await namesOf(people.rea), []);
  const greece = await make("territories", {
    name: "Greece", parent: east.id, members: [people.rea.id], rules: { organisation: { country: "GR" } },
  });
  assert.deepEqual(await namesOf(people.rea), ["Athens"]);
  assert.deepEqual(await namesOf(people.rob), ["Athens"]); // by the territory above
  const wider = await admin.patch(`/api/v1/territories/${greece.id}`, { rules: { organisation: { country: { in: ["GR", "CY"] } } } });
  assert.equal(wider.status, 200, wider.text);
  assert.deepEqual(await namesOf(people.rea), ["Athens", "Nicosia"]);
  // A further filter only narrows; a total tells no more than the list.
  const asked = await people.rea.get(`/api/v1/organisations?${filterOf('country[in]:["GR","DE"]')}&count=exact`);
  assert.deepEqual(asked.body.data.map((row) => row.name), ["Athens"]);
  assert.equal(asked.body.count, 1);
});

test("what is in the territory is changed; what leaves it is handed over", async () => {
  const [athens] = (await people.rea.get(`/api/v1/organisations?${filterOf('name[eq]:"Athens"')}`)).body.data;
  const berlin = (await admin.get(`/api/v1/organisations?${filterOf('name[eq]:"Berlin"')}`)).body.data[0];
  assert.equal((await people.rea.patch(`/api/v1/organisations/${athens.id}`, { website: "https://athens.example" })).status, 200);
  assert.equal((await people.rea.patch(`/api/v1/organisations/${berlin.id}`, { country: "GR" })).status, 404);
  assert.equal((await people.rea.post("/api/v1/organisations", { name: "Paris", country: "FR", owner: people.moe.id })).status, 403);
  const moved = await people.rea.patch(`/api/v1/organisations/${athens.id}`, { country: "IT" });
  assert.equal(moved.status, 200, moved.text);
  assert.equal((await people.rea.get(`/api/v1/organisations/${athens.id}`)).status, 404);
  const edited = await people.rea.post("/api/v1/organisations/bulk/edit", { filter: {}, set: { website: "https://all.example" } });
  assert.equal(edited.status, 200, edited.text);
  assert.equal(edited.body.count, 1, edited.text); // Nicosia alone
  await admin.patch(`/api/v1/organisations/${athens.id}`, { country: "GR" });
});

test("a wrong rule is refused with its place", async () => {
  for (const [rules, code, pointer] of [
    [{ organisation: { contry: "GR" } }, "unknown_field", "/rules/organisation/filter/contry"],
    [{ organization: { country: "GR" } }, "unknown_object", "/rules"],
    [{ person: { "organisation.country": "GR" } }, "unknown_field", "/rules/person/filter/organisation.country"],
    [{ user: { name: "x" } }, "invalid", "/rules/user"],
    [{ organisation: 7 }, "invalid", "/rules/organisation"],
    ["all", "invalid", "/rules"],
  ]) {
    const refused = await admin.post("/api/v1/territories", { name: "wrong", rules });
    assert.ok(refused.status >= 400 && refused.status < 500, refused.text);
    if (code) assert.equal(refused.body.code, code, refused.text);
    if (pointer) assert.equal(refused.body.errors?.[0]?.pointer ?? refused.body.pointer, pointer, refused.text);
  }
  assert.equal((await people.rea.post("/api/v1/territories", { name: "mine", rules: {} })).status, 404); // not even its name
});

test("circles are refused by every door, with the path", async () => {
  const alpha = await make("organisations", { name: "Alpha", external_id: "alpha" });
  const beta = await make("organisations", { name: "Beta", parent: alpha.id });
  const gamma = await make("organisations", { name: "Gamma", parent: beta.id });
  const told = (answer) => JSON.stringify(answer.body);
  const patched = await admin.patch(`/api/v1/organisations/${alpha.id}`, { parent: gamma.id });
  assert.equal(patched.status, 422, patched.text);
  assert.equal(patched.body.code, "cycle");
  assert.match(patched.body.detail, /Alpha → Gamma → Beta → Alpha/);
  const row = JSON.stringify({ external_id: "alpha", parent: gamma.id });
  const bulk = await admin.post("/api/v1/organisations/bulk?on_conflict=update&key=external_id", row, { "content-type": "application/x-ndjson" });
  assert.equal(JSON.parse(bulk.text.trim()).error?.code, "cycle", bulk.text);
  const edited = await admin.post("/api/v1/organisations/bulk/edit", { filter: { name: "Alpha" }, set: { parent: gamma.id } });
  assert.equal(edited.body.code, "cycle", edited.text);
  const merged = await admin.post(`/api/v1/organisations/${alpha.id}/merge`, { others: [gamma.id], fill: true });
  assert.equal(merged.status, 422, merged.text);
  assert.equal(merged.body.code, "cycle");
  const job = await admin.import("organisation", `external_id,parent\nalpha,${gamma.id}\n`, { key: "external_id", on_conflict: "update" });
  assert.equal(job.body.counts.failed, 1, job.text);
  assert.match((await admin.get(`/api/v1/jobs/${job.body.id}/errors`)).text, /Alpha → Gamma → Beta → Alpha/);
  // A revert that would bring a closed circle back.
  const loosen = { filter: { name: "Beta" }, set: { parent: null } };
  const { token } = (await admin.post("/api/v1/organisations/bulk/edit", loosen)).body;
  const { changeset } = (await admin.post("/api/v1/organisations/bulk/edit", { ...loosen, token })).body;
  assert.equal((await admin.patch(`/api/v1/organisations/${alpha.id}`, { parent: beta.id })).status, 200);
  const reverted = await admin.post(`/api/v1/changesets/${changeset}/revert`, {});
  assert.match(reverted.text, /cycle|above itself/);
  assert.equal((await admin.get(`/api/v1/organisations/${beta.id}`)).body.parent, null);
  await admin.patch(`/api/v1/organisations/${alpha.id}`, { parent: null });
  await admin.patch(`/api/v1/organisations/${beta.id}`, { parent: alpha.id });
  assert.equal((await admin.get(`/api/v1/organisations/${alpha.id}`)).body.parent, null);
  // Two who each see a free place: the second one finds it taken.
  const one = await make("organisations", { name: "One" });
  const two = await make("organisations", { name: "Two" });
  const both = await Promise.all([
    admin.patch(`/api/v1/organisations/${one.id}`, { parent: two.id }),
    admin.patch(`/api/v1/organisations/${two.id}`, { parent: one.id }),
  ]);
  assert.deepEqual(both.map((answer) => answer.status).sort(), [200, 422]);
  // Lua, teams and territories too.
  const run = await admin.post("/api/v1/shell", { write: true, code: `px.store.update("organisation", "${alpha.id}", { parent = "${gamma.id}" })` });
  assert.match(run.text, /cycle/);
  // Reporting lines lie in affiliations: within one organisation, while they last.
  const [ann, bo] = [await make("people", { name: "Ann" }), await make("people", { name: "Bo" })];
  const line = (person, reports_to, more = {}) =>
    admin.post("/api/v1/affiliations", { person: person.id, reports_to: reports_to.id, organisation: two.id, ...more });
  assert.equal((await line(ann, bo)).status, 201);
  const back = await line(bo, ann);
  assert.equal(back.status, 422, back.text);
  assert.equal(back.body.code, "cycle");
  assert.match(back.body.detail, /Bo → Ann → Bo/);
  assert.equal((await line(bo, ann, { organisation: one.id })).status, 201);
  assert.equal((await line(bo, ann, { ended_on: "2020-01-01" })).status, 201);
  const upper = await make("teams", { name: "Upper" });
  const lower = await make("teams", { name: "Lower", parent: upper.id });
  assert.equal((await admin.patch(`/api/v1/teams/${upper.id}`, { parent: lower.id })).body.code, "cycle");
  const world = await make("territories", { name: "World" });
  const part = await make("territories", { name: "Part", parent: world.id });
  assert.equal((await admin.patch(`/api/v1/territories/${world.id}`, { parent: part.id })).body.code, "cycle");
});

test("a deputy has the records while the absence lasts, and the log says for whom", async () => {
  const mine = await make("organisations", { name: "Mia's", owner: people.mia.id });
  assert.equal((await people.max.get(`/api/v1/organisations/${mine.id}`)).status, 404);
  const away = await people.mia.request("PUT", `/api/v1/users/${people.mia.id}/absence`, {
    body: { until: new Date(Date.now() + 2500).toISOString(), deputy: people.max.id },
  });
  assert.equal(away.status, 200, away.text);
  assert.equal((await people.max.get(`/api/v1/organisations/${mine.id}`)).status, 200);
  assert.equal((await people.moe.get(`/api/v1/organisations/${mine.id}`)).status, 404);
  assert.equal((await people.max.patch(`/api/v1/organisations/${mine.id}`, { website: "https://mia.example" })).status, 200);
  const history = await admin.get(`/api/v1/organisations/${mine.id}/history`);
  const last = history.body.data.find((entry) => JSON.stringify(entry).includes("mia.example"));
  assert.equal(last.actor, "user:max");
  assert.match(last.via, / for user:mia$/);
  // It ends by itself, without a word or a restart.
  await until(async () => (await people.max.get(`/api/v1/organisations/${mine.id}`)).status === 404, 10000);
  assert.equal((await people.max.patch(`/api/v1/organisations/${mine.id}`, { website: "https://late.example" })).status, 404);
});

test("nobody sets an absence past its checks", async () => {
  for (const fields of [{ deputy: people.max.id }, { away_until: "2030-01-01T00:00:00Z" }, { away_from: "2020-01-01T00:00:00Z" }]) {
    const refused = await admin.patch(`/api/v1/users/${people.moe.id}`, fields);
    assert.equal(refused.status, 422, refused.text);
    assert.equal(refused.body.errors?.[0]?.code ?? refused.body.code, "readonly");
  }
  const until1 = new Date(Date.now() + 3600e3).toISOString();
  const put = (who, deputy) => admin.request("PUT", `/api/v1/users/${people[who].id}/absence`, { body: { until: until1, deputy: people[deputy].id } });
  assert.equal((await put("moe", "max")).status, 200);
  const circle = await put("max", "moe");
  assert.equal(circle.status, 422, circle.text);
  assert.equal(circle.body.code, "cycle");
});
