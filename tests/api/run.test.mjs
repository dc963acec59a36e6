// `proxenos run` and `proxenos shell`: Lua in the service, with the caller's rights, in the log.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Service, program } from "./service.mjs";

const service = new Service();
let client;
before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

const events = async (pattern) => (await client.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;
function script(text, ...args) {
  const file = path.join(service.folder, "script.lua");
  writeFileSync(file, text);
  return service.cli("run", file, ...args);
}
// Lines into a shell's standard input.
const piped = (lines, ...words) =>
  new Promise((resolve) => {
    const child = spawn(program, ["shell", "--data", service.folder, ...words]);
    let stdout = "", stderr = "";
    child.stdout.on("data", (bytes) => (stdout += bytes));
    child.stderr.on("data", (bytes) => (stderr += bytes));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(lines);
  });

test("run: arguments, output, exit code; it reads and writes as an automation may", async () => {
  const ran = await script(
    'local name, count = ...\nfor i = 1, tonumber(count) do px.store.create("organisation", { name = name .. i }) end\nprint(px.store.count("organisation"), name)\nreturn 3\n',
    "Mill", "4",
  );
  assert.deepEqual(ran, { code: 3, stdout: "4\tMill\n", stderr: "" });
  const rows = (await client.get("/api/v1/organisations?limit=10")).body.data;
  assert.match(rows[0].created_by, /^local:/);
  const [entry] = await events("run.started");
  assert.equal(entry.data.file, "script.lua");
  assert.deepEqual(entry.data.args, ["Mill", "4"]);
  assert.match(entry.actor, /^local:/);
});

test("run: what fails says what it had printed, why, and where", async () => {
  const broken = await script('print("before")\nlocal x = nil\nx.y = 1\n');
  assert.equal(broken.code, 1);
  assert.equal(broken.stdout, "before\n");
  assert.match(broken.stderr, /attempt to index a nil value/);
  assert.match(broken.stderr, /script\.lua:3/);
  assert.match((await script("x = = 1")).stderr, /unexpected symbol/);
  assert.match((await script("while true do end")).stderr, /2000 ms/);
  assert.match((await script('px.store.create("user", { name = "x" })')).stderr, /user/);
  assert.match((await script("--% can = { network = {} }\n")).stderr, /there is no key "network"/);
  assert.match((await script('px.on("a.b", function() end)')).stderr, /while main\.lua loads/);
  assert.equal((await service.cli("run", "/nothing/here.lua")).code, 1);
});

test("run: a unit of work is one; the head gives what an automation's gives", async () => {
  const undone = await script('px.store.tx(function()\n  px.store.create("organisation", { name = "Undone" })\n  error("no")\nend)\n');
  assert.equal(undone.code, 1);
  assert.equal((await client.get(`/api/v1/organisations?filter=${encodeURIComponent('name[eq]:"Undone"')}`)).body.data.length, 0);
  const limits = await script("--% limits = { run_ms = 100 }\nwhile true do end");
  assert.match(limits.stderr, /100 ms/);
});

test("shell -e: one expression; the exit code says whether it went", async () => {
  assert.deepEqual(await service.cli("shell", "-e", "1 + 1"), { code: 0, stdout: "2\n", stderr: "" });
  assert.match((await service.cli("shell", "-e", 'px.store.find("organisation", { limit = 1 })')).stdout, /"name": "Mill/);
  assert.equal((await service.cli("shell", "-e", "error('no')")).code, 1);
});

test("shell, piped: variables stay, several lines are one, values are printed, a mistake does not end it", async () => {
  const { code, stdout, stderr } = await piped("x = 20\nfunction twice(n)\n  return n * 2\nend\ntwice(x) + 2\nnothing.there\nx, nil, 'text'\n");
  assert.equal(stdout, "42\n20\nnil\ntext\n");
  assert.match(stderr, /nothing/);
  assert.equal(code, 1, "one line failed");
});

test("shell: read-only unless --write; each line in the log, by whom", async () => {
  const line = 'px.store.create("organisation", { name = "By shell" }).name';
  const refused = await service.cli("shell", "-e", line);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--write/);
  assert.equal((await service.cli("shell", "-e", 'px.store.kv.set("a", 1)')).code, 1);
  assert.equal((await service.cli("shell", "-e", 'px.bus.emit("shell.thing_done", {})', "--write")).code, 0);
  assert.equal((await service.cli("shell", "--write", "-e", line)).stdout, "By shell\n");
  const entries = await events("shell.ran");
  const mine = entries.filter((entry) => entry.data.code === line);
  assert.deepEqual(mine.map((entry) => entry.data.write), [false, true]);
  assert.match(mine[0].actor, /^local:/);
});

test("over the API: sessions are the caller's own, end when told, and are bounded", async () => {
  const say = (who, body) => who.post("/api/v1/shell", body);
  const first = await say(client, { code: "n = 1" });
  assert.equal(first.status, 200, first.text);
  const { session } = first.body;
  assert.equal((await say(client, { code: "n", session })).body.output, "1\n");
  const other = await service.client("admin", "other");
  assert.equal((await say(other, { code: "n", session })).status, 404);
  assert.equal((await say(client, { code: "n", session, end: true })).body.session, null);
  assert.equal((await say(client, { code: "n", session })).status, 404);
  const open = [];
  for (let i = 0; i < 16; i++) open.push((await say(client, { code: "" })).body.session);
  assert.equal((await say(client, { code: "" })).status, 503);
  for (const one of open) await say(client, { code: "", session: one, end: true });
  assert.equal((await say(client, { cod: "" })).status, 400);
  const user = await service.client("user");
  assert.equal((await say(user, { code: "1" })).status, 403);
  assert.equal((await user.post("/api/v1/run", { source: "" })).status, 403);
});

test("the service stops cleanly with a shell open, and nothing was wrong inside", async () => {
  await client.post("/api/v1/shell", { code: "x = 1" });
  assert.equal(await service.stop(), 0);
  assert.ok(!/Sanitizer|runtime error/.test(service.log), service.log);
});
