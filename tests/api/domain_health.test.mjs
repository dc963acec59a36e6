// Rates, health of bonds and the attention queue over HTTP, as a manager would ask for them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

let service, manager;

before(async () => {
  service = await new Service().start();
  manager = await service.client("manager");
});
after(() => service.remove());

async function made(path, body) {
  const answer = await manager.post(`/api/v1/${path}`, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data ?? answer.body;
}

test("S5 rates: made, changed, asked for; a bad one is refused with its place", async () => {
  const rate = await made("exchange_rates", { base: "EUR", currency: "USD", rate: "1.25", on: "2026-01-02", source: "ECB" });
  const asked = "/x/relations/convert?amount=10000&currency=USD&to=EUR";
  let answer = await manager.get(`${asked}&on=2026-01-05`);
  assert.equal(answer.body.to.amount, 8000, answer.text);
  assert.equal(answer.body.rate_on, "2026-01-02");
  answer = await manager.patch(`/api/v1/exchange_rates/${rate.id}`, { rate: "1.6" });
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await manager.get(`${asked}&on=2026-01-05`)).body.to.amount, 6250);
  answer = await manager.get(`${asked}&on=2026-01-01`);
  assert.equal(answer.status, 404);
  assert.match(answer.body.detail, /USD\/EUR/);
  answer = await manager.post("/api/v1/exchange_rates", { base: "EUR", currency: "usd", rate: "1.2", on: "2026-01-02", source: "ECB" });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.errors[0].pointer, "/currency");
  answer = await manager.post("/api/v1/exchange_rates", { base: "EUR", currency: "GBP", rate: "-1", on: "2026-01-02", source: "ECB" });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.errors[0].code, "rule");
});

const party = (name) => made("organisations", { name });
let kinds;

async function bond(fields) {
  kinds ??= (await manager.get("/api/v1/relationship_types?filter=code[eq]:\"client_of\"")).body.data[0];
  const source = await party(fields.name);
  const target = await party(`We of ${fields.name}`);
  delete fields.name;
  const owner = (await manager.get("/api/v1/me")).body;
  return made("relationships", { type: kinds.id, source: source.id, target: target.id, managed: true, owner: (owner.data ?? owner).user?.id ?? (owner.data ?? owner).id, ...fields });
}

const signal = (relationship, factor, value, more = {}) =>
  made("health_signals", { relationship: relationship.id, factor, value, at: "2026-01-01T00:00:00Z", ...more });

async function health(relationship, ready) {
  return until(async () => {
    const answer = await manager.get(`/x/relations/bonds/${relationship.id}/health`);
    return answer.status === 200 && ready(answer.body) ? answer.body : null;
  }, 10000);
}

test("C1 health: a signal changes it, the evidence is named, what if writes nothing, bad input is refused", async () => {
  const acme = await bond({ name: "Acme" });
  const now = new Date().toISOString();
  await signal(acme, "satisfaction", "0.9", { at: now, evidence_object: "organisation", evidence_id: acme.source });
  const cases = await signal(acme, "cases", "0.1", { at: now });
  await signal(acme, "payments", "1", { at: now });
  let found = await health(acme, (body) => body.coverage === 30);
  assert.equal(found.score, 65);
  const satisfaction = found.factors.find((factor) => factor.name === "satisfaction");
  assert.deepEqual([satisfaction.evidence[0].object, satisfaction.evidence[0].id], ["organisation", acme.source]);
  assert.equal(found.factors.find((factor) => factor.name === "competition").value, null);
  assert.equal((await manager.patch(`/api/v1/health_signals/${cases.id}`, { value: "0.7" })).status, 200);
  found = await health(acme, (body) => body.score === 85);
  let answer = await manager.post(`/x/relations/bonds/${acme.id}/what-if`, { values: { cases: 0 } });
  assert.equal(answer.body.after.score, 62, answer.text);
  assert.equal((await health(acme, () => true)).score, 85);
  answer = await manager.post(`/x/relations/bonds/${acme.id}/what-if`, { values: { luck: 1 } });
  assert.deepEqual([answer.status, answer.body.errors[0].pointer], [422, "/values/luck"]);
  answer = await manager.post("/api/v1/health_signals", { relationship: acme.id, factor: "cases", value: "1.5", at: now });
  assert.deepEqual([answer.status, answer.body.errors[0].pointer], [422, "/value"]);
  answer = await manager.post("/api/v1/health_formulas", { name: "Mine", number: 2, factors: [{ name: "a", weight: 0, source: "signal" }] });
  assert.deepEqual([answer.status, answer.body.errors[0].pointer], [422, "/factors/0/weight"]);
  answer = await manager.get("/x/relations/reports/health?from=2026-02-01&to=2026-01-01");
  assert.equal(answer.status, 422);
});

test("S5 today: ranked rows, what is unknown apart, each with why this and why now; the command prints them", async () => {
  const beta = await bond({ name: "Βήτα", value_at_stake: { amount: 1000000, currency: "EUR" } });
  const now = new Date().toISOString();
  for (const factor of ["satisfaction", "cases", "payments"]) await signal(beta, factor, "0.5", { at: now });
  await health(beta, (body) => body.score === 50);
  const due = new Date(Date.now() + 7 * 86400000).toISOString().slice(0, 10);
  const task = await made("tasks", { title: "Renew Βήτα", relationship: beta.id, due, effort_hours: "2" });
  let day = (await manager.get("/x/relations/today?limit=5")).body;
  const row = day.rows.find((one) => one.id === task.id);
  assert.ok(row.rank > 1100 && row.rank < 1500, JSON.stringify(row)); // 10,000 × 0.5 × about 0.5 ÷ 2
  assert.equal(row.parts.fall.score, 50);
  assert.match(row.why_this.en, /Βήτα.*10000\.00/);
  assert.match(row.why_now.el, /σε \d ημέρ/);
  assert.ok(day.unknown.some((one) => one.kind === "bond" && one.missing.includes("effort")), JSON.stringify(day.unknown));
  assert.equal((await manager.patch(`/api/v1/tasks/${task.id}`, { state: "done" })).status, 200);
  day = (await manager.get("/x/relations/today")).body;
  assert.ok(!day.rows.some((one) => one.id === task.id));
  const refused = await manager.get("/x/relations/today?limit=0");
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, "/limit"]);
  const printed = await service.cli("today", "limit=5", "--format", "json");
  assert.equal(printed.code, 0, printed.stderr);
  const told = await service.cli("health", "βητα");
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /50 of 100/);
});
