// What runs by the clock, from outside: schedules listed, run, paused; delayed events over kill -9; their figures.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_bus") });
const name = "parcels/tour";
const at = `/api/v1/schedules/${encodeURIComponent(name)}`;
let admin;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
});

after(() => service.remove());

const marks = async (what) =>
  (await admin.get(`/api/v1/marks?limit=1000&filter=${encodeURIComponent(`name[eq]:"${what}"`)}`)).body.data;
const send = async (fields) => {
  const made = await admin.post("/api/v1/parcels", fields);
  assert.equal(made.status, 201, made.text);
  return made.body.id;
};

test("a schedule is listed with its next run, and run by hand", async () => {
  const shown = (await admin.get(at)).body;
  assert.deepEqual([shown.plugin, shown.cron, shown.zone, shown.missed, shown.ran_at, shown.error, shown.live], [
    "parcels", "0 4 * * 1-6", "Europe/Athens", "once", null, null, true,
  ]);
  const next = new Date(shown.next_at);
  const athens = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Athens", weekday: "short", hour: "2-digit", minute: "2-digit" });
  assert.match(athens.format(next), /^(Mon|Tue|Wed|Thu|Fri|Sat),? 04:00$/);
  assert.ok(next > new Date());
  const ran = await service.cli("schedule", "run", name, "--why", "a guest came");
  assert.equal(ran.code, 0, ran.stderr);
  await until(async () => (await marks("tour")).length === 1);
  const after = await until(async () => {
    const row = (await admin.get(at)).body;
    return row.ran_at && row;
  });
  assert.equal(after.next_at, shown.next_at);
  const due = (await admin.get("/api/v1/events?pattern=bus.schedule_due")).body.data;
  assert.deepEqual(due.map((event) => [event.data.schedule, event.data.why, event.actor]), [[name, "a guest came", `local:${process.getuid()}`]]);
  assert.match((await service.cli("schedule", "list")).stdout, /parcels\/tour +0 4 \* \* 1-6 +Europe\/Athens/);
});

test("a run that fails is retried, told, and given up; the next one is none the worse", async () => {
  const mud = await send({ name: "mud", broken: true });
  assert.equal((await admin.post(`${at}/run`)).status, 200);
  const letter = await until(async () =>
    (await admin.get(`/api/v1/dead-letters?subscription=${encodeURIComponent(name)}`)).body.data[0]);
  assert.match(letter.error, /the road is flooded/);
  assert.equal(letter.attempts, 2);
  const row = (await admin.get(at)).body;
  assert.match(row.error, /the road is flooded/);
  assert.ok(row.failed_at);
  assert.equal((await admin.patch(`/api/v1/parcels/${mud}`, { broken: false })).status, 200);
  assert.equal((await admin.post(`/api/v1/dead-letters/${letter.id}/replay`)).status, 200);
  await until(async () => (await marks("tour")).length === 2);
});

test("a paused schedule does not run, also after a restart", async () => {
  const paused = await service.cli("schedule", "pause", name, "--why", "holidays");
  assert.equal(paused.code, 0, paused.stderr);
  await service.kill();
  await service.restart();
  const row = (await admin.get(at)).body;
  assert.deepEqual([row.paused, row.paused_why, row.next_at], [true, "holidays", null]);
  const refused = await admin.post(`${at}/run`);
  assert.equal(refused.status, 409, refused.text);
  assert.equal((await service.cli("schedule", "resume", name)).code, 0);
  assert.equal((await admin.post(`${at}/run`)).status, 200);
  await until(async () => (await marks("tour")).length === 3);
});

test("a delayed event comes once, over kill -9", async () => {
  const began = Date.now();
  const id = await send({ name: "clock", route: "later" });
  await send({ name: "clock", route: "later" }); // the same word: none
  await until(async () => (await admin.get("/x/parcels/bus")).body.lag.every((row) => row.lag === 0));
  await service.kill();
  await service.restart();
  const [mark] = await until(async () => {
    const list = await marks("due clock");
    return list.length > 0 && list;
  });
  assert.ok(Date.now() - began >= 2000);
  assert.equal(mark.what, id);
  await service.kill();
  await service.restart();
  await until(async () => (await admin.get("/x/parcels/bus")).body.lag.every((row) => row.backlog === 0));
  assert.equal((await marks("due clock")).length, 1);
  const due = (await admin.get("/api/v1/events?pattern=parcels.parcel_due")).body.data;
  assert.deepEqual(due.map((event) => event.actor), ["plugin:parcels"]);
});

test("the figures show subscriptions and schedules", async () => {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  for (const figure of ["lag", "backlog", "in_memory", "parked", "dead", "settled"]) {
    assert.match(text, new RegExp(`proxenos_subscription_${figure}\\{subscription="parcels/marks",plugin="parcels"\\} \\d+`));
  }
  assert.match(text, /proxenos_schedules 1\n/);
  assert.match(text, /proxenos_schedules_due 0\n/);
});

test("what is not there is refused with the nearest name, and rights hold", async () => {
  const wrong = await admin.post("/api/v1/schedules/parcels%2Ftours/run");
  assert.deepEqual([wrong.status, wrong.body.errors[0].nearest], [404, name]);
  const user = await service.client("user");
  const auditor = await service.client("auditor");
  assert.equal((await auditor.get("/api/v1/schedules")).body.data.length, 1);
  for (const target of ["/api/v1/schedules", at]) assert.equal((await user.get(target)).status, 403, target);
  for (const verb of ["run", "pause", "resume"]) {
    for (const client of [user, auditor]) assert.equal((await client.post(`${at}/${verb}`, {})).status, 403, verb);
  }
});
