// Event logs through the bus to a Lua handler that keeps a report per case: each case in its order, each step once, kill -9 at random
// points or not. Small logs of our own always run; the real ones where PROXENOS_TEST_DATA is.
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { expected, readCsv, readXes, through } from "./eventlog.mjs";
import { dataFolder, root } from "./service.mjs";

const seed = Number(process.env.PROXENOS_SEED ?? Math.floor(Math.random() * 1e9));
const own = (name) => path.join(root, "tests/data", name);
const real = (name) => dataFolder && path.join(dataFolder, "event-logs", name);
const missing = (name) => (dataFolder && existsSync(real(name)) ? false : "real data is not here");

// One straight run and one that is killed give the same: what is computed from the file itself.
async function check(events, kills) {
  const wanted = expected(events);
  const straight = await through(events);
  assert.deepEqual(straight.reports, wanted, "straight");
  const killed = await through(events, { kills, seed });
  assert.equal(killed.killed, kills);
  assert.deepEqual(killed.reports, straight.reports, `seed ${seed}`);
  return { wanted, straight, killed };
}

const told = (t, { straight, killed }, events) =>
  t.diagnostic(`seed ${seed}: ${events.length} events straight in ${straight.tookMs} ms, with ${killed.killed} kills in ${killed.tookMs} ms`);

test("a small XES log: equal times, entities, Greek", async () => {
  const events = readXes(own("tickets.xes"));
  assert.equal(events.length, 8);
  assert.deepEqual(events.slice(0, 3).map((event) => event.name), ["Open & greet", "Ask <again>", "Λύση"]);
  const { wanted } = await check(events, 3);
  assert.deepEqual(wanted.map((one) => [one.case_name, one.steps]), [["T1", 3], ["T2", 4], ["T3", 1]]);
});

test("a small CSV log: a deadline is not passed by its own instant", async () => {
  const events = readCsv(own("permits.csv"));
  const { wanted } = await check(events, 3);
  assert.deepEqual(wanted.map((one) => [one.case_name, one.late]), [["case-1", 0], ["case-2", 1], ["case-3", 2]]);
});

test("helpdesk: 21,348 events of 4,580 cases, killed twenty times", { skip: missing("helpdesk.xes.gz") }, async (t) => {
  const events = readXes(real("helpdesk.xes.gz"));
  assert.equal(events.length, 21348);
  const done = await check(events, 20);
  assert.equal(done.wanted.length, 4580);
  assert.ok(done.killed.reports.every((one) => one.out_of_order === 0));
  told(t, done, events);
});

test("permits: 1,434 cases, 92 with an event after the deadline", { skip: missing("receipt.csv") }, async (t) => {
  const events = readCsv(real("receipt.csv"));
  const done = await check(events, 20);
  assert.equal(done.wanted.length, 1434);
  assert.equal(done.killed.reports.filter((one) => one.late > 0).length, 92);
  told(t, done, events);
});
