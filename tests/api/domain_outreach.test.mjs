// What is written to whom, from outside: templates per language and audience, prospect lists, outreach with consent, launches.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service();
let client;

before(async () => {
  await service.start();
  client = await service.client("manager");
});
after(() => service.remove());

async function make(path, fields) {
  const answer = await client.post(`/api/v1/${path}`, fields);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

test("S7 a template in the listener's language; an unknown merge field is refused with its place", async () => {
  const nikos = await make("people", { name: "Νίκος Ρήγας", language: "el" });
  await make("templates", { name: "Offer", key: "offer", language: "en", body: "{salutation} hello" });
  const greek = await make("templates", { name: "Προσφορά", key: "offer", language: "el", body: "{salutation} χαίρετε" });
  const shown = await client.post("/x/relations/templates/preview", { key: "offer", person: nikos.id });
  assert.equal(shown.status, 200, shown.text);
  assert.equal(shown.body.language, "el");
  assert.match(shown.body.body, /Νίκος Ρήγας, χαίρετε/);
  const changed = await client.patch(`/api/v1/templates/${greek.id}`, { body: "{nmae}" });
  assert.equal(changed.status, 422, changed.text);
  assert.equal(changed.body.errors[0].pointer, "/body");
  assert.match(changed.text, /line 1, column 1: there is no merge field \{nmae\}/);
  assert.equal((await client.patch(`/api/v1/templates/${greek.id}`, { body: "Γεια, {given_name}" })).status, 200);
  const missing = await client.post("/x/relations/templates/preview", { key: "offer", person: nikos.id });
  assert.deepEqual(missing.body.missing, ["given_name"]);
});

async function refused(path, fields, code, pointer) {
  const answer = await client.post(`/api/v1/${path}`, fields);
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.body.errors[0].code, code, answer.text);
  if (pointer) assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
  return answer;
}

const reread = async (path, id) => (await client.get(`/api/v1/${path}/${id}`)).body;

test("T5 a prospect list, an outreach that stops at the reply, consent respected with the reason", async () => {
  const firm = await make("organisations", { name: "Wind SA", industry: "wind", roles: ["prospect"] });
  const anna = await make("people", { name: "Anna", email: "anna@example.org", lawful_basis: "legitimate_interests", language: "en" });
  const closed = await make("people", { name: "Closed", email: "closed@example.org", do_not_contact: true });
  for (const person of [anna, closed]) await make("affiliations", { person: person.id, organisation: firm.id });
  const list = await make("prospect_lists", { name: "Wind", industry: "wind" });
  const selected = await client.post(`/x/clients/prospect_lists/${list.id}/select`, {});
  assert.equal(selected.status, 200, selected.text);
  assert.deepEqual(selected.body.add.map((one) => one.name), ["Anna"]);
  assert.match(selected.body.excluded[0].reason, /not to be contacted/);
  const prospect = (await client.get(`/api/v1/prospects?filter=list[eq]:"${list.id}"`)).body.data[0];
  await make("templates", { name: "First", key: "first", language: "en", subject: "Hello", body: "{salutation} may we meet?" });
  const sequence = await make("outreach_sequences", { name: "Two mails" });
  await make("outreach_steps", { sequence: sequence.id, position: 1, template: "first" });
  const second = await make("outreach_steps", { sequence: sequence.id, position: 2, template: "first", wait_days: 5 });
  assert.equal((await client.patch(`/api/v1/outreach_steps/${second.id}`, { wait_days: 7 })).status, 200);
  await refused("outreach_steps", { sequence: sequence.id, position: 3, channel: "email" }, "rule");
  await refused("outreaches", { sequence: sequence.id, person: closed.id }, "refused", "/person");
  const outreach = await make("outreaches", { sequence: sequence.id, person: anna.id, prospect: prospect.id });
  await until(async () => (await reread("outreaches", outreach.id)).steps_done === 1);
  await make("interactions", { kind: "email", direction: "inbound", subject: "Re: Hello", at: "2026-03-01T10:00:00Z", people: [anna.id] });
  await until(async () => (await reread("outreaches", outreach.id)).state === "replied");
  assert.equal((await reread("prospects", prospect.id)).state, "replied");
  const report = (await client.get(`/x/clients/reports/outreach?sequence=${sequence.id}`)).body;
  assert.equal(report.reply_rate, 1);
});

test("T3 a launch: audience with the reason, follow-up tasks, an opportunity from interest", async () => {
  const product = await make("products", { name: "Blade sensor" });
  const firm = await make("organisations", { name: "Blades SA", industry: "blades", roles: ["client"] });
  const launch = await make("launches", { name: "Sensors", product: product.id, industry: "blades", starts_on: "2026-03-01" });
  const chosen = await client.post(`/x/clients/launches/${launch.id}/audience`, {});
  assert.equal(chosen.status, 200, chosen.text);
  assert.equal(chosen.body.add[0].reason, "blades");
  assert.equal((await client.patch(`/api/v1/launches/${launch.id}`, { state: "running" })).status, 200);
  await until(async () => (await client.get('/api/v1/tasks?filter=kind[eq]:"launch"')).body.data.length === 1);
  const target = (await client.get(`/api/v1/launch_targets?filter=launch[eq]:"${launch.id}"`)).body.data[0];
  assert.equal(target.organisation, firm.id);
  assert.equal((await client.patch(`/api/v1/launch_targets/${target.id}`, { state: "interested" })).status, 200);
  await until(async () => (await reread("launch_targets", target.id)).opportunity);
  await until(async () => (await client.get(`/x/clients/launches/${launch.id}/outcome`)).body.open_follow_ups === 0);
  await refused("launches", { name: "Bad", product: product.id, starts_on: "2026-03-01", ends_on: "2026-02-01" }, "rule");
});
