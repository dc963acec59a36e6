// Plugins taken away: records kept, exported or erased; what still needs the code stops it; what was begun goes on after a crash.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const place = mkdtempSync(path.join(tmpdir(), "proxenos-uninstall-"));
const folder = path.join(place, "plugins");
mkdirSync(folder);
const service = new Service({ plugins: folder });
let client;
let sources = 0;

function source(name, { version = "1.0.0", manifest = "", schema, main = "" }) {
  const where = path.join(place, `source${++sources}`, name);
  mkdirSync(where, { recursive: true });
  writeFileSync(path.join(where, "plugin.lua"), `return { name = "${name}", version = "${version}", api = 1, ${manifest} }`);
  if (schema) writeFileSync(path.join(where, "schema.lua"), schema);
  writeFileSync(path.join(where, "main.lua"), main);
  return where;
}
const cli = (...words) => service.cli("plugin", ...words);
async function install(name, parts = {}) {
  const answer = await cli("install", source(name, parts), "--grant");
  assert.equal(answer.code, 0, answer.stderr);
}
const uninstall = (name, body) => client.post(`/api/v1/plugins/${name}/uninstall`, body);
const status = async (name) => {
  const answer = await client.get(`/api/v1/plugins/${name}`);
  return answer.status === 404 ? undefined : answer.body.status;
};
const events = async (pattern) => (await client.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;
const file = (name) => path.join(place, name);

const box = {
  schema: `return { objects = {
    thing = { fields = { { "name", "text", required = true }, { "inside", "ref", to = "thing" }, { "best", "ref", to = "part" } } },
    part = { fields = { { "name", "text" }, { "of", "ref", to = "thing", required = true } } } } }`,
  manifest: 'can = { read = { "thing", "part" }, write = { "thing", "part" }, http = true }, config = { { "size", "integer", default = 1 } },',
  main: `px.on("thing.created", function(event) px.store.kv.set("seen", (px.store.kv.get("seen") or 0) + 1) end)
px.route("GET", "/seen", function() return { json = { seen = px.store.kv.get("seen") or 0, size = px.config.get("size") } } end)\n`,
};
const add = async (path, body) => {
  const answer = await client.post(`/api/v1/${path}`, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
// Things inside each other, parts of things, and two that refer to each other.
async function fill(count) {
  for (let i = 0; i < count; i++) {
    const outer = await add("things", { name: `outer${i}` });
    const inner = await add("things", { name: `inner${i}`, inside: outer.id });
    const part = await add("parts", { name: `part${i}`, of: inner.id });
    const answer = await client.patch(`/api/v1/things/${inner.id}`, { best: part.id });
    assert.equal(answer.status, 200, answer.text);
  }
}

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(place, { recursive: true, force: true });
});

test("keep: the types are not served, the copies are gone; a later install finds records, settings and cursors", async () => {
  await install("box", box);
  await fill(3);
  assert.equal((await cli("config", "box", "size=7")).code, 0);
  await until(async () => (await client.get("/x/box/seen")).body.seen === 6);
  const answer = await cli("uninstall", "box", "--keep");
  assert.equal(answer.stdout, "box is uninstalled\n", answer.stderr);
  assert.equal((await client.get("/api/v1/things")).status, 404);
  assert.equal((await client.get("/x/box/seen")).status, 404);
  assert.equal(await status("box"), undefined);
  await until(() => !existsSync(path.join(service.folder, "plugins/box")));
  const asked = await cli("install", source("box", box));
  assert.match(asked.stderr, /\+ read: \["thing","part"\]/, "its capabilities are asked for again");
  await install("box", box);
  assert.equal((await client.get("/api/v1/things?count=exact")).body.count, 6);
  assert.deepEqual((await client.get("/x/box/seen")).body, { seen: 6, size: 7 });
});

test("export: everything is in the file, then it is erased, with its keys, settings and cursors", async () => {
  const to = file("box.ndjson");
  writeFileSync(file("there"), "mine");
  for (const [body, status, pointer] of [
    [{ records: "export" }, 400, "/file"],
    [{ records: "export", file: "relative" }, 400, "/file"],
    [{ records: "export", file: file("there") }, 409, "/file"],
    [{ records: "erase", file: to }, 400, "/file"],
    [{ records: "burn" }, 400, "/records"],
  ]) {
    const refused = await uninstall("box", body);
    assert.equal(refused.status, status, refused.text);
    assert.equal(refused.body.errors[0].pointer, pointer);
  }
  assert.equal((await uninstall("box", { recods: "keep" })).status, 400);
  assert.equal(await status("box"), "running", "nothing was changed by all that");
  const answer = await cli("uninstall", "box", "--export", to);
  assert.equal(answer.code, 0, answer.stderr);
  assert.match(answer.stdout, /erased +\{"thing":6,"part":3\}/);
  assert.equal(readFileSync(file("there"), "utf8"), "mine");
  assert.equal(statSync(to).mode & 0o777, 0o600);
  const rows = readFileSync(to, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(rows.length, 9);
  assert.deepEqual([...new Set(rows.map((row) => row.object))].sort(), ["part", "thing"]);
  assert.ok(rows.every((row) => row.record.id && row.record.name));
  const [entry] = await events("plugin.uninstalled");
  const [last] = (await events("plugin.uninstalled")).filter((one) => one.data.records === "export");
  assert.equal(entry.data.plugin, "box");
  assert.deepEqual(last.data.erased, { part: 3, thing: 6 });
  assert.equal((await events("thing.deleted")).length, 6, "each with its event");
  assert.match((await events("thing.deleted"))[0].actor, /^local:|^user:/);
  await install("box", box);
  assert.equal((await client.get("/api/v1/things?count=exact")).body.count, 0);
  assert.deepEqual((await client.get("/x/box/seen")).body, { seen: 0, size: 1 });
});

test("erase: asked for; what the manifest says is the default; a plugin that is off, too", async () => {
  await install("dust", { ...box, schema: 'return { objects = { speck = { fields = { { "name", "text" }, { "twin", "ref", to = "speck" } } } } }', manifest: 'uninstall = "erase",', main: "" });
  const a = await add("specks", { name: "a" });
  const b = await add("specks", { name: "b", twin: a.id });
  assert.equal((await client.patch(`/api/v1/specks/${a.id}`, { twin: b.id })).status, 200);
  const asked = await cli("uninstall", "dust");
  assert.equal(asked.code, 1, "without a terminal nobody says yes");
  assert.match(asked.stderr, /--yes/);
  assert.equal(await status("dust"), "running");
  assert.equal((await cli("disable", "dust")).code, 0);
  const answer = await cli("uninstall", "dust", "--yes");
  assert.equal(answer.code, 0, answer.stderr);
  assert.match(answer.stdout, /"speck":2/);
  assert.equal((await cli("uninstall", "box", "--keep", "--erase")).code, 2);
});

test("others that need it, or whose types refer to its types, are named", async () => {
  const lean = {
    manifest: 'requires = { box = "^1.0" }, can = { read = { "thing" } },',
    schema: 'return { objects = { lid = { fields = { { "name", "text" }, { "on", "ref", to = "thing" } } } } }',
  };
  await install("lean", lean);
  const thing = await add("things", { name: "x" });
  const refused = await uninstall("box", { records: "erase" });
  assert.equal(refused.status, 409);
  assert.match(refused.body.detail, /needed by lean/);
  assert.equal((await cli("uninstall", "lean", "--keep")).code, 0);

  // One that refers without saying that it needs it; off, it does not stand in the way.
  await install("sly", { ...lean, manifest: "" });
  const lid = await add("lids", { name: "l", on: thing.id });
  assert.match((await uninstall("box", { records: "erase" })).body.detail, /needed by sly/);
  assert.equal((await client.post("/api/v1/plugins/box/disable")).status, 409);
  assert.equal((await client.delete(`/api/v1/lids/${lid.id}`)).status, 204);
  assert.equal((await cli("uninstall", "sly", "--erase", "--yes")).code, 0);
  assert.equal((await cli("uninstall", "box", "--erase", "--yes")).code, 0);
  assert.equal(await status("box"), undefined);
  await install("box", box);
});

const flows = `
px.flow("visit", function(flow, input)
  local word = flow:wait("go", { timeout = "365d" })
  flow:step("mark", function() return px.store.create("visit_mark", { name = input.n .. ":" .. tostring(word) }).name end)
  return word
end)
px.route("POST", "/start", function(request)
  px.flows.start("visit", { n = request.json.n }, { key = request.json.n })
  return { status = 201, json = {} }
end)
px.route("POST", "/go", function()
  for _, run in ipairs(px.flows.find { flow = "visit", state = "waiting" }) do px.flows.signal(run.id, "go", "went") end
  return { json = {} }
end)
px.route("GET", "/runs", function() return { json = { runs = px.flows.find { flow = "visit" } } } end)`;
const visits = {
  schema: 'return { objects = { visit_mark = { fields = { { "name", "text" } } } } }',
  manifest: 'can = { read = { "visit_mark" }, write = { "visit_mark" }, http = true },',
  main: flows,
};

test("runs of flows that need the code are counted, and cancelled when that is said", async () => {
  await install("visits", visits);
  for (const n of ["a", "b", "c"]) assert.equal((await client.post("/x/visits/start", { n })).status, 201);
  await until(async () => (await client.get("/x/visits/runs")).body.runs.every((run) => run.state === "waiting"));
  const refused = await uninstall("visits", {});
  assert.equal(refused.status, 409, refused.text);
  assert.match(refused.body.detail, /^3 runs of its flows have not ended.*cancel_runs/);
  assert.equal(await status("visits"), "running");
  assert.equal((await cli("disable", "visits")).code, 0);
  assert.match((await uninstall("visits", { cancel_runs: true })).body.detail, /enable it first/);
  assert.equal((await cli("enable", "visits")).code, 0);
  assert.equal((await cli("uninstall", "visits", "--keep", "--cancel-runs")).code, 0);
  await install("visits", visits);
  const { runs } = (await client.get("/x/visits/runs")).body;
  assert.deepEqual(runs.map((run) => run.state), ["cancelled", "cancelled", "cancelled"]);
});

test("a run ends with the code that it started with, though its version's files are gone", async () => {
  await install("visits", { ...visits, version: "1.1.0", main: flows.replace("tostring(word)", 'tostring(word) .. " by 1.1"') });
  assert.equal((await client.post("/x/visits/start", { n: "pinned" })).status, 201);
  await until(async () => (await client.get("/x/visits/runs")).body.runs.some((run) => run.state === "waiting"));
  for (const minor of [2, 3]) {
    // A step of another name, before the wait: nothing that the journal of the old run could be played on.
    const main = flows.replace('local word = flow:wait("go", { timeout = "365d" })', 'flow:step("first", function() return 1 end)\n  local word = flow:wait("come", {})');
    await install("visits", { ...visits, version: `1.${minor}.0`, main });
  }
  await until(() => !existsSync(path.join(service.folder, "plugins/visits/1.1.0")));
  assert.deepEqual(readdirSync(path.join(service.folder, "plugins/visits")).sort(), ["1.2.0", "1.3.0"]);
  await service.kill();
  await service.restart();
  assert.equal((await client.post("/x/visits/go", {})).status, 200);
  await until(async () => (await client.get("/api/v1/visit_marks")).body.data.length > 0);
  assert.deepEqual((await client.get("/api/v1/visit_marks")).body.data.map((mark) => mark.name), ["pinned:went by 1.1"]);
  const ended = (await client.get("/x/visits/runs")).body.runs.find((run) => run.key === "pinned");
  assert.equal(ended.state, "done", JSON.stringify(ended));
});

test("erasing goes on after a kill", async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ name: `t${i}` })).join("\n");
  const bulk = await client.request("POST", "/api/v1/things/bulk?atomic=true", { body: rows, headers: { "content-type": "application/x-ndjson" }, raw: true });
  await bulk.text();
  const started = await uninstall("box", { records: "export", file: file("killed.ndjson") });
  assert.equal(started.status, 202, started.text);
  await until(async () => (await events("plugin.removing")).length > 0);
  await service.kill();
  await service.restart();
  const job = await client.job(started.body.id);
  assert.equal(job.body.state, "done", job.text);
  assert.equal(await status("box"), undefined);
  assert.equal(readFileSync(file("killed.ndjson"), "utf8").trim().split("\n").length, 2000);
  await install("box", box);
  assert.equal((await client.get("/api/v1/things?count=exact")).body.count, 0);
});

test("the service stops cleanly, and nothing was wrong inside", async () => {
  assert.equal(await service.stop(), 0);
  assert.ok(!/Sanitizer|runtime error/.test(service.log), service.log);
});
