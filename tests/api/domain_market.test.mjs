// The market and what we want of it, through the running service: competitors, threats, dossier, wins and losses, targets, planning rounds.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service();
let admin;
let manager;
let seller;
let rival;
let client;
const day = (offset) => new Date(Date.now() + offset * 86400000).toISOString().slice(0, 10);

async function make(path, body, who = admin) {
  const made = await who.post(`/api/v1/${path}`, body);
  assert.equal(made.status, 201, made.text);
  return made.body;
}

async function change(path, id, body, status = 200, who = admin) {
  const changed = await who.patch(`/api/v1/${path}/${id}`, body);
  assert.equal(changed.status, status, changed.text);
  return changed.body;
}

async function refused(answer, code, pointer) {
  const { status, body, text } = await answer;
  assert.equal(status, 422, text);
  const errors = body.errors ?? [body];
  assert.ok(errors.some((error) => error.code === code && (!pointer || error.pointer === pointer)), text);
}

async function get(target) {
  const answer = await admin.get(target);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

async function close(stage, fields, end = {}) {
  const deal = await make("opportunities", fields);
  if (stage === "won") await change("opportunities", deal.id, { stage: "engaging" });
  return change("opportunities", deal.id, { stage, ...end });
}

const euro = (amount) => ({ amount, currency: "EUR" });

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  manager = await service.client("manager", "head");
  seller = (await get(`/api/v1/users?filter=name[eq]:"root"`)).data[0].id;
  rival = await make("organisations", { name: "Rival AE", roles: ["competitor"] });
  client = await make("organisations", { name: "Samos Wine", roles: ["client"], country: "GR" });
});
after(() => service.remove());

test("C6 a competitor's dated presence becomes the threat to a bond, explained", async () => {
  const us = await make("organisations", { name: "We" });
  const type = (await get(`/api/v1/relationship_types?limit=1`)).data[0].id;
  const bond = await make("relationships", { type, source: client.id, target: us.id, managed: true, switching_cost: 3 });
  const presence = await make("competitor_presences", { competitor: rival.id, client: client.id, strength: 5, confidence: "medium",
    source: "Their van", noted_on: day(-2), expires_on: day(90) });
  const look = async () => (await get(`/x/clients/threats?relationship=${bond.id}`)).threats[0];
  assert.equal((await look()).at_most, 42);
  assert.equal((await look()).threat, undefined);
  assert.ok((await look()).unknown.includes("health"));
  await change("competitor_presences", presence.id, { confidence: "high" });
  const threat = await look();
  assert.equal(threat.at_most, 60);
  assert.match(threat.parts[0].says, /strength 5 of 5, confidence high/);
  assert.equal((await get(`/x/clients/threats?competitor=${rival.id}`)).threats.length, 1);
  const wrong = { competitor: client.id, territory: "GR", confidence: "low", source: "?", noted_on: day(-1), expires_on: day(1) };
  await refused(admin.post("/api/v1/competitor_presences", wrong), "refused", "/competitor");
  await refused(admin.post("/api/v1/competitor_presences", { ...wrong, competitor: rival.id, client: client.id }), "rule");
  await refused(admin.post("/api/v1/competitor_presences", { ...wrong, competitor: rival.id, source: undefined }), "required", "/source");
});

test("T7 the dossier, and wins and losses by competitor, reason and size", async () => {
  const strategy = await make("competitor_strategies", { competitor: rival.id, kind: "price", statement: "A tenth below us", source: "Their list",
    confidence: "high", noted_on: day(-1) });
  await change("competitor_strategies", strategy.id, { statement: "A fifth below us" });
  await close("won", { name: "Won", value: euro(300000), competitors: [rival.id] });
  await close("lost", { name: "Lost", value: euro(2000000), competitors: [rival.id] }, { lost_to: rival.id, lost_reason: "price" });
  const dossier = await get(`/x/clients/competitors/${rival.id}/dossier`);
  assert.equal(dossier.won_against.n, 1);
  assert.equal(dossier.lost_to.value, 2000000);
  assert.equal(dossier.clients[0].name, "Samos Wine");
  assert.equal(dossier.strategies[0].statement, "A fifth below us");
  const printed = await service.cli("dossier", "rival");
  assert.equal(printed.code, 0, printed.stderr);
  assert.match(printed.stdout, /lost to them: 1 \(20000\.00 EUR\)/);
  assert.equal((await service.cli("dossier", "samos")).code, 1);
  const report = async (by) => (await get(`/x/clients/reports/win_loss?from=${day(-1)}&to=${day(1)}&by=${by}`)).series;
  const [won, lost] = await report("competitor");
  assert.deepEqual([won.points[0].x, won.points[0].y, lost.points[0].y], ["Rival AE", 1, 1]);
  assert.equal((await report("reason"))[1].points.find((point) => point.x === "price").y, 1);
  assert.deepEqual((await report("size"))[1].points.map((point) => point.y), [0, 1, 0, 0]);
  assert.equal((await admin.get("/x/clients/reports/win_loss?by=weather")).status, 422);
  assert.equal((await admin.get(`/x/clients/competitors/${client.id}/dossier`)).status, 422);
  await refused(admin.post("/api/v1/competitor_strategies", { competitor: client.id, kind: "price", statement: "x", source: "y",
    confidence: "low", noted_on: day(0) }), "refused", "/competitor");
});

test("C5 a target against what was won, and the hours it takes against the hours there are", async () => {
  await refused(admin.post("/api/v1/targets", { name: "Someday", amount: euro(1000) }), "required", "/starts_on");
  const unit = await make("organisations", { name: "North", roles: ["business_unit"] });
  const target = await make("targets", { name: "North", unit: unit.id, starts_on: day(-5), ends_on: day(30), amount: euro(1000000) });
  const look = () => get(`/x/clients/targets/${target.id}`);
  await close("won", { name: "First", value: euro(100000), unit: unit.id });
  assert.equal((await look()).actual, 100000);
  assert.match((await look()).says, /too thin: 1 deals won, 5 are needed/);
  const deals = [];
  for (let i = 0; i < 4; i++) deals.push((await close("won", { name: `Deal ${i}`, value: euro(100000), unit: unit.id })).id);
  await make("interactions", { kind: "meeting", subject: "Talks", at: `${day(-1)}T08:00:00Z`, duration_minutes: 600, opportunities: deals });
  const time = await make("selling_times", { seller, unit: unit.id, hours_per_day: "0.1" });
  const whole = await look();
  assert.equal(whole.missing, 500000);
  assert.equal(whole.effort.deals, 5);
  assert.equal(whole.effort.hours, 10);
  assert.ok(whole.capacity > 1 && whole.capacity < 4, `${whole.capacity}`);
  assert.ok(Math.abs(whole.shortfall - (10 - whole.capacity)) < 0.06);
  await change("selling_times", time.id, { hours_per_day: "8" });
  await make("absences", { absentee: seller, starts_on: day(0), ends_on: day(29) });
  assert.ok((await look()).capacity <= 8);
  await refused(admin.post("/api/v1/absences", { absentee: seller, starts_on: day(1), ends_on: day(0) }), "rule");
});

test("T14 a planning round: proposed, commented on, agreed by another person, closed", async () => {
  const round = await make("planning_rounds", { name: "Next year", starts_on: day(-1), ends_on: day(364), heads: [seller], due: day(9) });
  const task = async (state) => (await get(`/api/v1/tasks?filter=and(title[eq]:"Agree on the targets: Next year",state[eq]:"${state}")`)).data;
  await until(async () => (await task("open"))[0]?.due === day(9));
  const target = await make("targets", { name: "All", planning_round: round.id, starts_on: day(-1), ends_on: day(364), amount: euro(5000000) });
  await make("target_comments", { target: target.id, body: "Too much", suggested: euro(4000000) }, manager);
  await change("targets", target.id, { amount: euro(4500000) });
  await refused(admin.patch(`/api/v1/planning_rounds/${round.id}`, { state: "closed" }), "refused", "/state");
  const asked = await change("targets", target.id, { state: "agreed" }, 202);
  assert.equal((await admin.post(`/api/v1/approvals/${asked.approval.id}/approve`, {})).status, 403);
  const voted = await manager.post(`/api/v1/approvals/${asked.approval.id}/approve`, {});
  assert.equal(voted.status, 200, voted.text);
  assert.equal((await get(`/api/v1/targets/${target.id}`)).state, "agreed");
  await refused(admin.patch(`/api/v1/targets/${target.id}`, { amount: euro(1) }), "refused", "/amount");
  await change("planning_rounds", round.id, { state: "closed" });
  await until(async () => (await task("done")).length === 1);
  const whole = await get(`/x/clients/planning-rounds/${round.id}`);
  assert.equal(whole.sums.agreed, 4500000);
  assert.equal(whole.targets[0].comments[0].body, "Too much");
  assert.ok(whole.targets[0].changes.length >= 3);
  const [wanted] = (await get(`/x/clients/reports/targets?from=${day(0)}&to=${day(1)}`)).series;
  assert.equal(wanted.points.find((point) => point.x === "All").y, 4500000);
  const printed = await service.cli("targets");
  assert.match(printed.stdout, /45000\.00 EUR/, printed.stdout + printed.stderr);
});
