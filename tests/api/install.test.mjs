// Plugins installed, upgraded, rolled back, granted and uninstalled while the service runs, as an administrator does it; what is
// wrong changes nothing, and a kill at any moment leaves the old version or the new one whole.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const place = mkdtempSync(path.join(tmpdir(), "proxenos-install-"));
const folder = path.join(place, "plugins"); // --plugins
mkdirSync(folder);
const service = new Service({ plugins: folder });
let client;
let sources = 0;

// The source of a plugin, in a folder of its own that is named as the plugin is.
function source(name, { version = "1.0.0", manifest = "", schema, main = "", files = {}, into } = {}) {
  const where = into ?? path.join(place, `source${++sources}`, name);
  mkdirSync(where, { recursive: true });
  const all = { "plugin.lua": `return { name = "${name}", version = "${version}", api = 1, ${manifest} }`, "main.lua": main, ...files };
  if (schema) all["schema.lua"] = schema;
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(where, file)), { recursive: true });
    writeFileSync(path.join(where, file), text);
  }
  return where;
}
const tar = (from, ...words) => execFileSync("tar", ["--format=ustar", "-C", from, ...words, "-cf", "-", ...readdirSync(from)], { maxBuffer: 64 << 20 });
const install = (body, query = "") => client.request("POST", `/api/v1/plugins${query}`, { body, headers: { "content-type": "application/x-tar" } });
const cli = (...words) => service.cli("plugin", ...words);
const plugin = async (name) => (await client.get(`/api/v1/plugins/${name}`)).body;
const change = (name, what, body, query = "") => client.post(`/api/v1/plugins/${name}/${what}${query}`, body);
const events = async (pattern) => (await client.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;
const kept = (name) => (existsSync(path.join(service.folder, "plugins", name)) ? readdirSync(path.join(service.folder, "plugins", name)).sort() : []);
const said = (word) => `px.route("GET", "/word", function() return { json = { word = "${word}" } } end)\n`;
const word = async (name) => (await client.get(`/x/${name}/word`)).body?.word;
const note = 'return { objects = { note = { fields = { { "name", "text" } } } } }';
const rights = 'can = { read = { "note" }, write = { "note" }, http = true },';

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(place, { recursive: true, force: true });
});

test("install: what it may do is shown and approved, then a copy of its own runs, also after a restart", async () => {
  const from = source("notes", { manifest: rights, schema: note, main: said("one"), files: { "locale/el.lua": "return {}", "README.md": "# Notes" } });
  const bundle = tar(from);
  const asked = await install(bundle);
  assert.equal(asked.status, 409, asked.text);
  assert.equal(asked.body.code, "approval_needed");
  assert.deepEqual(asked.body.difference.added, { read: ["note"], write: ["note"], http: true });
  assert.equal((await install(bundle, "?approve=0123")).status, 409);
  assert.deepEqual(kept("notes"), []);
  assert.equal((await client.get("/api/v1/plugins/notes")).status, 404, "nothing of it is there");
  const answer = await install(bundle, `?approve=${asked.body.difference.approve}`);
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers.get("location"), "/api/v1/plugins/notes");
  assert.equal(answer.body.status, "running");
  assert.equal(answer.body.source, "installed");
  assert.equal(await word("notes"), "one");
  assert.equal((await client.post("/api/v1/notes", { name: "a" })).status, 201);
  const copy = path.join(service.folder, "plugins/notes/1.0.0");
  assert.deepEqual(readdirSync(copy).sort(), ["README.md", "locale", "main.lua", "plugin.lua", "schema.lua"]);
  assert.equal(statSync(copy).mode & 0o777, 0o700);
  rmSync(from, { recursive: true });
  await service.stop();
  await service.restart();
  assert.equal(await word("notes"), "one");
  const [entry] = await events("plugin.installed");
  assert.equal(entry.data.plugin, "notes");
  assert.equal(entry.data.version, "1.0.0");
  assert.deepEqual(entry.data.can.read, ["note"]);
  assert.match(entry.actor, /^user:admin/);
});

test("install again: the same is the same; another content wants another version; an older one is refused", async () => {
  const again = await install(tar(source("notes", { manifest: rights, schema: note, main: said("one"), files: { "locale/el.lua": "return {}", "README.md": "# Notes" } })));
  assert.equal(again.status, 200, again.text);
  const other = await install(tar(source("notes", { manifest: rights, schema: note, main: said("other") })));
  assert.equal(other.status, 409);
  assert.match(other.body.detail, /raise the version/);
  assert.equal(other.body.errors[0].pointer, "plugin.lua: version");
  const older = await install(tar(source("notes", { version: "0.9.0", manifest: rights, schema: note })));
  assert.equal(older.status, 409);
  assert.match(older.body.detail, /older than 1\.0\.0.*rollback/);
  assert.equal(await word("notes"), "one");
  assert.equal((await events("plugin.installed")).length, 1);
});

test("upgrade: the new one takes over at an event boundary, with what px.save gives; the old copy is kept, older ones are not", async () => {
  const main = (say) => `count = 0
px.on("note.created", function(event) count = count + 1 end)
px.save(function() return count end)
px.restore(function(data, version) count = data; from = version end)
px.route("GET", "/word", function() return { json = { word = "${say}", count = count, from = from } } end)\n`;
  assert.equal((await install(tar(source("notes", { version: "1.1.0", manifest: rights, schema: note, main: main("two") })))).status, 200);
  const names = [];
  let going = true;
  const adding = (async () => {
    for (let i = 0; going; i++) {
      names.push(i);
      assert.equal((await client.post("/api/v1/notes", { name: `n${i}` })).status, 201);
    }
  })();
  for (let minor = 2; minor <= 6; minor++) {
    const answer = await install(tar(source("notes", { version: `1.${minor}.0`, manifest: rights, schema: note, main: main(`v${minor}`) })));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.previous, `1.${minor - 1}.0`);
  }
  going = false;
  await adding;
  const shown = async () => (await client.get("/x/notes/word")).body;
  await until(async () => (await shown()).count === names.length);
  assert.deepEqual(await shown(), { word: "v6", count: names.length, from: "1.5.0" });
  await until(() => kept("notes").length === 2);
  assert.deepEqual(kept("notes"), ["1.5.0", "1.6.0"]);
  const upgraded = await events("plugin.upgraded");
  assert.equal(upgraded.length, 6);
  assert.equal(upgraded.find((entry) => entry.data.version === "1.6.0").data.previous, "1.5.0");
});

const breaks = {
  "a syntax error": { main: "px.on(\n" },
  "an error while loading": { main: "local x = nil\nx()" },
  "an object type that cannot be": { schema: 'return { objects = { note = { fields = { { "name", "integer" } } } } }' },
  "a px.check that says no": { main: 'px.check(function() error("not today") end)' },
  "a px.restore that fails": { main: 'px.restore(function(data) error("what is this?") end)' },
  "a dependency that is not there": { manifest: `${rights} requires = { nobody = "^1.0" }` },
};
for (const [what, files] of Object.entries(breaks)) {
  test(`upgrade with ${what}: the old one goes on, and nothing is left of the new one, however often`, async () => {
    const bundle = tar(source("notes", { version: "2.0.0", manifest: rights, schema: note, main: "", ...files }));
    for (let i = 0; i < 2; i++) {
      const answer = await install(bundle);
      assert.ok(answer.status >= 400, answer.text);
      assert.ok(answer.body.detail.length > 10);
      const shown = await plugin("notes");
      assert.equal(shown.status, "running");
      assert.equal(shown.version, "1.6.0");
      assert.equal(shown.error, undefined);
      assert.deepEqual(kept("notes"), ["1.5.0", "1.6.0"]);
    }
    assert.equal(await word("notes"), "v6");
    assert.equal((await client.post("/api/v1/notes", { name: "still a text" })).status, 201);
  });
}

test("a check that fails once: the second try is the upgrade", async () => {
  const main = `px.check(function()\n  if px.store.find_one("note", { filter = { name = "open sesame" } }) == nil then error("locked") end\nend)\n${said("sesame")}`;
  const bundle = tar(source("notes", { version: "1.7.0", manifest: rights, schema: note, main: main.replace("find_one", "first") }));
  const locked = await install(bundle);
  assert.ok(locked.status >= 400, locked.text);
  assert.match(locked.body.detail, /locked/);
  await client.post("/api/v1/notes", { name: "open sesame" });
  const opened = await install(bundle);
  assert.equal(opened.status, 200, opened.text);
  assert.equal(await word("notes"), "sesame");
});

test("roll back: to the version before, once; further back by installing it", async () => {
  const back = await cli("rollback", "notes");
  assert.equal(back.stdout, "notes 1.6.0 is running\n", back.stderr);
  assert.equal(await word("notes"), "v6");
  await until(() => kept("notes").length === 1);
  const none = await change("notes", "rollback");
  assert.equal(none.status, 409);
  assert.match(none.body.detail, /no version of notes before 1\.6\.0 is kept/);
  const older = source("notes", { version: "1.2.0", manifest: rights, schema: note, main: said("older") });
  assert.equal((await cli("install", older)).code, 1);
  const asked = await cli("install", older, "--rollback");
  assert.equal(asked.stdout, "notes 1.2.0 is running\n", asked.stderr);
  assert.deepEqual((await events("plugin.rolled_back")).map((entry) => entry.data.version).sort(), ["1.2.0", "1.6.0"]);
  await service.stop();
  await service.restart();
  assert.equal(await word("notes"), "older");
});

test("roll back: refused where the object types cannot go back", async () => {
  const types = (max) => `return { objects = { slip = { fields = { { "name", "text", max = ${max} } } } } }`;
  const can = 'can = { read = { "slip" }, write = { "slip" } },';
  assert.equal((await cli("install", source("slips", { manifest: can, schema: types(3) }), "--grant")).code, 0);
  assert.equal((await cli("install", source("slips", { version: "1.1.0", manifest: can, schema: types(30) }))).code, 0);
  assert.equal((await client.post("/api/v1/slips", { name: "longer than three" })).status, 201);
  const refused = await change("slips", "rollback");
  assert.equal(refused.status, 422, refused.text);
  assert.match(refused.body.detail, /object types cannot go back to 1\.0\.0: .*slip/);
  const shown = await plugin("slips");
  assert.equal(`${shown.status} ${shown.version} ${shown.previous}`, "running 1.1.0 1.0.0");
});

test("new capabilities are asked for, and only those; fewer are not", async () => {
  const schema = 'return { objects = { slip = { fields = { { "name", "text", max = 30 } } } } }';
  const more = source("slips", { version: "1.2.0", schema, manifest: 'can = { read = { "slip", "user" }, write = { "slip" }, schedule = true },' });
  const asked = await cli("install", more);
  assert.equal(asked.code, 1);
  assert.match(asked.stderr, /slips 1\.2\.0 asks for\n {2}\+ read: \["user"\]\n {2}\+ schedule: true\n/);
  assert.equal((await plugin("slips")).version, "1.1.0");
  const fewer = await cli("install", source("slips", { version: "1.3.0", schema, manifest: 'can = { read = { "slip" } },' }));
  assert.equal(fewer.stdout, "slips 1.3.0 is running\n", fewer.stderr);
});

test("grant: apart from running; one that waited for it runs", async () => {
  source("guest", { manifest: 'default = true, can = { read = { "user" }, http = true }', main: said("guest"), into: path.join(service.folder, "plugins/guest") });
  await service.stop();
  await service.restart();
  assert.equal((await plugin("guest")).status, "waiting");
  const asked = await change("guest", "grant");
  assert.equal(asked.status, 409);
  assert.deepEqual(asked.body.difference.added, { read: ["user"], http: true });
  const granted = await cli("grant", "guest", "--yes");
  assert.equal(granted.stdout, "guest 1.0.0 is running\n", granted.stderr);
  assert.equal(await word("guest"), "guest");
  assert.equal((await cli("disable", "guest")).code, 0);
  source("guest", { version: "1.1.0", manifest: 'default = true, can = { read = { "user", "team" }, http = true }', into: path.join(service.folder, "plugins/guest") });
  const { difference } = (await change("guest", "grant")).body;
  assert.deepEqual(difference.added, { read: ["team"] });
  assert.equal((await change("guest", "grant", undefined, `?approve=${difference.approve}`)).body.status, "disabled", "it stays off");
  assert.equal((await change("guest", "enable")).body.status, "running");
  assert.equal((await events("plugin.granted")).filter((entry) => entry.data.plugin === "guest").length, 2);
});

const bad = {
  "no tar": [() => Buffer.from("hello, this is no tar"), 400, "invalid", /tar/],
  "an empty body": [() => Buffer.alloc(0), 400, "invalid", /bundle/],
  "a tar of nothing": [() => Buffer.alloc(1024), 422, "manifest", /no plugin\.lua/],
  "the folder instead of what is in it": [() => tar(path.dirname(source("lost"))), 422, "manifest", /what is in the plugin's folder/],
  "a path that leads outside": [() => tar(source("lost", { files: { "x.lua": "" } }), "--transform=s,x.lua,../x.lua,", "-P"), 400, "invalid", /called by/],
  "a link": [
    () => {
      const from = source("lost");
      symlinkSync("/etc/passwd", path.join(from, "secrets.lua"));
      return tar(from);
    },
    400,
    "invalid",
    /a link/,
  ],
  "a hidden file": [() => tar(source("lost", { files: { ".git/config": "" } })), 400, "invalid", /beginning with a dot/],
  "a file that is cut off": [() => tar(source("lost", { files: { "big.lua": "-".repeat(9000) } })).subarray(0, 5000), 400, "invalid", /cut off/],
  "a checksum that is wrong": [
    () => {
      const bytes = tar(source("lost"));
      bytes[150] ^= 1;
      return bytes;
    },
    400,
    "invalid",
    /checksum/,
  ],
  "too much Lua": [() => tar(source("lost", { files: { "big.lua": "-".repeat(9 << 20) } })), 413, "limit", /Lua files/],
  "too many files": [() => tar(source("lost", { files: Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`f${i}.lua`, ""])) })), 413, "limit", /files/],
  "a name that is none": [() => tar(source("Lost!")), 422, "manifest", /a name is/],
  "a name of ours": [() => tar(source("core")), 422, "manifest", /not for plugins plugin\.lua: name/],
  "a name of automations": [() => tar(source("automation_x")), 422, "manifest", /automations/],
  "a version that is none": [() => tar(source("lost", { version: "one" })), 422, "manifest", /three numbers/],
  "a manifest with an unknown key": [() => tar(source("lost", { manifest: "cann = {}" })), 422, "manifest", /did you mean can/],
  "a manifest that runs code": [() => tar(source("lost", { manifest: "label = { en = print(1) }" })), 422, "manifest", /plugin\.lua|print/],
  "a capability that means nothing": [() => tar(source("lost", { manifest: 'can = { read = { "nothing_like_it" } }' })), 409, "approval_needed", /./],
};
for (const [what, [make, status, code, detail]] of Object.entries(bad)) {
  test(`a bundle with ${what}: refused with its place, nothing changed`, async () => {
    const list = (await client.get("/api/v1/plugins")).body.data.map((one) => one.name);
    const answer = await install(make());
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.code, code, answer.text);
    assert.match(`${answer.body.detail} ${answer.body.errors?.[0]?.pointer ?? ""}`, detail);
    assert.deepEqual((await client.get("/api/v1/plugins")).body.data.map((one) => one.name), list);
    assert.deepEqual(kept("lost"), []);
  });
}

test("a bundle that is too large is refused before it is read", async () => {
  const file = path.join(place, "large.tar");
  writeFileSync(file, Buffer.alloc(17 << 20));
  const answer = await cli("install", file);
  assert.equal(answer.code, 1);
  assert.match(answer.stderr, /limit/);
});

test("a wrong content type, a plugin that lies in a folder already", async () => {
  assert.equal((await client.post("/api/v1/plugins", { name: "x" })).status, 415);
  const over = await install(tar(source("guest", { version: "3.0.0" })));
  assert.equal(over.status, 409);
  assert.match(over.body.detail, /lies in .*put by hand/);
  assert.equal((await change("guest", "rollback")).status, 409);
  assert.match((await change("guest", "uninstall")).body.detail, /not installed: it lies in/);
});

test("folders that appear, and go, are seen without a restart", async () => {
  const names = async () => Object.fromEntries((await client.get("/api/v1/plugins")).body.data.map((one) => [one.name, one.status]));
  const from = source("late", { main: said("late"), manifest: "can = { http = true }" });
  cpSync(from, path.join(folder, "late"), { recursive: true });
  assert.equal((await names()).late, "available");
  assert.match((await cli("list")).stdout, /late +1\.0\.0 +available/);
  cpSync(source("later"), path.join(service.folder, "plugins/later"), { recursive: true });
  assert.equal((await cli("enable", "later")).stdout, "later 1.0.0 is running\n", "without a look at the list");
  assert.equal((await cli("enable", "late")).stdout, "late 1.0.0 is running\n");
  assert.equal(await word("late"), "late");
  rmSync(path.join(folder, "late"), { recursive: true });
  assert.equal((await names()).late, "running", "what runs goes on");
  assert.equal((await cli("disable", "late")).code, 0);
  assert.equal((await names()).late, undefined);
  mkdirSync(path.join(folder, "broken"));
  writeFileSync(path.join(folder, "broken/plugin.lua"), "return {");
  assert.equal((await names()).broken, "available");
  assert.match((await plugin("broken")).error, /plugin\.lua|expected/);
  rmSync(path.join(folder, "broken"), { recursive: true });
});

test("a backup brings installed plugins along", async (t) => {
  const to = path.join(place, "backup");
  const made = await service.cli("backup", to);
  assert.equal(made.code, 0, made.stderr);
  const restored = new Service({ plugins: folder, folder: path.join(place, "restored") });
  t.after(() => restored.remove());
  const answer = await restored.cli("restore", to);
  assert.equal(answer.code, 0, answer.stderr);
  await restored.start();
  const { body } = await (await restored.client("admin")).get("/api/v1/plugins/notes");
  assert.equal(`${body.status} ${body.version} ${body.source}`, "running 1.2.0 installed");
  assert.equal((await (await restored.client("admin")).get("/x/notes/word")).body.word, "older");
  assert.equal(await restored.stop(), 0);
});

test("only administrators; nothing that is not there", async () => {
  const reader = await service.client("reader");
  const bundle = tar(source("lost"));
  assert.equal((await reader.request("POST", "/api/v1/plugins", { body: bundle, headers: { "content-type": "application/x-tar" } })).status, 403);
  for (const what of ["grant", "rollback", "uninstall"]) {
    assert.equal((await reader.post(`/api/v1/plugins/notes/${what}`)).status, 403);
    assert.equal((await change("nothing", what)).status, 404);
    assert.equal((await change("notes", what, undefined, "?approv=x")).status, 400);
  }
  assert.equal((await install(bundle, "?rollback=yes")).status, 400);
  assert.equal((await cli("install", "/nowhere")).code, 1);
});

test("the service stops cleanly, and nothing was wrong inside", async () => {
  assert.equal(await service.stop(), 0);
  assert.ok(!/Sanitizer|runtime error/.test(service.log), service.log);
});
