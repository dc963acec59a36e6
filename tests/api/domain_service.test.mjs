// What clients get from us once they have bought, through the running service: cases, answers, mediations, services.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";
import { makeCompartment, person as login } from "./walls.mjs";

const service = new Service();
let admin;
let client;
const day = (offset) => new Date(Date.now() + offset * 86400000).toISOString().slice(0, 10);

async function make(path, body, as = admin) {
  const made = await as.post(`/api/v1/${path}`, body);
  assert.equal(made.status, 201, made.text);
  return made.body;
}

async function change(path, id, body, as = admin) {
  const changed = await as.patch(`/api/v1/${path}/${id}`, body);
  assert.equal(changed.status, 200, changed.text);
  return changed.body;
}

const read = async (path, id, as = admin) => (await as.get(`/api/v1/${path}/${id}`)).body;

async function refused(answer, code, pointer) {
  const { status, body, text } = await answer;
  assert.equal(status, 422, text);
  const errors = body.errors ?? [body];
  assert.ok(errors.some((error) => error.code === code && (!pointer || error.pointer === pointer)) || (body.code === code && !pointer), text);
}

const question = (filter) => `filter=${encodeURIComponent(filter)}`;
const task = (origin) => until(async () => (await admin.get(`/api/v1/tasks?${question(`origin[eq]:"${origin}"`)}`)).body.data[0]);

before(async () => {
  await service.start();
  admin = await service.client("admin");
  client = (await make("organisations", { name: "Samos Wine", roles: ["client"] })).id;
});
after(() => service.remove());

test("C3 a case gets its number and its times, is answered, resolved and found", async () => {
  await make("sla_policies", { name: "Standard", response_count: 4, resolution_count: 2, resolution_unit: "business_days" });
  const made = await make("cases", { subject: "Corked bottles", organisation: client, priority: "high" });
  assert.equal(made.status, "new");
  const timed = await until(async () => {
    const now = await read("cases", made.id);
    return now.response_by && now;
  });
  assert.match(timed.number, /^C-\d{6}$/);
  assert.equal(timed.response_state, "running");
  assert.ok(Date.parse(timed.resolve_by) > Date.parse(timed.response_by));
  assert.equal((await task(`case:${made.id}`)).state, "open");
  await make("interactions", { kind: "call", subject: "Called back", at: new Date().toISOString(), cases: [made.id] });
  await until(async () => (await read("cases", made.id)).response_state === "met");
  await change("cases", made.id, { status: "resolved", resolution: "Twelve new bottles" });
  await until(async () => (await read("cases", made.id)).resolution_state === "met");
  await until(async () => (await task(`case:${made.id}`)).state === "done");
  const report = await admin.get(`/x/clients/reports/response_times?from=${day(-40)}&to=${day(1)}`);
  assert.equal(report.status, 200, report.text);
  assert.ok(report.body.series.find((one) => one.name === "response_within_level").points.some((point) => point.y === 100));
  await make("cases", { subject: "A second matter", organisation: client });
  assert.equal((await admin.get("/x/clients/cases?limit=10")).body.data[0].subject, "A second matter");
  const listed = await service.cli("cases");
  assert.match(listed.stdout, /A second matter/, listed.stderr);
  assert.match((await service.cli("case", timed.number)).stdout, /Corked bottles/);
});

test("C3 what is wrong with a case is refused, and where", async () => {
  const made = await make("cases", { subject: "Third", organisation: client });
  await refused(admin.patch(`/api/v1/cases/${made.id}`, { status: "resolved" }), "rule");
  await refused(admin.patch(`/api/v1/cases/${made.id}`, { response_by: "2030-01-01T00:00:00Z" }), "refused", "/response_by");
  await refused(admin.post("/api/v1/cases", { subject: "Nobody's" }), "required", "/organisation");
  const wrong = await admin.get("/x/clients/reports/response_times?from=yesterday");
  assert.equal(wrong.status, 422);
  assert.equal(wrong.body.errors[0].pointer, "/from");
});

test("T6 a question is answered from the library, in Greek, Greeklish and English", async () => {
  const answer = await make("answers", {
    question: "How long does delivery take?", question_el: "Πόσο διαρκεί η παράδοση;",
    answer_en: "Two working days.", answer_el: "Δύο εργάσιμες ημέρες.", review_on: day(90),
  });
  assert.equal((await task(`answer:${answer.id}:review`)).due, day(90));
  await change("answers", answer.id, { status: "approved" });
  for (const words of ["παράδοση", "paradosi", "delivery"]) {
    const found = await admin.get(`/x/clients/answers?q=${encodeURIComponent(words)}`);
    assert.equal(found.body.data[0]?.id, answer.id, words + found.text);
  }
  const asked = await make("cases", { kind: "question", subject: "When will it come?", organisation: client });
  const done = await admin.post(`/x/clients/cases/${asked.id}/answer`, { answer: answer.id, language: "en" });
  assert.equal(done.body.resolution, "Two working days.", done.text);
  const used = await admin.get(`/x/clients/answers/${answer.id}/used`);
  assert.deepEqual(used.body.data.map((one) => one.id), [asked.id]);
  await change("answers", answer.id, { review_on: day(400) });
  await until(async () => (await task(`answer:${answer.id}:review`)).due === day(400));
  assert.match((await service.cli("answer", "paradosi")).stdout, /Δύο εργάσιμες/);
  await refused(admin.post("/api/v1/answers", { question: "Why?", review_on: day(1) }), "rule");
  await refused(admin.post(`/x/clients/cases/${asked.id}/answer`, { answer: "0000000000001" }), "refused", "/answer");
});

test("T12 a mediation is there for those inside alone, hears both sides, and is no party's to mediate", async () => {
  const people = {};
  for (const name of ["kate", "karl", "mara", "emil", "oscar"]) people[name] = await login(service, "manager", name);
  const root = await login(service, "admin", "root");
  const room = await makeCompartment(root, "mediation", [people.kate, people.karl], [people.mara]);
  const users = (await admin.get("/api/v1/users?limit=100")).body.data;
  const id = (name) => users.find((user) => user.name === name).id;
  const inside = people.mara;
  const all = { subject: "Words at the counter", organisation: client, employee: id("emil"), mediator: id("mara"), compartment: room };
  await refused(inside.post("/api/v1/mediations", { ...all, compartment: undefined }), "required", "/compartment");
  await refused(inside.post("/api/v1/mediations", { ...all, mediator: id("emil") }), "rule");
  const made = await make("mediations", all, inside);
  for (const outside of [admin, root, people.emil, people.oscar]) {
    assert.equal((await outside.get(`/api/v1/mediations/${made.id}`)).status, 404);
    assert.deepEqual((await outside.get("/api/v1/mediations")).body.data, []);
    assert.ok(!(await outside.get("/api/v1/events?limit=1000")).text.includes(made.id));
    assert.equal((await outside.get("/api/v1/search?q=counter")).body.data.length, 0);
  }
  await refused(inside.patch(`/api/v1/mediations/${made.id}`, { state: "closed", outcome: "not_agreed" }), "rule");
  await change("mediations", made.id, { client_statement: "He shouted.", client_statement_on: day(-1) }, inside);
  await refused(inside.patch(`/api/v1/mediations/${made.id}`, { state: "heard" }), "rule");
  await change("mediations", made.id, { employee_refusal: "On leave; declined in writing.", state: "heard" }, inside);
  await refused(inside.patch(`/api/v1/mediations/${made.id}`, { state: "remedy", remedy: "An apology" }), "rule");
  await change("mediations", made.id, { state: "remedy", remedy: "An apology", agreed_on: day(0), follow_up_on: day(14) }, inside);
  const note = await make("mediation_notes", { mediation: made.id, due_on: day(14), compartment: room }, inside);
  await refused(inside.patch(`/api/v1/mediation_notes/${note.id}`, { done_on: day(0) }), "rule");
  await change("mediation_notes", note.id, { done_on: day(0), note: "The client is content." }, inside);
  const closed = await change("mediations", made.id, { state: "closed", outcome: "agreed" }, inside);
  assert.equal(closed.state, "closed");
  assert.equal((await admin.get(`/api/v1/organisations/${client}`)).status, 200);
});

test("C7 services: entitlements are used, visits come again, courses have places", async () => {
  const entitlement = await make("entitlements", { name: "Support", organisation: client, quantity: 10, unit: "hours", starts_on: day(-10), period_months: 3 });
  const used = await admin.post(`/x/clients/entitlements/${entitlement.id}/use`, { quantity: 9 });
  assert.equal(used.status, 201, used.text);
  assert.equal(used.body.left, 1);
  const both = await Promise.all([1, 2].map(() => admin.post(`/x/clients/entitlements/${entitlement.id}/use`, { quantity: 1 })));
  assert.deepEqual(both.map((answer) => answer.status).sort(), [201, 422], "the last one is taken once");
  const left = await admin.get(`/x/clients/entitlements?organisation=${client}`);
  assert.deepEqual([left.body.data[0].used, left.body.data[0].left], [10, 0]);
  await refused(admin.post(`/x/clients/entitlements/${entitlement.id}/use`, { quantity: 0 }), "refused", "/quantity");

  const plan = await make("service_plans", { name: "Lift", organisation: client, every_months: 3, first_on: day(5) });
  const visit = await until(async () => (await admin.get(`/api/v1/service_visits?${question(`plan[eq]:"${plan.id}"`)}`)).body.data[0]);
  assert.equal(visit.due_on, day(5));
  assert.equal((await task(`service_visit:${visit.id}`)).due, day(5));
  assert.equal((await admin.get("/x/clients/services/due?days=7")).body.data[0].plan, "Lift");
  await refused(admin.patch(`/api/v1/service_visits/${visit.id}`, { state: "skipped" }), "rule");
  await change("service_visits", visit.id, { state: "done", outcome: "Oiled", done_on: day(0) });
  await until(async () => (await task(`service_visit:${visit.id}`)).state === "done");

  const session = await make("training_sessions", { title: "Forklift", starts_at: `${day(3)}T09:00:00Z`, capacity: 1 });
  const seats = [];
  for (const name of ["Anna", "Petros"]) {
    const person = await make("people", { name });
    seats.push(await make("training_attendances", { session: session.id, person: person.id }));
  }
  await until(async () => (await read("training_attendances", seats[1].id)).status === "waiting");
  await change("training_attendances", seats[0].id, { status: "cancelled" });
  await until(async () => (await read("training_attendances", seats[1].id)).status === "registered");
});
