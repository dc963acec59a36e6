// What leads to a sale, through the running service: stakeholders, needs, account plans, value propositions, pipelines.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service();
let admin;
let organisation;
let person;
const day = (offset) => new Date(Date.now() + offset * 86400000).toISOString().slice(0, 10);

async function make(path, body, status = 201) {
  const made = await admin.post(`/api/v1/${path}`, body);
  assert.equal(made.status, status, made.text);
  return made.body;
}

async function change(path, id, body, status = 200) {
  const changed = await admin.patch(`/api/v1/${path}/${id}`, body);
  assert.equal(changed.status, status, changed.text);
  return changed.body;
}

async function refused(answer, code, pointer) {
  const { status, body, text } = await answer;
  assert.equal(status, 422, text);
  const errors = body.errors ?? [body];
  assert.ok(errors.some((error) => error.code === code && (!pointer || error.pointer === pointer)), text);
}

async function get(target, status = 200) {
  const answer = await admin.get(target);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  organisation = await make("organisations", { name: "Aegean Energy", industry: "energy", roles: ["prospect"] });
  person = await make("people", { name: "Κώστας Ρήγας" });
});
after(() => service.remove());

test("C2 a stakeholder's attitude follows dated evidence; the map says what it does not cover", async () => {
  const opportunity = await make("opportunities", { name: "Solar roof", organisation: organisation.id });
  const stakeholder = await make("stakeholders", { person: person.id, opportunity: opportunity.id, role: "influencer",
    department: "finance", influence: 4, champion: true });
  const talk = await make("interactions", { kind: "call", subject: "Budget", at: `${day(-3)}T08:00:00Z`, people: [person.id] });
  await make("attitude_evidence", { stakeholder: stakeholder.id, attitude: "blocker", observed_on: day(-3), interaction: talk.id });
  await until(async () => (await get(`/api/v1/stakeholders/${stakeholder.id}`)).attitude === "blocker");
  await change("stakeholders", stakeholder.id, { influence: 5 });
  const coverage = await get(`/x/clients/coverage?opportunity=${opportunity.id}`);
  assert.equal(coverage.stakeholders[0].influence, 5);
  assert.equal(coverage.stakeholders[0].last_contact, day(-3));
  assert.deepEqual(coverage.gaps.map((gap) => gap.kind).sort(), ["role_missing", "single_threaded"]);
  assert.deepEqual(coverage.unknown.map((one) => one.what), ["employment"]);
  await until(async () => (await get(`/api/v1/coverage_gaps?filter=opportunity[eq]:"${opportunity.id}"`)).data.length === 2);
  await refused(admin.patch(`/api/v1/stakeholders/${stakeholder.id}`, { attitude: "supporter" }), "refused", "/attitude");
  await refused(admin.post("/api/v1/stakeholders", { person: person.id, role: "influencer" }), "rule");
  await refused(admin.post("/api/v1/attitude_evidence", { stakeholder: stakeholder.id, attitude: "neutral", observed_on: day(0) }), "rule");
});

test("T1 needs heard in a meeting are captured, answered and met", async () => {
  const product = await make("products", { name: "Battery" });
  const opportunity = await make("opportunities", { name: "Battery", organisation: organisation.id });
  const talk = await make("interactions", { kind: "meeting", subject: "Outages", at: `${day(-1)}T08:00:00Z`, people: [person.id],
    organisations: [organisation.id] });
  const captured = await admin.post(`/x/clients/interactions/${talk.id}/needs`, {
    needs: [{ name: "No outages", priority: "critical", products: [product.id] }, { name: "Lower bills" }] });
  assert.equal(captured.status, 201, captured.text);
  const [id] = captured.body.needs;
  const need = await get(`/api/v1/needs/${id}`);
  assert.equal(need.source, talk.id);
  assert.deepEqual(need.people, [person.id]);
  await change("needs", id, { state: "addressed", met_by: [opportunity.id] });
  const open = await get(`/x/clients/needs?organisation=${organisation.id}`);
  assert.equal(open.needs.length, 2);
  assert.equal(open.unanswered, 1);
  await refused(admin.patch(`/api/v1/needs/${id}`, { state: "met" }), "rule");
  assert.equal((await change("needs", id, { state: "met", met_on: day(0) })).state, "met");
  await refused(admin.post("/api/v1/needs", { name: "Nothing said", organisation: organisation.id }), "rule");
  await refused(admin.post(`/x/clients/interactions/${talk.id}/needs`, { needs: [] }), "range", "/needs");
});

test("T2 a plan has objectives, actions, measures with readings, and reviews that come again", async () => {
  const plan = await make("account_plans", { name: "Energy", organisation: organisation.id, starts_on: day(-30), ends_on: day(300) });
  await refused(admin.patch(`/api/v1/account_plans/${plan.id}`, { state: "active" }), "refused", "/review_on");
  await change("account_plans", plan.id, { state: "active", review_on: day(10) });
  const objective = await make("plan_objectives", { account_plan: plan.id, name: "Second product" });
  const measure = await make("plan_measures", { objective: objective.id, name: "Share", unit: "%", baseline: "10", target: "30" });
  await make("tasks", { title: "Show it", account_plan: plan.id, objective: objective.id, due: day(-2) });
  const look = () => get(`/x/clients/account-plans/${plan.id}`);
  assert.equal((await look()).measures_unknown, 1);
  await make("measure_readings", { measure: measure.id, value: "15", read_on: day(-1) });
  await until(async () => (await look()).objectives[0].measures[0].progress === 25);
  assert.equal((await look()).overdue_actions, 1);
  const reviews = async () => (await get(`/api/v1/tasks?filter=origin[eq]:"account_plan:${plan.id}:review"`)).data;
  await until(async () => (await reviews())[0]?.due === day(10));
  await make("plan_reviews", { account_plan: plan.id, held_on: day(0), outcome: "On course", next_on: day(90) });
  await until(async () => (await reviews())[0]?.due === day(90));
  await refused(admin.post("/api/v1/account_plans", { name: "Back", organisation: organisation.id, starts_on: day(1), ends_on: day(0) }), "rule");
});

test("T8 a value proposition is presented on proof, and measured after the sale", async () => {
  const opportunity = await make("opportunities", { name: "Cold store", organisation: organisation.id });
  const need = await make("needs", { name: "Less waste", organisation: organisation.id, evidence: "Said at the fair" });
  const one = await make("value_propositions", { name: "Half the waste", need: need.id, opportunity: opportunity.id,
    statement: "Forty tonnes a year less", unit: "t/year", expected: "40", expected_by: day(60) });
  await refused(admin.patch(`/api/v1/value_propositions/${one.id}`, { state: "presented" }), "refused", "/state");
  await refused(admin.post("/api/v1/value_proofs", { value_proposition: one.id, name: "Study", kind: "case_study", dated: day(-9) }), "rule");
  await make("value_proofs", { value_proposition: one.id, name: "A client", kind: "reference_client", reference: organisation.id, dated: day(-9) });
  await change("value_propositions", one.id, { state: "presented" });
  await change("opportunities", opportunity.id, { stage: "engaging" });
  await change("opportunities", opportunity.id, { stage: "won" });
  const tasks = async (state) => (await get(`/api/v1/tasks?filter=and(origin[eq]:"value:${one.id}:result",state[eq]:"${state}")`)).data;
  await until(async () => (await tasks("open"))[0]?.due === day(60));
  assert.equal((await get(`/x/clients/value?need=${need.id}`)).result_unknown, 1);
  await change("value_propositions", one.id, { actual: "30", measured_on: day(0) });
  await until(async () => (await tasks("done")).length === 1);
  const [known] = (await get(`/x/clients/value?need=${need.id}`)).propositions;
  assert.equal(Number(known.share_reached), 0.75);
  assert.equal(known.proofs.length, 1);
});

test("T9 pipelines, forecast, whitespace, suggestions and the hand-over to sales", async () => {
  const stage = async (code) => (await get(`/api/v1/pipeline_stages?filter=code[eq]:"${code}"`)).data[0].id;
  const product = await make("products", { name: "Roof" });
  const client = await make("organisations", { name: "Samos Wine", industry: "wine", roles: ["client"] });
  const deal = await make("opportunities", { name: "Roof", organisation: client.id, product: product.id, lead_source: "referral",
    pipeline_stage: await stage("sales.lead"), value: { amount: 100000, currency: "EUR" }, expected_close_on: day(0) });
  assert.equal(deal.probability, 10);
  await change("opportunities", deal.id, { pipeline_stage: await stage("sales.proposal"), next_step: "Ask for the roof's plan" });
  await refused(admin.patch(`/api/v1/opportunities/${deal.id}`, { lost_reason: "price" }), "rule");
  await refused(admin.post("/api/v1/opportunities", { name: "Late", pipeline_stage: await stage("sales.won") }), "refused", "/pipeline_stage");
  const forecast = await get(`/x/clients/reports/forecast?from=${day(0)}&to=${day(20)}`);
  assert.equal(forecast.unit, "EUR");
  assert.equal(forecast.series[0].points[0].y, 50000);
  assert.ok(forecast.unknown > 0 && forecast.unknown_opportunities[0].lacks.length > 0);
  assert.equal((await admin.get("/x/clients/reports/forecast?group=weather")).status, 422);
  const points = (await get("/x/clients/reports/pipeline")).series.find((one) => one.name === "Sales").points;
  assert.equal(points.find((one) => one.x === "Proposal made").weighted, 50000);
  const printed = await service.cli("pipeline", "--format", "json");
  assert.equal(printed.code, 0, printed.stderr);
  assert.match(printed.stdout, /Proposal made/);
  const ahead = await service.cli("forecast", "2");
  assert.equal(ahead.code, 0, ahead.stderr);
  assert.match(ahead.stdout, /500\.00 EUR/);
  const cell = async () => (await get(`/x/clients/whitespace?organisation=${client.id}`)).rows[0].cells.find((one) => one.name === "Roof");
  assert.equal((await cell()).state, "offered");
  await change("opportunities", deal.id, { stage: "won" });
  await until(async () => (await cell()).state === "owned");
  await until(async () => (await get(`/api/v1/stage_changes?filter=opportunity[eq]:"${deal.id}"`)).data.length === 2);
  assert.match((await get(`/x/clients/suggestions?organisation=${client.id}`)).unknown, /only 1 clients/);
  assert.match((await service.cli("whitespace", "samos", "wine")).stdout, /Roof +owned/);
  assert.equal((await service.cli("whitespace", "nobody at all")).code, 1);
  const seller = (await get(`/api/v1/users?filter=name[eq]:"root"`)).data[0].id;
  const handed = await make("sales_handovers", { name: "Battery", organisation: client.id, reason: "The roof is there", receiver: seller });
  const tasks = async (state) => (await get(`/api/v1/tasks?filter=and(origin[eq]:"sales_handover:${handed.id}",state[eq]:"${state}")`)).data;
  await until(async () => (await tasks("open")).length === 1);
  await refused(admin.patch(`/api/v1/sales_handovers/${handed.id}`, { state: "declined" }), "rule");
  await change("sales_handovers", handed.id, { state: "accepted" });
  await until(async () => (await tasks("done")).length === 1);
  const opened = (await get(`/api/v1/sales_handovers/${handed.id}`)).opportunity;
  assert.equal((await get(`/api/v1/opportunities/${opened}`)).lead_source, "hand_over");
});

test("T9 who may not see pipelines still moves an opportunity, and its place in the pipeline follows", async () => {
  await make("roles", { name: "narrow", grants: { opportunity: { verbs: ["read", "update"] } } });
  const narrow = await service.client("narrow", "cy");
  const stages = (await get("/api/v1/pipeline_stages?limit=50")).data;
  const id = (code) => stages.find((stage) => stage.code === code).id;
  const deal = await make("opportunities", { name: "Wind", pipeline_stage: id("sales.lead") });
  assert.equal((await narrow.patch(`/api/v1/opportunities/${deal.id}`, { stage: "engaging" })).status, 200);
  await until(async () => (await get(`/api/v1/opportunities/${deal.id}`)).pipeline_stage === id("sales.needs"));
});
