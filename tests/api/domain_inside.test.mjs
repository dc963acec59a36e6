// Inside the company, over HTTP: units, notices and threads (B1), budgets (B2), standards (B3).
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
const refused = async (path, fields, code, pointer, client = maria) => {
  const answer = await client.post(`/api/v1/${path}`, fields);
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.body.code, code, answer.text);
  assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
  return answer.body;
};
const eur = (amount) => ({ amount, currency: "EUR" });

test("B2 a budget follows its orders and costs, imported ones too", async () => {
  const unit = await make("organisations", { name: "Plant", roles: ["business_unit"] });
  const period = { unit: unit.id, starts_on: "2026-01-01", ends_on: "2026-12-31" };
  const budget = await make("budgets", { ...period, name: "Plant 2026", amount: eur(1000000) });
  const order = await make("commitments", { title: "Steel", budget: budget.id, number: "PO-1", amount: eur(300000), committed_on: "2026-02-01" });
  await until(async () => (await read(`/api/v1/budgets/${budget.id}`)).committed?.amount === 300000);
  const csv =
    "number,title,budget,order,amount,day\n" +
    "INV-1,Steel first,Plant 2026,PO-1,1000.00,2026-02-10\nINV-2,Steel second,Plant 2026,PO-1,1500.00,2026-02-20\n" +
    "INV-3,No such day,Plant 2026,PO-1,1.00,2026-02-30\nINV-4,Another year,Plant 2026,,1.00,2027-02-01\n";
  const map = {
    columns: {
      number: "number", title: "title", budget: { field: "budget", ref: "name" }, order: { field: "commitment", ref: "number" },
      amount: { field: "amount", currency: "EUR" }, day: "booked_on",
    },
  };
  const job = await maria.import("cost_entry", csv, { map });
  assert.equal(job.body.counts.created, 2, job.text);
  assert.equal(job.body.counts.failed, 2, job.text);
  const errors = await maria.get(`/api/v1/jobs/${job.body.id}/errors`);
  assert.match(errors.text, /2026-02-30/);
  assert.match(errors.text, /booked_on|2027-02-01/);
  const now = await until(async () => {
    const found = await read(`/api/v1/budgets/${budget.id}`);
    return found.actual?.amount === 250000 && found.committed.amount === 50000 && found;
  });
  assert.equal(now.remaining.amount, 700000);
  await change("commitments", order.id, { state: "cancelled" });
  await until(async () => (await read(`/api/v1/budgets/${budget.id}`)).committed.amount === 0);
  const answer = await read("/x/business/budgets?unit=Plant");
  assert.equal(answer.data[0].remaining.amount, 750000);
  const shown = await service.cli("budget", "Plant", "--format", "json");
  assert.match(shown.stdout, /7500\.00 EUR/, shown.stderr);
  await refused("budgets", { ...period, name: "Twice", amount: eur(1) }, "refused", "/starts_on");
  await change("budgets", budget.id, { state: "closed" });
  await refused("commitments", { title: "Late", budget: budget.id, amount: eur(1), committed_on: "2026-03-01" }, "refused", "/budget");
  const report = await read("/x/business/reports/budgets?from=2026-01-01&to=2026-12-31&unit=Plant");
  const line = (name) => report.series.find((one) => one.name === name && one.currency === "EUR");
  assert.equal(line("plan").points.reduce((sum, point) => sum + point.y, 0), 1000000);
  assert.equal(line("actual").points.find((point) => point.x === "2026-02").y, 250000);
});

test("B1 a unit has a head, units below it, and service levels as measured", async () => {
  const users = await read("/api/v1/me");
  const group = await make("organisations", { name: "Group", roles: ["business_unit"] });
  const it = await make("organisations", { name: "Group IT", roles: ["business_unit"], parent: group.id, head: users.user?.id ?? users.user });
  const level = await make("service_levels", { name: "Tickets within hours", provider: it.id, receiver: group.id, target: "4", direction: "at_most" });
  const of = async () => (await read(`/x/business/units/${it.id}`)).provides[0];
  assert.equal((await of()).met, null);
  await make("service_measurements", { service_level: level.id, measured_on: "2026-01-31", value: "3.5" });
  assert.equal((await of()).met, true);
  await change("service_levels", level.id, { target: "3" });
  assert.equal((await of()).met, false);
  await refused("service_levels", { name: "Itself", provider: it.id, receiver: it.id, target: "1" }, "rule", "/provider");
});

test("B1 a notice reaches its audience, each acknowledges for himself, the others are listed", async () => {
  const nikos = await service.client("user", "nikos");
  const ids = {};
  for (const client of [maria, nikos]) {
    const me = await read("/api/v1/me", client);
    ids[client.user.name] = me.user?.id ?? me.user;
  }
  const notice = await make("notices", { title: "Travel", body: "By train", people: Object.values(ids), valid_from: "2026-01-01" });
  await change("notices", notice.id, { state: "published" });
  await until(async () => (await read(`/x/business/notices/${notice.id}/pending`)).pending === 2);
  const receipt = (await read(`/api/v1/notice_receipts?filter=${encodeURIComponent(`person[eq]:"${ids.nikos}"`)}`)).data[0];
  const another = await maria.patch(`/api/v1/notice_receipts/${receipt.id}`, { acknowledged: true });
  assert.equal(another.status, 422, another.text);
  assert.equal(another.body.errors[0].pointer, "/acknowledged");
  assert.equal((await nikos.post(`/x/business/notices/${notice.id}/acknowledge`, {})).status, 200);
  const pending = await read(`/x/business/notices/${notice.id}/pending`);
  assert.deepEqual([pending.pending, pending.acknowledged, pending.data[0].name], [1, 1, "maria"]);
  assert.match((await service.cli("notices")).stdout, /Travel/);
  const task = `owner[eq]:"${ids.nikos}"`;
  await until(async () => (await read(`/api/v1/tasks?filter=${encodeURIComponent(task)}`)).data[0]?.state === "done");
});

test("B1 a thread is for those who see its record", async () => {
  const grants = {
    organisation: { verbs: ["read", "create", "update"], rows: "own" }, comment: { verbs: ["read", "create", "update"], rows: "own" },
  };
  const admin = await service.client("admin", "root");
  assert.equal((await admin.post("/api/v1/roles", { name: "keeper", label: "Keeper", grants })).status, 201);
  const [one, two] = [await service.client("keeper", "one"), await service.client("keeper", "two")];
  const firm = await make("organisations", { name: "Hidden firm" }, one);
  const comment = await make("comments", { object: "organisation", record: firm.id, body: "They pay late" }, one);
  assert.equal((await read(`/x/business/threads/organisation/${firm.id}`, one)).data[0].body, "They pay late");
  assert.equal((await two.get(`/x/business/threads/organisation/${firm.id}`)).status, 404);
  assert.equal((await two.get(`/api/v1/comments/${comment.id}`)).status, 404);
  await refused("comments", { object: "organisation", record: firm.id, body: "?" }, "refused", "/record", two);
  await change("comments", comment.id, { body: "They pay" }, one);
});

test("B3 a new version asks its audience again; what was issued stays; who attests, attests for himself", async () => {
  const me = await read("/api/v1/me");
  const today = new Date().toISOString().slice(0, 10);
  const standard = await make("standards", { title: "Gifts", people: [me.user?.id ?? me.user], attest_days: 5 });
  const issue = async (number) => {
    const version = await make("standard_versions", { standard: standard.id, number, body: `Text ${number}`, effective_from: today });
    await change("standard_versions", version.id, { state: "issued" });
    const asked = `/api/v1/attestations?filter=${encodeURIComponent(`title[eq]:"Gifts ${number}"`)}`;
    await until(async () => (await read(asked)).data.length === 1);
    return { version, asked };
  };
  const first = await issue("1");
  assert.equal((await maria.post(`/x/business/standards/${standard.id}/attest`, {})).status, 200);
  assert.equal((await read(first.asked)).data[0].acknowledged, true);
  const second = await issue("2");
  assert.equal((await read(second.asked)).data[0].acknowledged, false);
  await until(async () => (await read(`/api/v1/standard_versions/${first.version.id}`)).state === "superseded");
  const changed = await maria.patch(`/api/v1/standard_versions/${second.version.id}`, { body: "Other" });
  assert.equal(changed.status, 422, changed.text);
  assert.equal(changed.body.errors[0].pointer, "/body");
  assert.deepEqual((await read("/x/business/attestations/overdue")).data, []);
  const exception = await make("standard_exceptions", {
    title: "Wine", standard: standard.id, reason: "Custom", starts_on: today, expires_on: "2099-01-01" });
  const asked = await maria.patch(`/api/v1/standard_exceptions/${exception.id}`, { state: "approved" });
  assert.equal(asked.status, 202, asked.text);
  assert.equal((await maria.post(`/api/v1/approvals/${asked.body.approval.id ?? asked.body.approval}/approve`, {})).status, 403);
});
