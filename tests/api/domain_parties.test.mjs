// The party model from outside: bonds with a name from each end, reporting lines, both sides of one firm, who knows whom.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service } from "./service.mjs";

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
  assert.equal(answer.status, 422, answer.text);
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
