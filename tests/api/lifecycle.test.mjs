// Plugins changed while the service runs: on, off, read again; what breaks leaves the old one in its place.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "proxenos-lifecycle-"));
const service = new Service({ plugins: folder });
let client;

// Files of a made-up plugin; `main` is its main.lua.
function write(name, { version = "1.0.0", schema, main, manifest = "" }) {
  mkdirSync(path.join(folder, name), { recursive: true });
  const file = (which, text) => writeFileSync(path.join(folder, name, which), text);
  file("plugin.lua", `return { name = "${name}", version = "${version}", api = 1, ${manifest} }`);
  if (schema) file("schema.lua", schema);
  file("main.lua", main);
}

const note = 'return { objects = { note = { fields = { { "name", "text" }, { "by", "text" } } } } }';
const keeps = (word) => `
local count = 0
px.on("note.created", function(event)
  count = count + 1
  if event.after.by == nil then
    px.store.create("note", { name = event.after.name, by = "${word}" .. count })
  end
end)
px.save(function() return { count = count } end)
px.restore(function(data, version) count = data.count; came_from = version end)
px.route("GET", "/word", function() return { json = { word = "${word}", count = count, from = came_from } } end)
px.before("note.delete", function(drafts) px.refuse(nil, "kept by ${word}") end)
px.command("notes word", function(args, out) out.line("${word}") end)
px.export { word = function() return "${word}" end }
`;
const rights = 'default = true, can = { read = { "note" }, write = { "note" }, http = true }';

before(async () => {
  write("notes", { schema: note, manifest: rights, main: keeps("one") });
  write("asks", {
    manifest: 'default = true, requires = { notes = "^1.0" }, can = { http = true }',
    main: 'px.route("GET", "/word", function() return { json = px.plugin("notes").word() } end)',
  });
  await service.start();
  client = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(folder, { recursive: true, force: true });
});

const plugin = async (name) => (await client.get(`/api/v1/plugins/${name}`)).body;
const change = (name, what, query = "") => client.post(`/api/v1/plugins/${name}/${what}${query}`);
const add = async (name) => assert.equal((await client.post("/api/v1/notes", { name })).status, 201);
const by = async (name) =>
  (await client.get(`/api/v1/notes?limit=1000&filter=${encodeURIComponent(`name[eq]:"${name}"`)}`)).body.data.map((row) => row.by).filter((word) => word);
const events = async (pattern) => (await client.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;

test("reload: handlers, routes, hooks, commands and exports are the new ones; px.save hands over to px.restore", async () => {
  await add("a");
  await until(async () => (await by("a")).length === 1);
  assert.deepEqual(await by("a"), ["one1"]);
  const before = (await client.get("/x/notes/word")).body;
  write("notes", { version: "1.1.0", schema: note, manifest: rights, main: keeps("two") });
  const answer = await change("notes", "reload");
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.version, "1.1.0");
  assert.deepEqual((await client.get("/x/notes/word")).body, { word: "two", count: before.count, from: "1.0.0" });
  await add("b");
  await until(async () => (await by("b")).length === 1);
  assert.match((await by("b"))[0], /^two/);
  assert.equal((await client.get("/x/asks/word")).body, "two", "a dependent calls the new one");
  const [first] = (await client.get("/api/v1/notes?limit=1")).body.data;
  assert.match((await client.delete(`/api/v1/notes/${first.id}`)).body.detail, /kept by two/);
  assert.equal((await service.cli("notes", "word")).stdout, "two\n");
  const [entry] = await events("plugin.reloaded");
  assert.equal(entry.data.version, "1.1.0");
  assert.match(entry.actor, /^user:admin/);
});

const breaks = {
  "a syntax error": [{ main: "px.on(\n" }, "lua", /main\.lua:\d/],
  "an error while loading": [{ main: 'local x = nil\nx()' }, "lua", /main\.lua:2/],
  "a broken manifest": [{ manifest: "can = 7", main: "" }, "manifest", /plugin\.lua/],
  "an object type that cannot be": [{ schema: 'return { objects = { note = { fields = { { "name", "integer" } } } } }', main: "" }, "schema", /note/],
  "a px.check that says no": [{ main: 'px.check(function() error("not today") end)' }, "lua", /main\.lua:1/],
  "a px.restore that fails": [{ main: 'px.restore(function(data) error("what is this?") end)' }, "lua", /main\.lua:1/],
  "a wrong filter": [{ main: 'px.on("note.created", { filter = "((" }, function() end)' }, null, /./],
  "a version that a dependent cannot use": [{ version: "2.0.0", main: "" }, "dependency", /./],
};
for (const [what, [files, code, at]] of Object.entries(breaks)) {
  test(`reload with ${what}: the old one goes on, the error says where`, async () => {
    write("notes", { version: "1.2.0", schema: note, manifest: rights, main: keeps("broken"), ...files });
    const answer = await change("notes", "reload");
    assert.ok(answer.status >= 400, answer.text);
    if (code) assert.equal(answer.body.code, code, answer.text);
    const shown = await plugin("notes");
    assert.equal(shown.status, "running");
    assert.equal(shown.version, "1.1.0");
    assert.match(`${shown.at} ${shown.error}`, at);
    assert.equal((await client.get("/x/notes/word")).body.word, "two");
    await add(what);
    await until(async () => (await by(what)).length === 1);
    assert.match((await by(what))[0], /^two/);
  });
}

test("reload under load: every event is handled once, in one edition or the other", async () => {
  const names = [];
  let going = true;
  const adding = (async () => {
    for (let i = 0; going; i++) {
      names.push(`load${i}`);
      await add(`load${i}`);
    }
  })();
  for (let i = 0; i < 12; i++) {
    write("notes", { version: "1.3.0", schema: note, manifest: rights, main: keeps(`load${i}x`) });
    assert.equal((await change("notes", "reload")).status, 200);
  }
  going = false;
  await adding;
  const all = async () => {
    const rows = [];
    for (let after = ""; after !== null; ) {
      const { body } = await client.get(`/api/v1/notes?limit=1000&fields=name,by${after ? `&after=${encodeURIComponent(after)}` : ""}`);
      rows.push(...body.data);
      after = body.next;
    }
    return rows.filter((row) => row.by && row.name.startsWith("load"));
  };
  await until(async () => (await all()).length >= names.length);
  const rows = await all();
  assert.deepEqual(rows.map((row) => row.name).sort(), [...names].sort(), "once each");
  // px.save carried the count over each boundary: no number twice.
  const counts = rows.map((row) => row.by.match(/\d+$/)[0]);
  assert.equal(new Set(counts).size, counts.length);
});

test("new fields and types come with a reload", async () => {
  const more = 'return { objects = { note = { fields = { { "name", "text" }, { "by", "text" }, { "stars", "integer", default = 3 } } }, star = { fields = { { "name", "text" } } } } }';
  write("notes", { version: "1.4.0", schema: more, manifest: rights, main: keeps("stars") });
  assert.equal((await change("notes", "reload")).status, 200);
  assert.equal((await client.get("/api/v1/notes?limit=1")).body.data[0].stars, 3);
  assert.equal((await client.post("/api/v1/stars", { name: "Vega" })).status, 201);
});

test("off and on: refused while others need it; events wait meanwhile; it stays so after a restart", async () => {
  const refused = await change("notes", "disable");
  assert.equal(refused.status, 409);
  assert.match(refused.body.detail, /needed by asks/);
  const off = await service.cli("plugin", "disable", "asks");
  assert.equal(off.stdout, "asks 1.0.0 is disabled\n", off.stderr);
  assert.equal((await client.get("/x/asks/word")).status, 404);
  assert.equal((await service.cli("plugin", "disable", "notes")).code, 0);
  assert.equal((await client.get("/api/v1/notes")).status, 404, "its types are not served");
  assert.equal((await change("notes", "reload")).status, 409);
  assert.equal((await change("asks", "enable")).body.code, "dependency");
  await service.stop();
  await service.restart();
  assert.equal((await plugin("notes")).status, "disabled");
  assert.equal((await service.cli("plugin", "enable", "notes")).stdout, "notes 1.4.0 is running\n");
  await until(async () => (await plugin("asks")).status === "disabled");
  assert.equal((await change("asks", "enable")).status, 200);
  assert.equal((await client.get("/x/asks/word")).body, "stars");
  await add("after all");
  await until(async () => (await by("after all")).length === 1);
  await service.stop();
  await service.restart();
  assert.equal((await plugin("notes")).status, "running");
  assert.equal((await client.get("/x/asks/word")).body, "stars");
  const all = (await events("plugin.*")).map((entry) => `${entry.type} ${entry.data.plugin}`);
  for (const line of ["plugin.disabled asks", "plugin.disabled notes", "plugin.enabled notes", "plugin.enabled asks"]) assert.ok(all.includes(line), line);
});

test("a plugin stopped by force three times is suspended, says so in the log, and enable lifts it", async () => {
  const loops = (then) => `
px.on("note.created", { retry = { times = 1, first = "50ms" }, key = "id" }, function(event)
  if event.after.by == nil and event.after.name:sub(1, 4) == "kill" then ${then} end
end)`;
  const manifest = 'requires = { notes = "^1.0" }, can = { read = { "note" }, write = { "note" } }, limits = { run_ms = 100 }';
  write("loops", { manifest, main: loops("while true do end") });
  // It is not in the list that was read at the start.
  await service.stop();
  await service.restart();
  assert.equal((await change("loops", "enable")).status, 200);
  for (let i = 0; i < 3; i++) await add(`kill${i}`);
  await until(async () => (await plugin("loops")).status === "suspended");
  const [alarm] = await until(async () => ((await events("plugin.suspended")).length > 0 ? events("plugin.suspended") : null));
  assert.equal(alarm.data.plugin, "loops");
  await add("kill-later");
  write("loops", { manifest, main: loops('px.store.create("note", { name = event.after.name, by = "lifted" })') });
  assert.equal((await change("loops", "enable")).status, 200);
  assert.equal((await plugin("loops")).status, "running");
  await until(async () => (await by("kill-later")).includes("lifted"));
});

test("only administrators; nothing that is not there", async () => {
  const reader = await service.client("reader");
  for (const what of ["enable", "disable", "reload"]) {
    assert.equal((await reader.post(`/api/v1/plugins/notes/${what}`)).status, 403);
    assert.equal((await change("nothing", what)).status, 404);
    assert.equal((await change("notes", what, "?approv=x")).status, 400);
  }
  assert.equal((await service.cli("plugin", "reload", "nothing")).code, 1);
});

test("the service stops cleanly, and nothing was wrong inside", async () => {
  assert.equal(await service.stop(), 0);
  assert.ok(!/Sanitizer|runtime error/.test(service.log), service.log);
});
