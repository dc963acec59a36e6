// Outside calls of flows, seen by who is called: under kill -9 at random instants every effect carries one key, whatever
// number of times it is asked for, and each run ends as its straight run would.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";
import { World } from "./world.mjs";

const main = (port) => `
local function ask(flow, what, n, options)
  return flow:call(what, options or { retry = { times = 100, first = "20ms", max = "200ms" }, timeout = "20s" }, function(call)
    local answer = px.net.fetch { url = "http://127.0.0.1:${port}/" .. what .. "/" .. n, json = { n = n, attempt = call.attempt } }
    if answer.status >= 500 then error(what .. " answered " .. answer.status) end
    if answer.status >= 400 then px.refuse("", what .. " answered " .. answer.status) end
    return answer.json()
  end)
end
px.flow("order", function(flow, input)
  local n = input.n
  flow:compensate(function() ask(flow, "release", n) end)
  local held = ask(flow, "reserve", n)
  local both = flow:all {
    pay = function() return ask(flow, "pay", n) end,
    book = function() flow:sleep("30ms") return ask(flow, "book", n) end,
  }
  flow:step("mark", function() px.store.create("mark", { name = tostring(n) }) end)
  if n % 5 == 0 then error("sold out") end
  return { held = held.receipt, pay = both.pay.receipt, book = both.book.receipt }
end)
px.flow("refused", function(flow, input)
  return ask(flow, "refuse", input.n)
end)
px.flow("slow", function(flow, input)
  return ask(flow, "hang", input.n, { timeout = "1m" })
end)
px.route("POST", "/start", function(request)
  for n = request.json.from, request.json.to do px.flows.start(request.json.flow, { n = n }, { key = tostring(n) }) end
  return { status = 201, json = {} }
end)
px.route("POST", "/cancel", function(request)
  px.flows.cancel(px.flows.find { flow = request.json.flow, limit = 1 }[1].id, "not wanted")
  return { status = 200, json = {} }
end)
px.route("GET", "/runs", function(request)
  return { status = 200, json = { runs = px.flows.find { flow = request.query.flow, limit = 1000 } } }
end)
`;
const schema = `return { objects = { mark = { title = "name",
  label = { en = "Mark", el = "Σημάδι" }, plural = { en = "Marks", el = "Σημάδια" },
  fields = { { "name", "text", required = true, unique = true, label = { en = "Name", el = "Όνομα" } } } } } }\n`;
const manifest = (port) => `return { name = "orders", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "Orders", el = "Παραγγελίες" }, can = { read = { "mark" }, write = { "mark" }, http = true,
  net = { "http://127.0.0.1:${port}" } } }\n`;

async function begin(t) {
  const world = await new World().start();
  const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-flow-call-"));
  mkdirSync(path.join(plugins, "orders"));
  writeFileSync(path.join(plugins, "orders/plugin.lua"), manifest(world.port));
  writeFileSync(path.join(plugins, "orders/schema.lua"), schema);
  writeFileSync(path.join(plugins, "orders/main.lua"), main(world.port));
  const options = ["--outgoing-allow", `127.0.0.1:${world.port}`];
  const service = await new Service({ plugins, enable: ["orders"], options }).start();
  t.after(async () => {
    await service.remove();
    world.stop();
    rmSync(plugins, { recursive: true, force: true });
  });
  const client = await service.client("admin");
  const runs = async (flow) => (await client.get(`/x/orders/runs?flow=${flow}`)).body.runs;
  const start = async (flow, to) => {
    const started = await client.post("/x/orders/start", { flow, from: 1, to });
    assert.equal(started.status, 201, started.text);
  };
  return { world, service, client, runs, start };
}

test("each effect carries one key under kill -9", { timeout: 240000 }, async (t) => {
  const count = 40;
  const kills = Number(process.env.PROXENOS_FLOW_CYCLES ?? 20);
  const seed = Number(process.env.PROXENOS_TEST_SEED ?? Date.now() % 1000000);
  let state = seed + 1;
  const chance = (most) => (state = (state * 48271) % 2147483647) % most;
  t.diagnostic(`seed ${seed}`);
  const { world, service, client, runs, start } = await begin(t);
  world.trouble = (times) => {
    if (times > 4) return null;
    return [null, "lost", "busy", chance(150), 400][chance(5)];
  };
  await start("order", count);
  for (let i = 0; i < kills; i++) {
    await new Promise((resolve) => setTimeout(resolve, chance(150)));
    await service.kill();
    await service.restart();
  }
  let ended = [];
  await until(async () => {
    ended = await runs("order");
    return ended.every((run) => run.state === "done" || run.state === "failed");
  }, 90000);
  assert.equal(ended.length, count);
  for (const run of ended) {
    const n = Number(run.key);
    if (n % 5 === 0) {
      assert.equal(run.state, "failed");
      assert.equal(run.error.detail, "sold out");
    } else {
      assert.equal(run.state, "done", JSON.stringify(run.error));
      assert.deepEqual(run.result, { held: `/reserve/${n}#${n}`, pay: `/pay/${n}#${n}`, book: `/book/${n}#${n}` });
    }
  }
  const whats = ["reserve", "pay", "book"];
  const paths = [];
  for (let n = 1; n <= count; n++) paths.push(...[...whats, ...(n % 5 === 0 ? ["release"] : [])].map((what) => `/${what}/${n}`));
  assert.deepEqual([...world.effects.keys()].sort(), paths.sort());
  const keys = new Set();
  let asked = 0;
  for (const [where, with_keys] of world.effects) {
    assert.equal(with_keys.size, 1, `${where} was asked for with ${with_keys.size} keys`);
    for (const [key, times] of with_keys) {
      assert.match(key, /^[0-9a-f]{32}$/);
      assert.ok(!keys.has(key), `${where} shares its key`);
      keys.add(key);
      asked += times;
    }
  }
  const marks = await client.get("/api/v1/marks?limit=1000&fields=name");
  assert.equal(marks.body.data.length, count);
  t.diagnostic(`${kills} kills, ${count} runs, ${keys.size} effects, asked for ${asked} times`);
});

test("what is refused is told; who is cancelled hangs up", async (t) => {
  const { world, client, runs, start } = await begin(t);
  await start("refused", 1);
  await until(async () => (await runs("refused"))[0].state === "failed");
  const [refused] = await runs("refused");
  assert.equal(refused.error.code, "refused");
  assert.equal(refused.error.detail, "refuse answered 422");
  assert.equal([...world.effects.get("/refuse/1").values()][0], 1, "it was tried again");
  await start("slow", 1);
  await until(() => world.hanging === 1);
  await client.post("/x/orders/cancel", { flow: "slow" });
  await until(async () => (await runs("slow"))[0].state === "cancelled");
  await until(() => world.left === 1);
});
