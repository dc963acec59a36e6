// Runs asked, moved to newer code one by one and as a job, dropped when they are old, and told when their plugin is gone.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const first = `
px.flow("visit", function(flow, input)
  local stage = flow:step("make", function() return "made" end)
  flow:query("stage", function(more) return { stage = stage, name = input.name, more = more } end)
  flow:wait("go")
  return "old"
end)
px.flow("probe", function() end)
px.flow("short", function(flow) return flow:step("one", function() return 1 end) end)
`;
const fits = first.replace('return "old"', 'flow:step("more", function() end)\n  return "new"');
const differs = first.replace('flow:step("make"', 'flow:step("build"');
const manifest = (version) => `return { name = "visits", version = "${version}", api = 1, license = "Apache-2.0",
  label = { en = "Visits", el = "Επισκέψεις" }, can = {} }\n`;

const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-flow-migrate-"));
mkdirSync(path.join(plugins, "visits"));
function write(version, main) {
  writeFileSync(path.join(plugins, "visits/plugin.lua"), manifest(version));
  writeFileSync(path.join(plugins, "visits/main.lua"), main);
}
write("1.0.0", first);
const service = new Service({ plugins, enable: ["visits"], options: ["--flow-keep-journal", "3s", "--flow-keep-run", "6s"] });
let admin;

before(async () => {
  await service.start();
  admin = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(plugins, { recursive: true, force: true });
});

async function start(name) {
  const started = await admin.post("/api/v1/flows", { plugin: "visits", flow: "visit", input: { name } });
  assert.equal(started.status, 201, started.text);
  await until(async () => (await show(started.body.id)).waits_for.length === 1);
  return started.body.id;
}

const show = async (id) => (await admin.get(`/api/v1/flows/${id}`)).body;

async function edition(version, main) {
  write(version, main);
  const reloaded = await admin.post("/api/v1/plugins/visits/reload", {});
  assert.equal(reloaded.status, 200, reloaded.text);
  // Its code is kept a moment later; until then a start is put off.
  let probe;
  await until(async () => (probe = await admin.post("/api/v1/flows", { plugin: "visits", flow: "probe", input: {} })).status === 201, 10000);
  await admin.post(`/api/v1/flows/${probe.body.id}/cancel`, {});
}

test("a query is answered from the journal, by API and command line", async () => {
  const id = await start("Anna");
  const asked = await admin.post(`/api/v1/flows/${id}/query`, { name: "stage", input: [1] });
  assert.deepEqual([asked.status, asked.body.answer], [200, { stage: "made", name: "Anna", more: [1] }], asked.text);
  assert.deepEqual(JSON.parse((await service.cli("flow", "query", id, "stage")).stdout), { stage: "made", name: "Anna" });
  assert.equal((await admin.post(`/api/v1/flows/${id}/query`, { name: "age" })).status, 404);
  assert.equal((await admin.post(`/api/v1/flows/${id}/query`, {})).status, 400);
  assert.equal((await admin.post("/api/v1/flows/0000000000001/query", { name: "stage" })).status, 404);
  const user = await service.client("user");
  for (const verb of ["query", "migrate"]) assert.equal((await user.post(`/api/v1/flows/${id}/${verb}`, { name: "stage" })).status, 403);
  assert.equal((await service.cli("flow", "query", id, "age")).code, 1);
});

test("a run moves to code that does the same; other code is refused with both lines", async () => {
  const moved = await start("moved");
  const kept = await start("kept");
  await edition("1.1.0", fits);
  const tried = await admin.post(`/api/v1/flows/${moved}/migrate`, { dry_run: true });
  assert.equal(tried.status, 200, tried.text);
  assert.deepEqual([tried.body.fits, tried.body.moved, tried.body.from.version, tried.body.to.version], [true, false, "1.0.0", "1.1.0"]);
  assert.equal((await admin.post(`/api/v1/flows/${moved}/migrate`, { why: "newer" })).body.moved, true);
  assert.equal((await admin.post(`/api/v1/flows/${moved}/migrate`, {})).body.newest, true);
  for (const id of [moved, kept]) assert.equal((await admin.post(`/api/v1/flows/${id}/signal`, { name: "go" })).status, 204);
  await until(async () => (await show(moved)).state === "done" && (await show(kept)).state === "done");
  assert.deepEqual([(await show(moved)).result, (await show(kept)).result], ["new", "old"]);

  const refused = await start("refused");
  await edition("1.2.0", differs);
  const told = await admin.post(`/api/v1/flows/${refused}/migrate`, {});
  assert.equal(told.status, 409, told.text);
  assert.equal(told.body.code, "flow_diverged");
  const { was, is } = told.body.difference;
  assert.deepEqual([was.command, was.name, was.place, is.command, is.name, is.place], ["step", "make", "main.lua:3", "step", "build", "main.lua:3"]);
  assert.match(was.line, /flow:step\("make"/);
  assert.match(is.line, /flow:step\("build"/);
  const said = await service.cli("flow", "migrate", refused);
  assert.equal(said.code, 1);
  assert.match(said.stderr, /its code gave step "make" at main\.lua:3: .*flow:step\("make"[\s\S]*the newest gives step "build" at main\.lua:3/);
  assert.equal((await admin.post(`/api/v1/flows/${moved}/migrate`, {})).status, 409); // it has ended
  assert.equal((await admin.post(`/api/v1/flows/${refused}/cancel`, {})).status, 204);
});

test("a history is gone through by the code that runs now", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-flow-history-"));
  const file = path.join(folder, "visit.json");
  await edition("1.2.1", first);
  const id = await start("kept");
  writeFileSync(file, (await service.cli("flow", "export", id)).stdout);
  const same = await service.cli("flow", "replay", file, "--with", "visits");
  assert.deepEqual([same.code, same.stdout], [0, `${file} fits: 1 turns, 2 commands\n`], same.stderr);
  assert.equal((await admin.post(`/api/v1/flows/${id}/cancel`, {})).status, 204);
  await edition("1.2.2", differs);
  const other = await service.cli("flow", "replay", file);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /does not fit[\s\S]*step "make"[\s\S]*step "build" at main\.lua:3: local stage = flow:step\("build"/);
  const answer = await admin.post("/api/v1/flows/replay", "{");
  assert.equal(answer.status, 400, answer.text);
  assert.equal((await admin.post("/api/v1/flows/replay?plugin=nobody", { format: "proxenos-flow-history-1" })).status, 400);
  const history = JSON.parse((await service.cli("flow", "export", id)).stdout);
  assert.equal((await admin.post("/api/v1/flows/replay?plugin=nobody", history)).status, 503);
  assert.equal((await service.cli("flow", "replay", path.join(folder, "none.json"))).code, 1);
  const user = await service.client("user");
  assert.equal((await user.post("/api/v1/flows/replay", history)).status, 403);
  rmSync(folder, { recursive: true, force: true });
});

test("a history is gone through by a folder or a packed file, with no service", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-flow-alone-"));
  const away = new Service({ plugins: folder }); // never started
  const file = path.join(folder, "visit.json");
  const own = path.join(folder, "visits");
  const edit = (version, main, name = "visits") => {
    writeFileSync(path.join(own, "plugin.lua"), manifest(version).replace('"visits"', `"${name}"`));
    writeFileSync(path.join(own, "main.lua"), main);
  };
  const replay = (plugin, ...files) => away.cli("flow", "replay", file, ...files, "--with", plugin);
  await edition("1.2.3", first);
  const id = await start("alone");
  writeFileSync(file, (await service.cli("flow", "export", id)).stdout);
  assert.equal((await admin.post(`/api/v1/flows/${id}/cancel`, {})).status, 204);
  mkdirSync(own);
  edit("2.0.0", fits);
  const same = await replay(own, file);
  const line = `${file} fits: 1 turns, 2 commands\n`;
  assert.deepEqual([same.code, same.stdout], [0, line + line], same.stderr);
  assert.equal((await away.cli("plugin", "pack", own, "--output", folder)).code, 0);
  edit("2.1.0", `-- moved\n${differs}`);
  const other = await replay(own);
  assert.equal(other.code, 1, other.stdout);
  assert.match(other.stderr, /does not fit/);
  assert.match(other.stderr, /its code gave step "make" at main\.lua:3: local stage = flow:step\("make"/);
  assert.match(other.stderr, /the newest gives step "build" at main\.lua:4: local stage = flow:step\("build"/);
  const packed = await replay(path.join(folder, "visits-2.0.0.pxp"));
  assert.deepEqual([packed.code, packed.stdout], [0, line], packed.stderr);
  // What cannot be used is said, each in its words.
  edit("2.1.0", "flow nonsense");
  assert.match((await replay(own)).stderr, /main\.lua:1/);
  edit("2.1.0", fits, "others");
  renameSync(own, path.join(folder, "others"));
  assert.match((await replay(path.join(folder, "others"))).stderr, /the run is of the plugin visits, not of others/);
  writeFileSync(path.join(folder, "bad.pxp"), "no tar");
  for (const bad of ["bad.pxp", "nobody.pxp", "nobody/"]) assert.equal((await replay(path.join(folder, bad))).code, 1, bad);
  assert.deepEqual(readdirSync(away.folder), [], "no store was made");
  rmSync(away.folder, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

test("many move as a job", async () => {
  await edition("1.3.0", first);
  const ids = [];
  for (let n = 0; n < 5; n++) ids.push(await start(`many${n}`));
  await edition("1.4.0", differs);
  const other = await start("new already");
  await edition("1.5.0", fits);
  const dry = await service.cli("flow", "migrate", "--all", "--plugin", "visits", "--flow", "visit", "--dry-run", "--format", "json");
  assert.equal(dry.code, 3, dry.stderr);
  const found = JSON.parse(dry.stdout);
  assert.ok(found.would_move >= 5 && found.differ >= 1, dry.stdout);
  assert.ok(found.examples.some((one) => one.run === other && one.difference.was.name === "build"));
  const job = await admin.post("/api/v1/jobs", { kind: "flow_migrate", plugin: "visits", flow: "visit" });
  assert.equal(job.status, 202, job.text);
  await until(async () => (await admin.get(`/api/v1/jobs/${job.body.id}`)).body.state === "done");
  for (const id of ids) assert.equal((await admin.post(`/api/v1/flows/${id}/migrate`, {})).body.newest, true);
  assert.equal((await admin.post(`/api/v1/flows/${other}/migrate`, {})).status, 409);
  assert.equal((await service.cli("flow", "migrate")).code, 2);
  assert.equal((await service.cli("flow", "migrate", "--all")).code, 2);
});

test("what ended is dropped: first its journal, then the run", { timeout: 60000 }, async () => {
  const started = await admin.post("/api/v1/flows", { plugin: "visits", flow: "short", attributes: { a: "b" } });
  const id = started.body.id;
  await until(async () => (await show(id)).state === "done");
  assert.equal((await show(id)).timeline.length, 1);
  await until(async () => (await show(id)).journal_dropped === true, 15000);
  assert.deepEqual([(await show(id)).result, (await show(id)).timeline], [1, []]);
  assert.equal((await admin.get(`/api/v1/flows/${id}/history`)).status, 404);
  await until(async () => (await admin.get(`/api/v1/flows/${id}`)).status === 404, 15000);
  assert.equal((await admin.get(`/api/v1/flows?attributes=${encodeURIComponent('{"a":"b"}')}`)).body.data.length, 0);
});

test("figures tell runs by plugin and state; the doctor tells of a plugin that is gone", { timeout: 60000 }, async () => {
  const id = await start("left alone");
  const figures = async () => (await admin.get("/metrics")).text;
  await until(async () => /proxenos_flow_runs\{plugin="visits",state="waiting"\} [1-9]/.test(await figures()), 15000);
  const text = await figures();
  for (const name of ["turns_total", "ready", "under_way", "wakes_total", "wake_wait_seconds_total", "blocked", "stuck", "oldest_ready_seconds"]) {
    assert.match(text, new RegExp(`^proxenos_flow_${name} [0-9.e+-]+$`, "m"), name);
  }
  assert.match(text, /^proxenos_flow_stuck 0$/m);
  assert.equal((await admin.post("/api/v1/plugins/visits/disable", {})).status, 200);
  await until(async () => (await admin.get("/api/v1/doctor")).body.data.some((one) => one.plugin === "visits" && /does not run/.test(one.problem)), 15000);
  await until(async () => (await admin.get("/api/v1/events?pattern=flow.plugin_missing")).body.data.length > 0, 15000);
  assert.equal((await admin.get("/api/v1/events?pattern=flow.stuck")).body.data.length, 0);
  const asked = await admin.post(`/api/v1/flows/${id}/query`, { name: "stage" });
  assert.equal(asked.status, 503, asked.text);
  assert.equal((await admin.post("/api/v1/plugins/visits/enable", {})).status, 200);
  await until(async () => !(await admin.get("/api/v1/doctor")).body.data.some((one) => /does not run/.test(one.problem)), 15000);
});
