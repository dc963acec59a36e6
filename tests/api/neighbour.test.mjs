// Two plugins: one loops, leaks, throws and floods; how long the other's handler takes, from its event's commit to its own, stays
// within twice what it takes when all is quiet. Rounds of quiet and noise take turns, so that a busy machine slows both.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const ROUNDS = 4;
const LETTERS = 150;
const GAP_MS = 8;
const ways = ["spins", "throws", "leaks", "floods"];
const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_noise"), options: ["--executors", "2"] });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let client;

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

const create = async (path, body) => assert.equal((await client.post(`/api/v1/${path}`, body)).status, 201);
const backlog = async (name) => (await client.get(`/api/v1/subscriptions/${encodeURIComponent(name)}`)).body.backlog;

// How long the answers to so many letters took, in ms.
async function letters(name) {
  for (let i = 0; i < LETTERS; i++) {
    await Promise.all([create("letters", { name: `${name}-${i}` }), pause(GAP_MS)]);
  }
  await until(async () => (await backlog("calm/answers")) === 0);
  const filter = encodeURIComponent(`name[prefix]:"${name}-"`);
  const { data } = (await client.get(`/api/v1/answers?limit=1000&filter=${filter}`)).body;
  assert.equal(data.length, LETTERS);
  return data.map((row) => Date.parse(row.created_at) - Date.parse(row.asked_at));
}

async function noise(going) {
  for (let i = 0; going(); i++) {
    await create("knocks", { how: ways[i % ways.length] });
    await pause(25);
  }
}

const share = (list, part) => [...list].sort((a, b) => a - b)[Math.floor(list.length * part)];

test("a plugin that loops, leaks, throws and floods does not slow its neighbour", async (t) => {
  const quiet = [];
  const loud = [];
  await letters("warm");
  await create("knocks", { how: "loops" });
  for (let round = 0; round < ROUNDS; round++) {
    quiet.push(...(await letters(`quiet${round}`)));
    let going = true;
    const noisy = noise(() => going);
    await pause(300);
    loud.push(...(await letters(`loud${round}`)));
    going = false;
    await noisy;
    await until(async () => (await backlog("rowdy/knocks")) === 0 && (await backlog("rowdy/noise")) === 0, 120000);
  }
  const [calmly, beside] = [share(quiet, 0.99), share(loud, 0.99)];
  t.diagnostic(`p50 and p99 in ms of ${quiet.length}: quiet ${share(quiet, 0.5)} and ${calmly}, beside the noise ${share(loud, 0.5)} and ${beside}`);
  // Times are in whole milliseconds: one more or less is no finding.
  assert.ok(beside <= 2 * (calmly + 1), `p99 ${beside} ms beside the noise, ${calmly} ms without`);
  const plugins = (await client.get("/api/v1/plugins")).body.data;
  assert.equal(plugins.find((one) => one.name === "calm").status, "running");
  assert.ok(plugins.find((one) => one.name === "rowdy").metrics.kills >= 1);
});
