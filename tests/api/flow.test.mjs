// Durable flows from outside: 200 at once, the service killed at random instants, and each ends as its straight run would.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const main = `
px.flow("visit", function(flow, input)
  local function mark(name)
    return flow:step(name, function()
      return px.store.create("mark", { name = input.n .. ":" .. name }).name
    end)
  end
  mark("begun")
  flow:sleep(tostring(flow:random(200)) .. "ms")
  local both = flow:all {
    a = function() flow:sleep("50ms") return mark("a") end,
    b = function() flow:sleep(tostring(flow:random(100)) .. "ms") return mark("b") end,
  }
  local word = flow:wait("go", { timeout = "10m" })
  mark("ended")
  return { a = both.a, b = both.b, word = word, sum = input.n * 2 }
end)
px.route("POST", "/start", function(request)
  for n = request.json.from, request.json.to do px.flows.start("visit", { n = n }, { key = tostring(n) }) end
  return { status = 201, json = {} }
end)
px.route("POST", "/go", function()
  local runs = px.flows.find { flow = "visit", state = "waiting", limit = 1000 }
  for _, run in ipairs(runs) do px.flows.signal(run.id, "go", "now", { dedup = "go" }) end
  return { status = 200, json = { count = #runs } }
end)
px.route("GET", "/runs", function()
  return { status = 200, json = { runs = px.flows.find { flow = "visit", limit = 1000 } } }
end)
`;
const schema = `return { objects = { mark = { title = "name",
  label = { en = "Mark", el = "Σημάδι" }, plural = { en = "Marks", el = "Σημάδια" },
  fields = { { "name", "text", required = true, unique = true, label = { en = "Name", el = "Όνομα" } } } } } }\n`;
const manifest = `return { name = "visits", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "Visits", el = "Επισκέψεις" }, can = { read = { "mark" }, write = { "mark" }, http = true } }\n`;

function pluginFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-flow-plugins-"));
  mkdirSync(path.join(folder, "visits"));
  writeFileSync(path.join(folder, "visits/plugin.lua"), manifest);
  writeFileSync(path.join(folder, "visits/schema.lua"), schema);
  writeFileSync(path.join(folder, "visits/main.lua"), main);
  return folder;
}

test("flows survive kill -9 at random instants", { timeout: 240000 }, async (t) => {
  const flows = 200;
  const seed = Number(process.env.PROXENOS_TEST_SEED ?? Date.now() % 1000000);
  const cycles = Number(process.env.PROXENOS_FLOW_CYCLES ?? 6);
  let state = seed;
  const chance = (most) => (state = (state * 48271) % 2147483647) % most;
  t.diagnostic(`seed ${seed}`);
  const plugins = pluginFolder();
  const service = await new Service({ plugins, enable: ["visits"] }).start();
  t.after(async () => {
    await service.remove();
    rmSync(plugins, { recursive: true, force: true });
  });
  const client = await service.client("admin");
  const started = await client.post("/x/visits/start", { from: 1, to: flows });
  assert.equal(started.status, 201, started.text);
  for (let i = 0; i < cycles; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20 + chance(400)));
    if (i > cycles / 2) client.post("/x/visits/go", {}).catch(() => {});
    await service.kill();
    await service.restart();
  }
  let runs = [];
  await until(async () => {
    await client.post("/x/visits/go", {});
    runs = (await client.get("/x/visits/runs")).body.runs;
    return runs.every((run) => run.state === "done");
  }, 60000);
  assert.equal(runs.length, flows);
  for (const run of runs) {
    const n = Number(run.key);
    assert.deepEqual(run.result, { a: `${n}:a`, b: `${n}:b`, word: "now", sum: 2 * n });
  }
  const marks = await client.get("/api/v1/marks?limit=1000&fields=name");
  const names = new Set(marks.body.data.map((mark) => mark.name));
  assert.equal(marks.body.data.length, 4 * flows);
  assert.equal(names.size, 4 * flows);
  t.diagnostic(`${cycles} kills, ${flows} flows, turns ${runs.reduce((sum, run) => sum + run.turns, 0)}`);
});
