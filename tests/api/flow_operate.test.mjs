// Runs of flows as operators handle them: list, show, pictures, history, start, cancel, retry, unblock, signal, by API and command line.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const main = `
px.flow("visit", function(flow, input)
  local made = flow:step("make", function() return { name = input.name, big = 9007199254740993, half = 0.5 } end)
  flow:any {
    late = function() flow:sleep("30d") end,
    soon = function() flow:sleep("1ms") end,
  }
  local word = flow:wait("go", { timeout = "10d" })
  if not word then error("nobody came") end
  return { word = word, name = made.name }
end)
px.flow("fails", function(flow, input)
  flow:step("try", function() error("no luck with " .. input.secret) end)
end)
px.flow("spins", function() while true do end end)
`;
const manifest = `return { name = "visits", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "Visits", el = "Επισκέψεις" }, can = {}, limits = { run_ms = 200 } }\n`;

const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-flow-operate-"));
mkdirSync(path.join(plugins, "visits"));
writeFileSync(path.join(plugins, "visits/plugin.lua"), manifest);
writeFileSync(path.join(plugins, "visits/main.lua"), main);
const service = new Service({ plugins, enable: ["visits"] });
let admin, auditor;

before(async () => {
  await service.start();
  admin = await service.client("admin");
  auditor = await service.client("auditor");
});
after(async () => {
  await service.remove();
  rmSync(plugins, { recursive: true, force: true });
});

async function start(flow, more = {}) {
  const started = await admin.post("/api/v1/flows", { plugin: "visits", flow, ...more });
  assert.equal(started.status, 201, started.text);
  assert.equal(started.headers.get("location"), `/api/v1/flows/${started.body.id}`);
  return started.body.id;
}

async function reach(id, state) {
  let run;
  await until(async () => (run = (await admin.get(`/api/v1/flows/${id}`)).body).state === state, 15000);
  return run;
}

// Waits for "go": the sleep of 1 ms is over.
async function reachGo(id) {
  let run;
  await until(async () => (run = (await admin.get(`/api/v1/flows/${id}`)).body).waits_for.some((one) => one.name === "go"), 15000);
  return run;
}

test("a run is started, shown with its timeline, signalled and ends", async () => {
  const id = await start("visit", { input: { name: "Ψ <b>" }, key: "k1", attributes: { client: "c1", stage: "new" } });
  const run = await reachGo(id);
  assert.equal(run.plugin, "visits");
  assert.equal(run.flow, "visit");
  assert.equal(run.state, "waiting");
  assert.deepEqual(run.input, { name: "Ψ <b>" });
  assert.deepEqual(run.attributes, { client: "c1", stage: "new" });
  assert.ok(Date.parse(run.due_at) > Date.now() + 9 * 86400000);
  const kinds = run.timeline.map((one) => `${one.kind} ${one.state}`);
  assert.deepEqual(kinds, ["step done", "any done", "sleep dropped", "sleep done", "wait waiting"]);
  const step = run.timeline[0];
  assert.match(step.place, /main\.lua:3/);
  assert.equal(step.name, "make");
  assert.deepEqual(step.result, { name: "Ψ <b>", big: 9007199254740992, half: 0.5 }); // as JavaScript reads it
  assert.deepEqual(run.waits_for.map((one) => [one.kind, one.name]), [["wait", "go"]]);
  const page = (await admin.get(`/api/v1/flows/${id}?after=1&limit=2`)).body;
  assert.deepEqual(page.timeline.map((one) => one.seq), [2, 3]);
  assert.equal(page.timeline_next, 3);

  assert.equal((await admin.post(`/api/v1/flows/${id}/signal`, { name: "go", data: "now", dedup: "1" })).status, 204);
  const ended = await reach(id, "done");
  assert.deepEqual(ended.result, { word: "now", name: "Ψ <b>" });
  const signal = ended.timeline.find((one) => one.kind === "signal arrived");
  assert.deepEqual([signal.name, signal.result], ["go", "now"]);
  assert.equal(ended.timeline.find((one) => one.name === "go" && one.kind === "wait").state, "done");
  assert.equal((await admin.post(`/api/v1/flows/${id}/signal`, { name: "go" })).status, 409);
  assert.equal((await admin.post(`/api/v1/flows/${id}/cancel`, {})).status, 409);
  const log = (await admin.get("/api/v1/events?pattern=flow.*&limit=1000")).body.data.filter((event) => event.data?.run === id);
  assert.deepEqual(log.map((event) => event.type), ["flow.started", "flow.signal_ordered", "flow.done"]);
});

test("the list is narrowed by plugin, flow, state, key, attributes and goes on from a run", async () => {
  const ids = [];
  for (let n = 0; n < 5; n++) ids.push(await start("visit", { input: { name: `n${n}` }, key: `list${n}`, attributes: { batch: "b", nth: String(n) } }));
  for (const id of ids) await reachGo(id);
  const find = async (query) => (await admin.get(`/api/v1/flows?${query}`)).body;
  const batch = `attributes=${encodeURIComponent('{"batch":"b"}')}`;
  assert.deepEqual((await find(batch)).data.map((run) => run.id), [...ids].reverse());
  const one = encodeURIComponent('{"batch":"b","nth":"3"}');
  assert.deepEqual((await find(`attributes=${one}`)).data.map((run) => run.id), [ids[3]]);
  assert.deepEqual((await find("plugin=visits&flow=visit&key=list2")).data.map((run) => run.id), [ids[2]]);
  assert.equal((await find(`${batch}&state=done,failed`)).data.length, 0);
  assert.equal((await find("plugin=nobody")).data.length, 0);
  const first = await find(`${batch}&limit=2`);
  assert.deepEqual(first.data.map((run) => run.id), [ids[4], ids[3]]);
  const second = await find(`${batch}&limit=2&before=${first.next}`);
  assert.deepEqual(second.data.map((run) => run.id), [ids[2], ids[1]]);
  const last = await find(`${batch}&limit=2&before=${second.next}`);
  assert.deepEqual([last.data.map((run) => run.id), last.next], [[ids[0]], null]);
  for (const bad of ["state=asleep", "limit=0", "limit=1001", "before=x", "attributes=%5B%5D", "attributes=%7B%22a%22%3A1%7D", "colour=red"]) {
    const refused = await admin.get(`/api/v1/flows?${bad}`);
    assert.equal(refused.status, 400, bad);
    assert.ok(refused.body.errors?.[0]?.pointer, bad);
  }
});

test("a start that makes no sense is refused with its place", async () => {
  const bad = [
    [{ plugin: "visits", flow: "vist" }, 404, "/flow", "visit"],
    [{ plugin: "nobody", flow: "visit" }, 404, "/plugin"],
    [{ plugin: "visits", flow: "visit", key: "x".repeat(201) }, 422, "/key"],
    [{ plugin: "visits", flow: "visit", attributes: { a: 1 } }, 422, "/attributes/a"],
    [{ plugin: "visits", flow: "visit", attributes: "a" }, 400, "/attributes"],
    [{ plugin: "visits", flow: "visit", inputs: {} }, 422, "/inputs", "input"],
  ];
  for (const [body, status, pointer, nearest] of bad) {
    const refused = await admin.post("/api/v1/flows", body);
    assert.ok(refused.status >= 400 && refused.status < 500, refused.text);
    assert.equal(refused.body.errors[0].pointer, pointer, refused.text);
    if (nearest) assert.equal(refused.body.errors[0].nearest, nearest);
  }
  await start("visit", { input: {}, key: "once" });
  const twice = await admin.post("/api/v1/flows", { plugin: "visits", flow: "visit", input: {}, key: "once" });
  assert.equal(twice.status, 409, twice.text);
  for (const verb of ["cancel", "retry", "unblock", "signal"]) {
    assert.equal((await admin.post(`/api/v1/flows/0000000000001/${verb}`, verb === "signal" ? { name: "x" } : {})).status, 404);
    assert.equal((await admin.post(`/api/v1/flows/nonsense/${verb}`, {})).status, 404);
  }
  assert.equal((await admin.get("/api/v1/flows/nonsense")).status, 404);
});

test("a failed run is started anew, once; a cancelled one too", async () => {
  const id = await start("fails", { input: { secret: "SECRETWORD" }, key: "f", attributes: { client: "c9" } });
  const failed = await reach(id, "failed");
  assert.match(failed.error.detail, /SECRETWORD/);
  const again = await admin.post(`/api/v1/flows/${id}/retry`, { why: "the cause is gone" });
  assert.equal(again.status, 201, again.text);
  const second = await reach(again.body.id, "failed");
  assert.deepEqual([second.key, second.input, second.attributes], ["f", { secret: "SECRETWORD" }, { client: "c9" }]);
  assert.equal((await admin.get(`/api/v1/flows/${id}`)).body.retried_as, again.body.id);
  const thrice = await admin.post(`/api/v1/flows/${id}/retry`, {});
  assert.equal(thrice.status, 409);
  assert.match(thrice.body.detail, new RegExp(again.body.id));
  const waiting = await start("visit", { input: { name: "c" } });
  await reachGo(waiting);
  assert.equal((await admin.post(`/api/v1/flows/${waiting}/retry`, {})).status, 409);
  assert.equal((await admin.post(`/api/v1/flows/${waiting}/cancel`, { why: "no need" })).status, 204);
  await reach(waiting, "cancelled");
  assert.equal((await admin.post(`/api/v1/flows/${waiting}/retry`, {})).status, 201);
});

test("a blocked run is shown with why, and unblocked", async () => {
  const id = await start("spins");
  const blocked = await reach(id, "blocked");
  assert.equal(blocked.error.code, "budget");
  assert.equal((await admin.get("/api/v1/flows?state=blocked")).body.data[0].id, id);
  assert.equal((await admin.post(`/api/v1/flows/${id}/unblock`, {})).status, 204);
  await reach(id, "blocked");
  const events = (await admin.get("/api/v1/events?pattern=flow.blocked&limit=100")).body.data;
  assert.equal(events.filter((event) => event.data.run === id).length, 2);
  assert.equal((await admin.post(`/api/v1/flows/${id}/cancel`, {})).status, 204);
  await reach(id, "cancelled");
});

test("pictures draw the timeline and hold no values", async () => {
  const id = await start("visit", { input: { name: "SECRETNAME" } });
  await reachGo(id);
  const dot = await auditor.get(`/api/v1/flows/${id}?format=dot`);
  assert.match(dot.headers.get("content-type"), /graphviz/);
  assert.match(dot.text, /^digraph run \{[\s\S]*step make[\s\S]*wait go[\s\S]*style=dashed[\s\S]*\}\n$/);
  const svg = await auditor.get(`/api/v1/flows/${id}?format=svg`);
  assert.match(svg.headers.get("content-type"), /svg/);
  assert.match(svg.text, /^<svg [\s\S]*step make[\s\S]*stroke-dasharray[\s\S]*<\/svg>\n$/);
  assert.ok(!/SECRETNAME/.test(dot.text + svg.text));
  assert.equal((await admin.get(`/api/v1/flows/${id}?format=png`)).status, 400);
});

test("who is no administrator sees no values, and changes nothing", async () => {
  const id = await start("fails", { input: { secret: "SECRETWORD" } });
  await reach(id, "failed");
  const shown = await auditor.get(`/api/v1/flows/${id}`);
  assert.equal(shown.status, 200);
  assert.equal(shown.body.error.code, "lua");
  const list = await auditor.get("/api/v1/flows?limit=1000");
  assert.ok(list.body.data.length > 0);
  assert.ok(!/SECRETWORD/.test(shown.text + list.text));
  assert.equal((await auditor.get(`/api/v1/flows/${id}/history`)).status, 403);
  const user = await service.client("user");
  for (const client of [auditor, user]) {
    assert.equal((await client.post("/api/v1/flows", { plugin: "visits", flow: "visit" })).status, 403);
    for (const verb of ["cancel", "retry", "unblock", "signal"]) assert.equal((await client.post(`/api/v1/flows/${id}/${verb}`, {})).status, 403);
  }
  for (const target of ["", `/${id}`, `/${id}?format=svg`, `/${id}/history`]) assert.equal((await user.get(`/api/v1/flows${target}`)).status, 403);
  assert.equal((await service.anyone().get("/api/v1/flows")).status, 401);
});

test("a history keeps every number as it is", async () => {
  const id = await start("visit", { input: { name: "h" } });
  await reachGo(id);
  const history = await admin.get(`/api/v1/flows/${id}/history`);
  assert.equal(history.status, 200);
  assert.match(history.text, /"big":9007199254740993\b/);
  assert.match(history.text, /"half":0\.5\b/);
  assert.equal(history.body.format, "proxenos-flow-history-1");
  assert.deepEqual(history.body.pages.map((page) => page.commands.map((one) => one.kind)), [["step", "any", "sleep", "sleep"], ["wait"]]);
  assert.equal(history.body.version, "1.0.0");
  assert.match(history.body.bundle, /^[0-9a-f]{64}$/);
});

test("the command line does the same", async () => {
  const started = await service.cli("flow", "start", "visits", "visit", "--input", '{"name":"cli"}', "--key", "cli", "--attribute", "from=cli");
  assert.equal(started.code, 0, started.stderr);
  const id = started.stdout.trim();
  await reachGo(id);
  const list = await service.cli("flow", "list", "--attribute", "from=cli", "--format", "json");
  assert.deepEqual(JSON.parse(list.stdout).map((run) => run.id), [id]);
  assert.match((await service.cli("flow", "list", "--state", "waiting", "--flow", "visit")).stdout, new RegExp(`${id}.*visit.*cli.*waiting`));
  const shown = await service.cli("flow", "show", id);
  assert.match(shown.stdout, /step[ ]+make[ ]+done/);
  assert.equal(JSON.parse((await service.cli("flow", "show", id, "--format", "json")).stdout).id, id);
  assert.match((await service.cli("flow", "show", id, "--format", "csv")).stdout, /^at,turn,seq,kind/);
  assert.match((await service.cli("flow", "show", id, "--format", "svg")).stdout, /^<svg /);
  assert.match((await service.cli("flow", "show", id, "--format", "dot")).stdout, /^digraph /);
  assert.equal((await service.cli("flow", "list", "--format", "svg")).code, 2);
  assert.match((await service.cli("flow", "export", id)).stdout, /"big": 9007199254740993\b/);
  assert.equal((await service.cli("flow", "signal", id, "go", '{"a":1}', "--why", "test")).code, 0);
  assert.deepEqual((await reach(id, "done")).result.word, { a: 1 });
  assert.equal((await service.cli("flow", "signal", id, "go", "{")).code, 2);
  assert.equal((await service.cli("flow", "cancel", id)).code, 1);
  const failing = (await service.cli("flow", "start", "visits", "fails", "--input", '{"secret":"s"}')).stdout.trim();
  await reach(failing, "failed");
  const retried = await service.cli("flow", "retry", failing, "--why", "test");
  assert.equal(retried.code, 0, retried.stderr);
  await reach(retried.stdout.trim(), "failed");
  assert.equal((await service.cli("flow", "start", "visits", "visit", "--attribute", "x")).code, 2);
  assert.equal((await service.cli("flow", "unblock", failing)).code, 1);
});
