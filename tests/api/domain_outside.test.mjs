// Outside the company, over HTTP: suppliers (B4), negotiations, response times, causes (B5), authorities and the community (B6).
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service();
let maria;

before(async () => {
  await service.start();
  maria = await service.client("manager", "maria");
});
after(() => service.remove());

const make = async (path, fields, client = maria) => {
  const made = await client.post(`/api/v1/${path}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const change = async (path, id, fields, client = maria) => {
  const changed = await client.patch(`/api/v1/${path}/${id}`, fields);
  assert.equal(changed.status, 200, changed.text);
  return changed.body;
};
const read = async (path, client = maria) => (await client.get(path)).body;
const refusal = (answer, code, pointer) => {
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.body.code, code, answer.text);
  assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
};
const refused = async (path, fields, code, pointer) => refusal(await maria.post(`/api/v1/${path}`, fields), code, pointer);
const one = async (path, filter) => (await read(`/api/v1/${path}?filter=${encodeURIComponent(filter)}`)).data[0];

test("B4 a scorecard follows from deliveries, and what nobody measured stays unknown", async () => {
  const supplier = await make("organisations", { name: "Aegean Steel", roles: ["supplier"] });
  await make("scorecard_criteria", { name: "On time", weight: "60", measure: "on_time_share", worst: "0", best: "100" });
  await make("scorecard_criteria", { name: "Accepted", weight: "40", measure: "accepted_share", worst: "90", best: "100" });
  await make("scorecard_standings", { name: "Poor", from_score: "0", action: "stop" });
  const late = await make("deliveries", { title: "Coils", supplier: supplier.id, promised_on: "2026-01-10", delivered_on: "2026-01-20" });
  const card = await make("scorecards", { party: supplier.id, period_from: "2026-01-01", period_to: "2026-06-30" });
  const scored = await until(async () => {
    const found = await read(`/api/v1/scorecards/${card.id}`);
    return found.as_of && found;
  });
  assert.deepEqual([Number(scored.score), Number(scored.known_weight)], [0, 60]);
  assert.equal(scored.parts.find((part) => part.criterion === "Accepted").points, null);
  const budget = await make("budgets", {
    name: "Steel", unit: supplier.id, starts_on: "2026-01-01", ends_on: "2026-12-31", amount: { amount: 100, currency: "EUR" } });
  const order = { title: "More", budget: budget.id, supplier: supplier.id, amount: { amount: 1, currency: "EUR" }, committed_on: "2026-02-01" };
  await refused("commitments", order, "refused", "/supplier");
  await change("deliveries", late.id, { delivered_on: "2026-01-09" });
  const again = await maria.post(`/x/business/scorecards/${card.id}/refresh`, {});
  assert.equal(Number(again.body.score), 100, again.text);
  const shown = await service.cli("scorecard", "Aegean", "Steel");
  assert.match(shown.stdout, /100\.0[^]*On time/, shown.stderr);
  await refused("scorecards", { party: supplier.id, period_from: "2026-02-01", period_to: "2026-01-01" }, "rule", "/period_to");
});

test("R2 a supplier's deliveries, spend and what is outsourced are one page each", async () => {
  const firm = await make("organisations", { name: "Cloud House", roles: ["supplier", "service_provider", "client"] });
  const unit = await make("organisations", { name: "IT", roles: ["business_unit"] });
  const budget = await make("budgets", {
    name: "IT 2026", unit: unit.id, starts_on: "2026-01-01", ends_on: "2026-12-31", amount: { amount: 100000, currency: "EUR" } });
  const cost = { budget: budget.id, supplier: firm.id, booked_on: "2026-03-01" };
  await make("cost_entries", { ...cost, title: "Servers", amount: { amount: 5000, currency: "EUR" } });
  await make("cost_entries", { ...cost, title: "Back", kind: "credit_note", amount: { amount: 1000, currency: "EUR" } });
  await make("cost_entries", { ...cost, title: "Licences", amount: { amount: 700, currency: "USD" } });
  const answer = await maria.get("/x/business/suppliers/Cloud%20House?from=2026-01-01&to=2026-12-31");
  assert.equal(answer.status, 200, answer.text);
  const page = answer.body;
  // What is sent encoded arrives decoded, once: a per cent sign and a slash within a name stay what they are.
  const odd = await make("organisations", { name: "A/B 100%41 ΑΕ", roles: ["supplier"] });
  const found = await maria.get(`/x/business/suppliers/${encodeURIComponent("A/B 100%41 ΑΕ")}`);
  assert.deepEqual([found.status, found.body.id], [200, odd.id], found.text);
  assert.equal((await maria.get("/x/business/suppliers/Cloud%20House/")).status, 404);
  assert.equal((await maria.get("/%78/business/suppliers/Cloud%20House")).status, 200);
  assert.deepEqual(page.spend, [{ amount: 4000, currency: "EUR" }, { amount: 700, currency: "USD" }]);
  assert.equal(page.deliveries, 0);
  const critical = { provider: firm.id, criticality: "critical", exit_plan: "Move" };
  const payroll = await make("outsourced_functions", { ...critical, name: "Payroll" });
  await make("outsourced_functions", { ...critical, name: "Mail" });
  await change("outsourced_functions", payroll.id, { substitute: unit.id });
  const row = (await read("/x/business/outsourcing")).data[0];
  assert.deepEqual([row.name, row.critical, row.concentrated, row.without_substitute], ["Cloud House", 2, true, 1]);
  const bare = await maria.post("/api/v1/outsourced_functions", { name: "Bank", provider: firm.id, criticality: "critical" });
  assert.equal(bare.body.code, "rule", bare.text);
  assert.equal((await maria.get("/x/business/suppliers/Nobody")).status, 422);
});

test("B6 a duty makes filings one after the other, each with evidence", async () => {
  const town = await make("organisations", { name: "Municipality", roles: ["authority"] });
  const today = new Date().toISOString().slice(0, 10);
  const duty = await make("authority_duties", { title: "Waste report", authority: town.id, first_due_on: today, every_months: 1, roll: "none" });
  const first = await until(() => one("filings", `duty[eq]:"${duty.id}"`));
  const due = await read("/x/business/obligations?days=10");
  assert.deepEqual([due.data[0].title, due.data[0].authority], [first.title, "Municipality"]);
  const bare = await maria.patch(`/api/v1/filings/${first.id}`, { state: "filed" });
  assert.equal(bare.status, 422, bare.text);
  assert.equal(bare.body.code, "rule");
  await change("filings", first.id, { state: "filed", filed_on: today, evidence: "prot. 7" });
  const second = await until(() => one("filings", `and(duty[eq]:"${duty.id}",occurrence[eq]:2)`));
  assert.equal(second.state, "open");
  const shown = await service.cli("obligations", "days=60", "--format", "json");
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /Waste report/);
});

test("B6 reputation is judged by a person, and unknown stays unknown", async () => {
  const entry = { title: "Article", source: "Paper", happened_on: "2026-02-10" };
  const judged = await make("reputation_entries", { ...entry, polarity: 2 });
  assert.equal(judged.polarity_by, "user:maria");
  await make("reputation_entries", { ...entry, title: "Rumour" });
  await change("reputation_entries", judged.id, { polarity: 1 });
  await refused("reputation_entries", { ...entry, polarity: 3 }, "range", "/polarity");
  const report = await read("/x/business/reports/reputation?from=2026-01-01&to=2026-02-28");
  assert.deepEqual(report.series[0].points.map((point) => point.y === null ? null : Number(point.y)), [null, 1]);
  assert.equal(report.unknown, 1);
});

test("B5 R2 a negotiation is the team's, and is measured against its target", async () => {
  const party = await make("organisations", { name: "Volos Paper", roles: ["supplier", "client"] });
  const talk = await make("negotiations", { title: "Paper 2027", side: "supplier", party: party.id });
  const issue = await make("negotiation_issues", { title: "Price", negotiation: talk.id, target: "90", reservation: "110", theirs: "120" });
  const move = { issue: issue.id, side: "theirs", made_on: "2026-03-01", from_value: "120" };
  await make("concessions", { ...move, to_value: "100" });
  await until(async () => Number((await read(`/api/v1/negotiation_issues/${issue.id}`)).theirs) === 100);
  await refused("concessions", { ...move, to_value: "120" }, "rule", "/from_value");
  refusal(await maria.patch(`/api/v1/negotiations/${talk.id}`, { state: "agreed" }), "refused", "/state");
  const other = await service.client("manager", "other");
  assert.equal((await other.patch(`/api/v1/negotiation_issues/${issue.id}`, { agreed: "90" })).status, 422);
  assert.deepEqual((await read(`/x/business/negotiations/${talk.id}`, other)).issues, []);
  await change("negotiation_issues", issue.id, { agreed: "95" });
  await change("negotiations", talk.id, { state: "agreed" });
  const outcome = await read(`/x/business/negotiations/${talk.id}`);
  assert.deepEqual([Number(outcome.reached), outcome.concessions.theirs, outcome.state], [75, 1, "agreed"]);
});

test("B5 response times and tone come from interactions, causes from problems", async () => {
  const party = await make("organisations", { name: "Patras Foods" });
  const say = (at, direction, more = {}) =>
    make("interactions", { kind: "email", subject: "Order", at, direction, organisations: [party.id], ...more });
  await say("2026-01-05T08:00:00Z", "inbound");
  const answer = await say("2026-01-05T14:00:00Z", "outbound");
  assert.equal((await change("interactions", answer.id, { tone: 2 })).tone_by, "user:maria");
  await refused("interactions", { kind: "email", subject: "?", at: "2026-01-06T08:00:00Z", tone: 9 }, "range", "/tone");
  const query = `party=${party.id}&from=2026-01-01&to=2026-01-31`;
  const times = await read(`/x/business/reports/response_times?${query}`);
  assert.deepEqual([times.series[0].points[0].y, times.waiting], [6, "theirs"]);
  const tone = await read(`/x/business/reports/tone?${query}`);
  assert.deepEqual([tone.series[0].points[0].y, tone.unknown], [2, 1]);
  const cause = await make("root_causes", { title: "No second check" });
  for (const title of ["Patras", "Volos"]) await make("problems", { title, cause: cause.id, happened_on: "2026-01-02", party: party.id });
  await until(async () => (await read("/x/business/causes")).data[0]?.problems === 2);
});
