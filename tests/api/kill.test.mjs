// Q1 per push: as many cycles of kill -9 as fit into the time (PROXENOS_KILL_SECONDS); scripts/soak Q1 runs 200.
import { test } from "node:test";
import assert from "node:assert/strict";
import { KillTest, Ledger } from "./kill.mjs";

test("kill -9 loses no acknowledged write and no handler's effect, and doubles none", { timeout: 300000 }, async (t) => {
  const seed = Number(process.env.PROXENOS_TEST_SEED ?? Date.now() % 1000000);
  const seconds = Number(process.env.PROXENOS_KILL_SECONDS ?? 60);
  const lines = [];
  const run = new KillTest({ seed, seconds, say: (line) => lines.push(line) });
  t.diagnostic(`seed ${seed}`);
  try {
    const done = await run.run();
    t.diagnostic(JSON.stringify(done));
    assert.ok(done.cycles >= 2 && done.acks > 100 && done.won > 5, JSON.stringify(done));
  } catch (error) {
    t.diagnostic(`${lines.at(-1)}\nkept in ${run.service?.folder}\n${run.service?.log.slice(-2000)}`);
    run.service?.process.kill("SIGKILL");
    throw error;
  }
});

test("the ledger finds what was lost, doubled, changed or brought back", () => {
  const row = { id: "1", name: "a", version: 2, stage: "won", amount: 5 };
  const check = (rows, change = {}) => {
    const ledger = new Ledger();
    const deal = ledger.ask("a", { stage: "won", amount: 5 });
    ledger.ack(deal, { version: 2, stage: "won", amount: 5 });
    Object.assign(deal, change);
    ledger.check(rows);
  };
  check([row]);
  assert.throws(() => check([]), /lost/);
  assert.throws(() => check([row, row]), /twice/);
  assert.throws(() => check([{ ...row, amount: 4 }]), /as acknowledged/);
  assert.throws(() => check([{ ...row, version: 1 }]), /as acknowledged/);
  assert.throws(() => check([row], { acked: { gone: true } }), /deletion is lost/);
  assert.throws(() => check([row, { ...row, name: "b" }]), /nobody has asked/);
  check([{ ...row, version: 3, amount: 6 }], { asked: { stage: "won", amount: 6 } });
  check([row], { asked: { stage: "won", amount: 6 } });
});
