// "Bad input gets", for plugins: what cannot load is named and left out; a handler that goes wrong is retried, then given up with
// its traceback; its neighbours and the requests meanwhile notice nothing.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_broken") });
let client;

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

const failures = {
  manifest: ["manifest", /expected .* near 'version'/, "plugin.lua:3"],
  words: ["manifest", /three numbers/, "plugin.lua: version"],
  syntax: ["lua", /expected near <eof>/, "main.lua:3"],
  lacks: ["dependency", /nothing \^1\.0, which is not there/, ""],
  schema: ["schema", /txet.*did you mean "text"/, "schema: objects.box.fields[1].type"],
  rights: ["capability", /reading load .* add "load" to can\.read/, null],
  routes: ["capability", /add http = true to can/, null],
};
for (const [name, [code, reason, at]] of Object.entries(failures)) {
  test(`a plugin with a broken ${name} is named in the log and in the list`, async () => {
    const { body } = await client.get(`/api/v1/plugins/${name}`);
    assert.equal(body.status, "failed");
    assert.equal(body.code, code);
    assert.match(body.error, reason);
    if (at !== null) assert.equal(body.at, at);
    const line = service.log.split("\n").find((text) => text.includes(`plugin=${name} `) && text.includes("does not run"));
    assert.ok(line?.includes("level=error") && line.includes(`code=${code}`), line);
  });
}

test("the service starts without them, and says so", async () => {
  const { body } = await client.get("/api/v1/plugins");
  assert.equal(body.data.filter((plugin) => plugin.status === "failed").length, Object.keys(failures).length);
  assert.deepEqual(body.data.filter((plugin) => plugin.status === "running").map((plugin) => plugin.name).sort(), ["eats", "hostile", "loops", "works"]);
  assert.equal((await service.anyone().get("/readyz")).status, 200);
  assert.equal((await client.get("/api/v1/boxes")).status, 404, "a failed plugin's type is not there");
  const listed = await service.cli("plugin", "list");
  for (const name of Object.keys(failures)) assert.match(listed.stdout, new RegExp(`${name} .*failed`));
});

const marks = async (by) => (await client.get(`/api/v1/marks?limit=1000&filter=${encodeURIComponent(`by[eq]:"${by}"`)}`)).body.data;
const letters = async () => (await client.get("/api/v1/dead-letters?limit=100")).body.data;
const load = async (how, name = how) => assert.equal((await client.post("/api/v1/loads", { name, how })).status, 201);
const plugin = async (name) => (await client.get(`/api/v1/plugins/${name}`)).body;

// Reads all the while: the latencies in ms, sorted.
async function readMeanwhile(work) {
  const latencies = [];
  let asking = true;
  const reader = (async () => {
    while (asking) {
      const began = process.hrtime.bigint();
      assert.equal((await client.get("/api/v1/loads?limit=1")).status, 200);
      latencies.push(Number(process.hrtime.bigint() - began) / 1e6);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    await work();
  } finally {
    asking = false;
    await reader;
  }
  return latencies.sort((a, b) => a - b);
}

const ways = {
  "hostile/throws": { attempts: 3, code: "lua", reason: /thrown on purpose/, traceback: /main\.lua:4/ },
  "hostile/refuses": { attempts: 3, reason: /refused on purpose/ },
  "hostile/reaches": { attempts: 3, code: "capability", reason: /load/ },
  "eats/eats": { attempts: 2, code: "memory", reason: /memory/ },
  "loops/loops": { attempts: 2, code: "budget", reason: /200 ms/, traceback: /main\.lua/ },
};

test("handlers that throw, loop or eat memory are retried and given up; neighbours go on and reads stay quick", async (t) => {
  const names = Object.keys(ways);
  const latencies = await readMeanwhile(async () => {
    for (const name of names) await load(name.split("/")[1]);
    await until(async () => (await marks("works")).length === names.length, 20000);
    await until(async () => (await letters()).length >= names.length, 30000);
  });
  const dead = await letters();
  assert.equal(dead.length, names.length);
  for (const [name, { attempts, code, reason, traceback }] of Object.entries(ways)) {
    const letter = dead.find((one) => one.subscription === name);
    assert.ok(letter, `${name} in ${JSON.stringify(dead)}`);
    assert.equal(letter.attempts, attempts, name);
    if (code) assert.equal(letter.code, code, JSON.stringify(letter));
    assert.match(letter.error, reason);
    if (traceback) assert.match(letter.traceback, traceback, JSON.stringify(letter));
    assert.equal((await marks(name.split("/")[1])).length, 0, `${name}: what it wrote before is undone`);
  }
  assert.equal((await marks("works")).length, names.length, "once each");
  const at = (part) => latencies[Math.floor(latencies.length * part)];
  t.diagnostic(`GET meanwhile, ms: p50 ${at(0.5).toFixed(1)} p95 ${at(0.95).toFixed(1)} p99 ${at(0.99).toFixed(1)} of ${latencies.length}`);
  // A loop runs 200 ms before it is stopped: a read that waited for it would show in the middle of the list.
  assert.ok(at(0.5) < 100, `p50 ${at(0.5)} ms`);
});

test("a plugin that was stopped by force is loaded again, and each handler gets its own events", async () => {
  assert.equal((await plugin("loops")).metrics.kills, 2);
  const calm = ["steady", "calm", "quiet", "still"];
  for (const how of calm) await load(how);
  await until(async () => (await Promise.all(calm.map(marks))).every((list) => list.length === 1), 10000);
  assert.equal((await plugin("loops")).status, "running");
});

test("stopped by force over three events, it is suspended: its events wait, nobody else's do", async () => {
  await load("loops", "the second");
  await until(async () => (await letters()).filter((letter) => letter.subscription === "loops/loops").length === 2, 10000);
  assert.equal((await plugin("loops")).status, "running", "one event that is tried again counts once");
  await load("loops", "the third");
  await until(async () => (await plugin("loops")).status === "suspended", 10000);
  await load("steady", "waits");
  await load("throws", "goes on");
  await until(async () => (await marks("works")).some((mark) => mark.name === "goes on"));
  await until(async () => (await letters()).filter((letter) => letter.subscription === "hostile/throws").length === 2);
  assert.equal((await marks("steady")).length, 1, "it waits");
  assert.match(service.log, /plugin=loops code=suspended/);
});

test("what waited goes on after a restart, and the service is whole", async () => {
  assert.equal(await service.stop(), 0, service.log);
  const verified = await service.cli("audit", "verify");
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.ok(!/Sanitizer|runtime error/.test(service.log), service.log);
  await service.restart();
  await until(async () => (await marks("steady")).some((mark) => mark.name === "waits"), 10000);
  await until(async () => (await letters()).filter((letter) => letter.subscription === "loops/loops").length === 3, 10000);
  await load("none", "after all");
  await until(async () => (await marks("works")).some((mark) => mark.name === "after all"));
});
