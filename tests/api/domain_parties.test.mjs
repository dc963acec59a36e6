// The party model from outside: bonds with a name from each end, reporting lines, both sides of one firm, who knows whom.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Service, until } from "./service.mjs";

const service = new Service();
let client;
const types = {};

before(async () => {
  await service.start();
  client = await service.client("manager");
  for (const type of (await client.get("/api/v1/relationship_types?limit=100")).body.data) types[type.code] = type.id;
});
after(() => service.remove());

async function make(path, fields) {
  const answer = await client.post(`/api/v1/${path}`, fields);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

async function refused(path, fields, code, pointer) {
  const answer = await client.post(`/api/v1/${path}`, fields);
  assert.equal(answer.status, code === "unique" ? 409 : 422, answer.text);
  const found = answer.body.errors[0];
  assert.equal(found.code, code, answer.text);
  if (pointer) assert.equal(found.pointer, pointer, answer.text);
  return answer.body;
}

async function ask(path) {
  const answer = await client.get(`/x/relations/${path}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

async function myself() {
  const answer = await client.get(`/api/v1/users?filter=name[eq]:"${client.user.name}"`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data[0];
}

test("T4 R1 R2 one firm is client and supplier at once: two bonds, one page, a net position", async () => {
  const us = await make("organisations", { name: "Εμείς ΑΕ", roles: ["own_company"] });
  const acme = await make("organisations", { name: "Acme", roles: ["client", "service_provider"], nace: "62.01", locality: "Βόλος" });
  const bond = await make("relationships", { type: types.client_of, source: acme.id, target: us.id, value_at_stake: { amount: 200000, currency: "EUR" } });
  assert.equal(bond.managed, true);
  await make("relationships", { type: types.service_provider_of, source: acme.id, target: us.id, value_at_stake: { amount: 70000, currency: "EUR" } });
  const page = await ask(`parties/${acme.id}?language=el`);
  assert.deepEqual(page.position.net, { amount: 130000, currency: "EUR" });
  assert.equal(page.position.both_sides, true);
  assert.deepEqual(page.bonds.map((b) => b.label).sort(), ["πάροχος υπηρεσιών του/της", "πελάτης του/της"]);
  const ended = await client.patch(`/api/v1/relationships/${bond.id}`, { ended_on: "2026-06-30", ended_reason: "lost" });
  assert.equal(ended.status, 200, ended.text);
  assert.equal((await client.get(`/api/v1/relationships/${bond.id}`)).body.ended_reason, "lost");
  assert.equal((await ask(`parties/${acme.id}`)).position.client.bonds, 0);
  await refused("relationships", { type: types.owns, source: acme.id, target: acme.id }, "rule");
  await refused("organisations", { name: "Bad", nace: "software" }, "pattern", "/nace");
  await refused("relationship_types", { code: "lends_to", name: "lends to" }, "required", "/reverse_name");
});

test("T4 the chart of an organisation, and who of ours knows somebody in it", async () => {
  const [anna, bill] = [await make("people", { name: "Άννα" }), await make("people", { name: "Bill" })];
  const firm = await make("organisations", { name: "Rhodes Oil" });
  await make("affiliations", { person: anna.id, organisation: firm.id, job_title: "CEO" });
  await make("affiliations", { person: bill.id, organisation: firm.id, reports_to: anna.id });
  const chart = await ask(`organisations/${firm.id}/chart`);
  assert.equal(chart.people, 2);
  assert.equal(chart.top[0].reports[0].name, "Bill");
  await make("interactions", { kind: "call", subject: "Harvest", at: "2026-03-01T10:00:00Z", people: [bill.id] });
  const found = await ask(`people/${anna.id}/introductions`);
  assert.deepEqual(found.ways[0].hops.map((hop) => hop.kind), ["interaction", "affiliation"]);
  assert.equal(found.ways[0].hops[0].from.object, "user");
  const bad = await client.get(`/x/relations/people/${anna.id}/introductions?limit=many`);
  assert.equal(bad.status, 422, bad.text);
  assert.equal(bad.body.errors[0].pointer, "/limit");
});

test("S8 who has the skill and the time; expertise is confirmed by another", async () => {
  const me = await myself();
  const skill = await make("skills", { name: "Letters of credit", name_el: "Ενέγγυες πιστώσεις" });
  const mine = await make("expertise", { user: me.id, skill: skill.id, level: "basic" });
  assert.equal((await client.patch(`/api/v1/expertise/${mine.id}`, { level: "expert" })).status, 200);
  await make("work_profiles", { user: me.id, hours_per_week: "20" });
  await make("tasks", { title: "Answer the bank", owner: me.id, due: "2026-03-04", effort_hours: "5" });
  const found = await ask(`experts?skill=${encodeURIComponent("ενεγγυ")}&from=2026-03-02&until=2026-03-08&language=el`);
  assert.equal(found.experts.length, 0, "his languages are not known");
  await client.patch(`/api/v1/work_profiles/${(await client.get("/api/v1/work_profiles")).body.data[0].id}`, { languages: "el, en" });
  const [expert] = (await ask(`experts?skill=credit&from=2026-03-02&until=2026-03-08`)).experts;
  assert.equal(expert.level, "expert");
  assert.equal(expert.free_hours, 15);
  await refused("expertise", { user: me.id, skill: skill.id }, "unique");
  const bad = await client.get("/x/relations/experts");
  assert.equal(bad.status, 422, bad.text);
  assert.equal(bad.body.errors[0].pointer, "/skill");
});

test("S9 onboarding becomes tasks, training and certificates are told", async () => {
  const me = await myself();
  const plan = await make("onboarding_plans", { name: "First weeks" });
  await make("onboarding_steps", { plan: plan.id, title: "Shadow a colleague", days: 3 });
  await make("onboardings", { user: me.id, plan: plan.id, started_on: "2026-03-02" });
  await until(async () => (await client.get('/api/v1/tasks?filter=kind[eq]:"onboarding"')).body.data.length === 1);
  const certificate = await make("certificates", { user: me.id, name: "MiFID II", issued_on: "2020-01-01", expires_on: "2021-01-01" });
  const training = await make("training", { user: me.id, title: "Negotiation", hours: "6" });
  const done = await client.patch(`/api/v1/training/${training.id}`, { state: "completed", completed_on: "2026-02-01" });
  assert.equal(done.status, 200, done.text);
  const seen = await ask(`development/${me.id}?year=2026`);
  assert.equal(seen.certificates.find((one) => one.id === certificate.id).standing, "expired");
  assert.equal(seen.training.completed, 1);
  assert.equal(seen.onboarding[0].steps, 1);
  await refused("certificates", { user: me.id, name: "Bad", issued_on: "2026-02-01", expires_on: "2026-01-01" }, "rule");
});

test("S6 rules in force on a day, cited, low confidence shown", async () => {
  const rule = await make("guidance", { title: "Record calls", jurisdiction: "EU", industry: "banking", statement: "Keep records of calls.",
    citation: "Directive 2014/65/EU, Art. 16(7)", effective_from: "2018-01-03" });
  const before = await ask("guidance?jurisdiction=GR&on=2018-01-02");
  assert.equal(before.rules.length, 0);
  const low = await ask("guidance?jurisdiction=GR&on=2026-01-02&industry=banking&language=el");
  assert.match(low.rules[0].caution, /χαμηλή βεβαιότητα/);
  assert.equal((await client.patch(`/api/v1/guidance/${rule.id}`, { confidence: "high", checked_on: "2026-01-02" })).status, 200);
  assert.equal((await ask("guidance?jurisdiction=GR&on=2026-01-02")).low_confidence, 0);
  await refused("guidance", { title: "x", jurisdiction: "EU", statement: "y", effective_from: "2018-01-03" }, "required", "/citation");
});

test("B1 a hand-over: the pack, one revertible move, the way back", async () => {
  const admin = await service.client("admin");
  const [leaves, stays] = [await service.client("manager"), await service.client("manager")];
  const id = async (one) => (await admin.get(`/api/v1/users?filter=name[eq]:"${one.user.name}"`)).body.data[0].id;
  const [from, to] = [await id(leaves), await id(stays)];
  const firm = (await admin.post("/api/v1/organisations", { name: "Handed over", owner: from })).body;
  const task = (await admin.post("/api/v1/tasks", { title: "Visit", owner: from, due: "2026-03-01" })).body;
  const made = await admin.post("/api/v1/handovers", { from, to, reason: "away", returns_on: "2027-01-15", notes: "Mind the dog" });
  assert.equal(made.status, 201, made.text);
  const handover = made.body.id;
  assert.equal((await admin.patch(`/api/v1/handovers/${handover}`, { notes: "Mind the cat" })).status, 200);
  const pack = await admin.get(`/x/relations/handovers/${handover}/pack`);
  assert.equal(pack.status, 200, pack.text);
  assert.equal(pack.body.notes, "Mind the cat");
  assert.equal(pack.body.deadlines[0].title, "Visit");
  const owner = async (path, record) => (await admin.get(`/api/v1/${path}/${record.id}`)).body.owner;
  const first = await admin.post(`/x/relations/handovers/${handover}/move`, {});
  assert.equal(first.status, 200, first.text);
  assert.equal(await owner("organisations", firm), to);
  const reverted = await admin.post(`/api/v1/changesets/${first.body.changeset}/revert`, {});
  assert.equal(reverted.status, 200, reverted.text);
  assert.equal(await owner("tasks", task), from);
  assert.equal((await admin.get(`/api/v1/handovers/${handover}`)).body.state, "draft");
  assert.equal((await admin.post(`/x/relations/handovers/${handover}/move`, {})).status, 200);
  const back = await admin.post(`/x/relations/handovers/${handover}/back`, {});
  assert.equal(back.body.returned, first.body.total);
  assert.equal(await owner("organisations", firm), from);
  const bad = await admin.post("/api/v1/handovers", { from, to: from, reason: "leaving" });
  assert.equal(bad.status, 422, bad.text);
  assert.equal(bad.body.errors[0].code, "rule");
});

test("T4 R1 a bond that a script makes is ours to look after, too", async () => {
  const us = await make("organisations", { name: "Us again", roles: ["own_company"] });
  mkdirSync(path.join(service.folder, "automations"), { recursive: true });
  writeFileSync(path.join(service.folder, "automations/bond.lua"), `px.on("organisation.created", function(event)
  if event.after.name:find("^Bonded") then
    px.store.create("relationship", { type = "${types.client_of}", source = event.id, target = "${us.id}" })
  end
end)
`);
  let bonds = [];
  await until(async () => {
    const firm = await make("organisations", { name: "Bonded" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    bonds = (await client.get(`/api/v1/relationships?filter=source[eq]:"${firm.id}"`)).body.data;
    return bonds.length === 1 && bonds[0].managed === true;
  });
});
