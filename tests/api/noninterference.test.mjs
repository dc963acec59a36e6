// Q7: nobody outside a compartment can tell that there is one (worlds.mjs). PROXENOS_Q7_SEEDS: so many programs; scripts/soak Q7.
import { test } from "node:test";
import assert from "node:assert/strict";
import { TwoWorlds } from "./worlds.mjs";

const seeds = Number(process.env.PROXENOS_Q7_SEEDS ?? 24);
const first = Number(process.env.PROXENOS_TEST_SEED ?? 1);
const steps = Number(process.env.PROXENOS_Q7_STEPS ?? 100);
const perPair = 25; // programs on one pair of services

test("two worlds that differ only inside a compartment answer alike", { timeout: 3600000 * 12 }, async () => {
  let asked = 0;
  let inside = 0;
  for (let from = 0; from < seeds; from += perPair) {
    const worlds = new TwoWorlds({ seed: first + from });
    try {
      await worlds.start();
      for (let i = from; i < Math.min(seeds, from + perPair); i++) await worlds.program(first + i, steps);
    } finally {
      await worlds.stop();
    }
    asked += worlds.asked;
    inside += worlds.inside;
  }
  console.log(`Q7: seeds ${first} to ${first + seeds - 1}, ${asked} questions to both worlds alike, ${inside} acts inside`);
  assert.ok(asked > seeds * steps);
});

test("the comparison can fail: with those outside let in, the worlds differ", { timeout: 600000 }, async () => {
  const worlds = new TwoWorlds({ seed: first, leak: true });
  try {
    await worlds.start();
    await assert.rejects(
      async () => {
        for (let i = 0; i < 5; i++) await worlds.program(first + i, 60);
      },
      /the worlds differ/,
    );
  } finally {
    await worlds.stop();
  }
});
