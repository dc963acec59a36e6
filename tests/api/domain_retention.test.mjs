// Trends and playbooks from outside: what was seen and what was done with it; what is done to keep a bond and whether it helped.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service({});
let admin, anna, ben;

const create = async (client, path, body) => {
  const made = await client.post(path.startsWith("/") ? path : `/api/v1/${path}`, body);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const find = async (path, filter) => {
  const found = await admin.get(`/api/v1/${path}?filter=${encodeURIComponent(filter)}`);
  assert.equal(found.status, 200, found.text);
  return found.body.data;
};
const refused = (answer, status, code, pointer) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.code, code, answer.text);
  if (pointer) assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
};
const me = async (name) => (await find("users", `name[eq]:"${name}"`))[0].id;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  anna = await service.client("manager", "anna");
  ben = await service.client("manager", "ben");
});

after(() => service.remove());

test("C4 a trend: whom it touches, who was told, what they did", async () => {
  const receiver = await me("ben");
  const client = await create(anna, "organisations", { name: "Aegean Power", industry: "energy", roles: ["client"] });
  await create(anna, "organisations", { name: "Thrace Grid", industry: "energy", roles: ["supplier"] });
  const given = { title: "Solar roofs", source: "Trade journal", observed_on: "2026-01-04", confidence: "high" };
  const trend = await create(anna, "/x/clients/trends", { ...given, industries: ["energy", "construction"] });
  assert.equal((await find("trend_industries", `trend[eq]:"${trend.id}"`)).length, 2);
  const touched = await anna.get(`/x/clients/trends/${trend.id}/clients`);
  assert.deepEqual(touched.body.data.map((one) => [one.id, one.reasons[0].value]), [[client.id, "energy"]], touched.text);
  assert.equal((await anna.patch(`/api/v1/trends/${trend.id}`, { confidence: "low" })).body.confidence, "low");
  refused(await anna.post("/x/clients/trends", given), 422, "required", "/industries");
  refused(await anna.post("/api/v1/trends", { title: "x", observed_on: "2026-01-04" }), 422, "required", "/source");

  const handover = await create(anna, "trend_handovers", { trend: trend.id, audience: "product", receiver });
  const url = `/api/v1/trend_handovers/${handover.id}`;
  refused(await anna.patch(url, { state: "acknowledged" }), 422, "refused", "/state");
  assert.equal((await ben.patch(url, { state: "acknowledged" })).status, 200);
  refused(await ben.patch(url, { state: "acted" }), 422, "rule");
  assert.equal((await ben.patch(url, { state: "acted", action: "A second inverter" })).status, 200);
  await until(async () => (await find("tasks", `origin[eq]:"trend_handover:${handover.id}"`))[0]?.state === "done", 5000);

  const suggested = await create(anna, `/x/clients/trends/${trend.id}/suggest`, { receiver });
  assert.equal(suggested.suggested.length, 1);
  assert.equal((await create(anna, `/x/clients/trends/${trend.id}/suggest`, { receiver })).suggested.length, 0);
  assert.equal((await ben.patch(`/api/v1/sales_handovers/${suggested.suggested[0]}`, { state: "accepted" })).status, 200);
  await until(async () => (await find("opportunities", 'name[eq]:"Solar roofs: Aegean Power"')).length === 1, 5000);
  const report = await anna.get("/x/clients/reports/trends?from=2026-01-01&to=2030-12-31");
  assert.deepEqual([report.body.suggested, report.body.unknown, report.body.series[3].points[0].y], [1, 0, 1], report.text);
});

test("T13 a playbook: steps in their order, judged, counted beside bonds without", async () => {
  const [client, us] = [await create(anna, "organisations", { name: "Chios Mastic" }), await create(anna, "organisations", { name: "Ours" })];
  const type = (await find("relationship_types", 'code[eq]:"client_of"'))[0].id;
  const bond = await create(anna, "relationships", { type, source: client.id, target: us.id, managed: true });
  refused(await anna.post("/api/v1/playbooks", { name: "Silence", trigger: "no_contact" }), 422, "rule");
  const book = await create(anna, "playbooks", { name: "Win them back", trigger: "manual" });
  assert.equal((await anna.patch(`/api/v1/playbooks/${book.id}`, { window_days: 60 })).body.window_days, 60);
  for (const [i, title] of ["Call them", "Visit them"].entries()) {
    await create(anna, "playbook_steps", { playbook: book.id, place: i + 1, title });
  }
  refused(await anna.post("/api/v1/playbook_steps", { playbook: book.id, place: 1, title: "x" }), 409, "unique");
  const start = `/x/clients/playbooks/${book.id}/start`;
  const run = await create(anna, start, { relationship: bond.id, reason: "They look around" });
  refused(await anna.post(start, { relationship: bond.id }), 409, "conflict");
  refused(await anna.post(start, {}), 422, "required", "/relationship");
  for (const title of ["Call them", "Visit them"]) {
    let task;
    await until(async () => (task = (await find("tasks", `title[eq]:"${title}"`))[0]) !== undefined, 5000);
    assert.equal(task.relationship, bond.id);
    assert.equal((await anna.patch(`/api/v1/tasks/${task.id}`, { state: "done" })).status, 200);
  }
  const read = async () => (await anna.get(`/api/v1/playbook_runs/${run.id}`)).body;
  await until(async () => (await read()).state === "observed", 5000);
  assert.deepEqual([(await read()).steps_done, (await read()).outcome ?? null], [2, null]);
  const today = new Date().toISOString().slice(0, 10);
  assert.equal((await anna.patch(`/api/v1/relationships/${bond.id}`, { ended_on: today, ended_reason: "lost" })).status, 200);
  await until(async () => (await read()).outcome === "lost", 5000);
  const report = await anna.get("/x/clients/reports/playbooks");
  assert.equal(report.status, 200, report.text);
  assert.deepEqual([report.body.playbooks[0].runs, report.body.playbooks[0].lost, report.body.playbooks[0].kept_share], [1, 1, 0]);
  assert.equal(report.body.without.kept_share, null);
});
