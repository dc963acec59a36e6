// The author's workshop as an author uses it: `plugin test` on plugins that are well and on some that are not.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { program, root } from "./service.mjs";

const plugins = path.join(root, "plugins");
const fixtures = path.join(root, "tests/fixtures/workshop");

// Runs the program: { code, stdout, stderr, lines: [{ text, at }] }; `at`: when the line came, ms.
function px(words, { cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const result = { stdout: "", stderr: "", lines: [] };
    let rest = "";
    child.stdout.on("data", (bytes) => {
      result.stdout += bytes;
      const parts = (rest + bytes).split("\n");
      rest = parts.pop();
      for (const text of parts) result.lines.push({ text, at: Date.now() });
    });
    child.stderr.on("data", (bytes) => (result.stderr += bytes));
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ ...result, code, signal }));
  });
}

// [{ ok, name, diagnostics: text }], as any reader of TAP would.
function readTap(text) {
  const lines = text.split("\n");
  assert.equal(lines[0], "TAP version 14");
  const tests = [];
  let inBlock = false;
  for (const line of lines) {
    const found = /^(not )?ok (\d+) - (.*)$/.exec(line);
    if (found) {
      tests.push({ ok: !found[1], name: found[3], diagnostics: "" });
      assert.equal(Number(found[2]), tests.length);
    }
    if (line === "  ---") inBlock = true;
    if (inBlock) tests.at(-1).diagnostics += `${line}\n`;
    if (line === "  ...") inBlock = false;
  }
  assert.ok(lines.includes(`1..${tests.length}`), "the plan is there");
  return tests;
}

test("a plugin's tests pass, one by one, with crashes behind each commit too", { timeout: 240000 }, async () => {
  const run = await px(["plugin", "test", path.join(fixtures, "visits"), "--plugins", plugins, "--chaos", "--points", "2", "--seed", "11"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const tests = readTap(run.stdout);
  assert.equal(tests.length, 9);
  assert.ok(tests.every(({ ok }) => ok));
  assert.match(run.stdout, /# plugin visits 1\.2\.0, seed 11\n/);
  assert.match(run.stdout, /# 9 of 9 passed\n/);
  assert.equal(run.stderr, "");
});

test("a run leaves nothing behind, and a killed one's folder goes with the next", { timeout: 120000 }, async () => {
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const orphan = path.join(place, "proxenos-workshop-999999999-abcdef");
  mkdirSync(orphan, { recursive: true });
  writeFileSync(path.join(orphan, "left"), "x");
  const child = spawn(program, ["plugin", "test", path.join(fixtures, "loses")], { stdio: "ignore" });
  await new Promise((resolve) => child.once("close", resolve));
  assert.ok(!existsSync(orphan));
  assert.deepEqual(readdirSync(place).filter((name) => name.startsWith(`proxenos-workshop-${child.pid}-`)), []);
});

test("a failure names its line and what was found instead", { timeout: 120000 }, async () => {
  const run = await px(["plugin", "test", path.join(fixtures, "loses"), "--seed", "3"]);
  assert.equal(run.code, 1);
  const [remembers, nearest, raises, loops, wants] = readTap(run.stdout);
  assert.ok(remembers.ok && !nearest.ok && !raises.ok && !loops.ok && !wants.ok);
  assert.match(nearest.diagnostics, /expected a record of note with name = \\"is not\\"; of 1 none .* name = \\"is there\\"/);
  assert.match(nearest.diagnostics, /code: "unmet"\n {2}at: "tests\/fails\.lua:9"\n/);
  assert.match(raises.diagnostics, /nil value \(local 'nothing'\)"\n {2}code: "lua"\n {2}at: "tests\/fails\.lua:14"/);
  assert.match(loops.diagnostics, /more than 200 ms.*\n {2}code: "budget"\n {2}at: "tests\/fails\.lua:1[89]"/);
  assert.match(wants.diagnostics, /message: "until here"/);
  assert.match(run.stdout, /# 1 of 5 passed/);
});

test("chaos finds what was kept in memory alone", { timeout: 120000 }, async () => {
  const run = await px(["plugin", "test", path.join(fixtures, "loses"), "--filter", "remembers", "--chaos"]);
  assert.equal(run.code, 1);
  const [remembers] = readTap(run.stdout);
  assert.match(remembers.diagnostics, /with a crash behind commit \d+: expected a record of note with name = \\"both\\"/);
});

test("chaos finds a flow that does not do the same each time", { timeout: 120000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-flow-chaos-"));
  try {
    mkdirSync(path.join(folder, "drifts/tests"), { recursive: true });
    writeFileSync(path.join(folder, "drifts/plugin.lua"), 'return { name = "drifts", version = "1.0.0", api = 1, default = true, can = {} }\n');
    writeFileSync(
      path.join(folder, "drifts/main.lua"),
      `local times = { 0 }
px.flow("steady", function(flow)
  local a = flow:step("a", function() return 1 end)
  return a + flow:step("b", function() return 2 end)
end)
px.flow("drifts", function(flow)
  times[1] = times[1] + 1
  flow:step("first " .. times[1], function() end)
  flow:step("then", function() end)
end)\n`,
    );
    writeFileSync(
      path.join(folder, "drifts/tests/flows.lua"),
      `test("steady", function(t) assert(t.flow("steady").result == 3) end)
test("drifts", function(t) assert(t.flow("drifts").state == "done") end)\n`,
    );
    const straight = await px(["plugin", "test", path.join(folder, "drifts")]);
    assert.equal(straight.code, 0, straight.stdout);
    const run = await px(["plugin", "test", path.join(folder, "drifts"), "--chaos"]);
    assert.equal(run.code, 1);
    const [steady, drifts] = readTap(run.stdout);
    assert.ok(steady.ok && !drifts.ok);
    assert.match(drifts.diagnostics, /first 1\\" at main\.lua:8.*first 2\\" at main\.lua:8/);
    assert.match(drifts.diagnostics, /code: "flow_diverged"/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the same seed gives the same run", { timeout: 120000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-seed-"));
  try {
    mkdirSync(path.join(folder, "draws/tests"), { recursive: true });
    writeFileSync(path.join(folder, "draws/plugin.lua"), 'return { name = "draws", version = "1.0.0", api = 1, can = {} }\n');
    writeFileSync(path.join(folder, "draws/main.lua"), 'px.command("draws one", function(_, out) out.line(math.random(1 << 40)) end)\n');
    writeFileSync(
      path.join(folder, "draws/tests/draws.lua"),
      'test("draws", function(t) error(t.command("draws one").output .. " " .. math.random(1 << 40) .. " " .. t.seed) end)\n',
    );
    const drawn = [];
    for (const seed of ["5", "5", "6"]) {
      const run = await px(["plugin", "test", path.join(folder, "draws"), "--seed", seed]);
      drawn.push(/message: "(.*)"/.exec(run.stdout)[1]);
    }
    assert.equal(drawn[0], drawn[1]);
    assert.notEqual(drawn[0], drawn[2]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("coverage tells the lines that did not run, as a table and as JSON", { timeout: 120000 }, async () => {
  const words = ["plugin", "test", path.join(fixtures, "visits"), "--plugins", plugins, "--filter", "Sunday", "--coverage"];
  const shown = await px(words);
  assert.equal(shown.code, 0, shown.stdout);
  assert.match(shown.stdout, /# dates\.lua +\d+ +\d+ +\d+\.\d +4, 8\n/);
  const json = await px([...words, "--format", "json"]);
  const files = JSON.parse(json.lines.at(-1).text);
  assert.deepEqual(files.map(({ file }) => file), ["dates.lua", "main.lua"]);
  const main = files.find(({ file }) => file === "main.lua");
  const text = readFileSync(path.join(fixtures, "visits/main.lua"), "utf8").split("\n");
  const line = (part) => text.findIndex((one) => one.includes(part)) + 1;
  assert.ok(main.missed.includes(line("px.bus.emit")));
  assert.ok(!main.missed.includes(line("nobody is visited")));
  assert.equal(main.lines, main.ran + main.missed.length);
});

test("what cannot begin says why", { timeout: 120000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-begin-"));
  try {
    const make = (name, files) => {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(folder, name, file)), { recursive: true });
        writeFileSync(path.join(folder, name, file), text);
      }
      return path.join(folder, name);
    };
    const manifest = (name, more = "") => `return { name = "${name}", version = "1.0.0", api = 1, can = {}, ${more} }\n`;
    const none = await px(["plugin", "test", make("none", { "plugin.lua": manifest("none"), "main.lua": "" })]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no test was run: tests\/\*\.lua register them/);
    const lacks = await px(["plugin", "test", make("lacks", { "plugin.lua": manifest("lacks", 'requires = { nothing = "^1.0" }') })]);
    assert.match(lacks.stdout, /Bail out! plugin\.lua: requires: the plugin nothing is neither beside/);
    const words = await px(["plugin", "test", make("words", { "plugin.lua": "return {\n  name = }\n" })]);
    assert.match(words.stdout, /Bail out! plugin\.lua:2: /);
    const schema = await px([
      "plugin", "test",
      make("schema", { "plugin.lua": manifest("schema"), "schema.lua": 'return { objects = { box = { fields = { { "a", "txet" } } } } }' }),
    ]);
    assert.match(schema.stdout, /Bail out! schema: objects\.box\.fields\[1\]\.type: /);
    const main = await px([
      "plugin", "test",
      make("main", { "plugin.lua": manifest("main"), "main.lua": "local x = nil\nx.y = 1\n", "tests/a.lua": 'test("a", function() end)' }),
    ]);
    assert.equal(main.code, 1);
    assert.match(main.stdout, /not ok 1 - tests\/a\.lua: a\n {2}---\n {2}message: "attempt to index a nil value/);
    const broken = await px(["plugin", "test", make("broken", { "plugin.lua": manifest("broken"), "main.lua": "", "tests/a.lua": "test(\n" })]);
    assert.match(broken.stdout, /not ok 1 - tests\/a\.lua loads\n[^]*at: "tests\/a\.lua:/);
    const missing = await px(["plugin", "test", path.join(folder, "nowhere")]);
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /Bail out! .*nowhere cannot be read/);
    assert.equal((await px(["plugin", "test", folder, "--seed", "x"])).code, 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

// ---- plugin new, check, pack ----

function scratch(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-workshop-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

test("a new plugin works, its check finds nothing, one of its tests waits to be fixed", { timeout: 120000 }, async (t) => {
  const folder = scratch(t);
  const made = await px(["plugin", "new", "site_visits", folder]);
  assert.equal(made.code, 0, made.stderr);
  const plugin = path.join(folder, "site_visits");
  for (const file of ["plugin.lua", "schema.lua", "main.lua", "README.md", ".luarc.json", "locale/en.lua", "locale/el.lua", "tests/notes.lua"]) {
    assert.ok(existsSync(path.join(plugin, file)), file);
  }
  assert.match(readFileSync(path.join(plugin, "plugin.lua"), "utf8"), /label = \{ en = "Site visits"/);
  const library = JSON.parse(readFileSync(path.join(plugin, ".luarc.json"), "utf8"))["workspace.library"];
  assert.deepEqual(readdirSync(path.join(plugin, library[0])).sort(), ["px.lua", "t.lua"]);
  for (const name of ["px", "t"]) {
    const types = readFileSync(path.join(plugin, library[0], `${name}.lua`), "utf8");
    assert.equal(types, readFileSync(path.join(plugins, "meta", `${name}.lua`), "utf8"));
  }
  const check = await px(["plugin", "check", plugin, "--strict"]);
  assert.equal(check.code, 0, check.stdout);
  assert.equal(check.stdout, "0 errors, 0 warnings\n");
  const run = await px(["plugin", "test", plugin]);
  assert.equal(run.code, 1);
  assert.deepEqual(readTap(run.stdout).map(({ ok }) => ok), [true, true, false]);

  const again = await px(["plugin", "new", "site_visits", folder]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /is there already/);
  for (const name of ["Visits", "9lives", "a__b", "x".repeat(31), "../up"]) {
    const bad = await px(["plugin", "new", name, folder]);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /is no name for a plugin/);
  }
});

test("check names each mistake with its place", { timeout: 60000 }, async (t) => {
  const folder = scratch(t);
  write(path.join(folder, "wrong"), {
    "plugin.lua": `return {
  name = "wrong", version = "1.0.0", api = 1, label = { en = "Wrong", el = "Λάθος" },
  can = { read = { "box", "person" }, write = { "box" }, emit = { "wrong.*" }, http = true },
  requires = { relations = "^1.0" },
  config = { { "days", "integer", default = 7 } },
}
`,
    "schema.lua": `return {
  objects = {
    box = {
      label = { en = "Box", el = "Κουτί" },
      fields = {
        { "name", "text", label = { en = "Name" } },
      },
    },
  },
}
`,
    "locale/en.lua": 'return { hello = "Hello", bye = "Bye" }\n',
    "locale/el.lua": 'return { hello = "Γεια" }\n',
    "helper.lua": `local store <const> = px.store
local M = {}
function M.all()
  -- px.store.nothing is only a comment
  local text = "px.store.nothing is only a text"
  return store.fnd("box"), [[px.no]], text
end
return M
`,
    "main.lua": `local helper = require "helper"
local other = require "othr"
px.on("boks.created", function(event) end)
px.on("box.created", function(event)
  px.on("box.updated", function() end)
  local bank = px.plugin("relations")
end)
px.before("box.create", function(drafts)
  local names = string.gsub("a b", "%a", function(word)
    return px.store.create("box", { name = word }).name
  end)
  names = names:gsub("x", helper.all)
end)
px.command("wrong go", function(args, out)
  px.store.tx(function()
    px.plugin("relations")
  end)
  px.store.create("task", { title = "x" })
  px.store.get(args.object, args.id)
  px.bus.emit("right.thing_done")
end)
`,
    "tests/a.lua": 'test("a", function(t)\n  t.bx()\n  t.box()\n  t.creat("box")\nend)\n',
    "broken.lua": "local x =\n",
  });
  const run = await px(["plugin", "check", path.join(folder, "wrong"), "--plugins", plugins, "--format", "json"]);
  assert.equal(run.code, 1);
  const found = JSON.parse(run.stdout);
  const has = (file, line, column, code, message, nearest) =>
    assert.ok(
      found.some(
        (one) =>
          one.file === file && one.line === line && (column === null || one.column === column) && one.code === code &&
          message.test(one.message) && one.nearest === nearest,
      ),
      `${file}:${line}:${column} ${code} ${message} ${nearest}\n${run.stdout}`,
    );
  has("helper.lua", 6, 10, "unknown_call", /there is no px\.store\.fnd/, "px.store.find");
  has("main.lua", 2, 23, "require", /no file othr\.lua/);
  has("main.lua", 3, 7, "unknown_object", /no object type "boks"/, "box");
  has("main.lua", 5, 3, "load", /px\.on registers while the file loads/);
  has("main.lua", 6, 16, "yield", /px\.plugin cannot be used inside an event's handler/);
  has("main.lua", 10, 12, "yield", /px\.store\.create waits, and a gsub callback cannot/);
  has("main.lua", 16, 5, "yield", /px\.plugin cannot be used inside px\.store\.tx/);
  has("main.lua", 18, 19, "capability", /writing task is not among/);
  has("main.lua", 20, 15, "capability", /emitting right\.thing_done is not among/);
  has("broken.lua", 2, null, "lua", /unexpected symbol/);
  has("plugin.lua", 3, null, "unused", /"http" is granted in can\.http/);
  has("plugin.lua", 3, 67, "unused", /"wrong\.\*" is granted in can\.emit\[1\]/);
  has("plugin.lua", 5, 14, "label", /config\[1\] has no label in Greek/);
  has("schema.lua", 6, 9, "label", /fields\[1\] has no label in Greek/);
  has("schema.lua", 3, 5, "label", /objects\.box has no plural in English/);
  has("locale/en.lua", 1, null, "label", /"bye" is not in locale\/el\.lua/);
  has("tests/a.lua", 2, 3, "unknown_call", /no function "bx"/);
  has("tests/a.lua", 4, 3, "unknown_call", /no function "creat"/, "create");
  // A read whose object only running would tell: nothing is said of what is never read.
  assert.ok(!found.some(({ message }) => /can\.read/.test(message)));
  assert.ok(!found.some(({ message }) => /px\.store\.nothing|px\.no/.test(message)));
  assert.ok(!found.some(({ file, line }) => file === "tests/a.lua" && line === 3));
});

test("check knows the methods of flows", { timeout: 60000 }, async (t) => {
  const folder = scratch(t);
  write(path.join(folder, "waits"), {
    "plugin.lua": 'return { name = "waits", version = "1.0.0", api = 1, label = { en = "Waits", el = "Περιμένει" }, can = {} }\n',
    "main.lua": `px.flow("one", function(flow, input)
  flow:sleep("1d")
  flow:sleeep("1d")
  local other = { anything = function() end }
  other:anything()
end)
local function two(run)
  run:step("a", function() return 1 end)
  run:stepp("b", function() return 1 end)
end
px.flow("two", two)
`,
  });
  const run = await px(["plugin", "check", path.join(folder, "waits"), "--format", "json"]);
  const found = JSON.parse(run.stdout).filter(({ code }) => code === "unknown_call");
  assert.deepEqual(
    found.map(({ line, column, nearest }) => [line, column, nearest]),
    [[3, 3, "sleep"], [9, 3, "step"]],
    run.stdout,
  );
});

test("check says where manifest and schema are wrong", { timeout: 60000 }, async (t) => {
  const folder = scratch(t);
  const check = async (name, files) => {
    write(path.join(folder, name), files);
    return px(["plugin", "check", path.join(folder, name)]);
  };
  const manifest = (name, more = "") =>
    `return {\n  name = "${name}", version = "1.0.0", api = 1, label = { en = "A", el = "Α" }, can = {},\n  ${more}\n}\n`;
  const words = await check("words", { "plugin.lua": manifest("words", "licence = 'x',"), "main.lua": "" });
  assert.match(words.stdout, /^plugin\.lua:3:3: error: there is no key "licence"; did you mean license\?/m);
  const schema = await check("schema", {
    "plugin.lua": manifest("schema"),
    "main.lua": "",
    "schema.lua": 'return {\n  objects = {\n    box = {\n      fields = {\n        { "a", "txet" },\n      },\n    },\n  },\n}\n',
  });
  assert.match(schema.stdout, /^schema\.lua:5:9: error: .*txet/m);
  const lacks = await check("lacks", { "plugin.lua": manifest("lacks", 'requires = { nothing = "^1.0" },'), "main.lua": "" });
  assert.match(lacks.stdout, /^plugin\.lua:3:3: error: the plugin nothing is not there/m);
  const none = await px(["plugin", "check", path.join(folder, "nowhere")]);
  assert.equal(none.code, 1);
  const warned = await check("warned", { "plugin.lua": manifest("warned", 'config = { { "a", "integer", default = 1 } },'), "main.lua": "" });
  assert.equal(warned.code, 0);
  assert.match(warned.stdout, /0 errors, 2 warnings/);
  assert.equal((await px(["plugin", "check", path.join(folder, "warned"), "--strict"])).code, 1);
});

test("the bundled plugins have no errors", { timeout: 60000 }, async () => {
  for (const name of readdirSync(plugins).filter((one) => existsSync(path.join(plugins, one, "plugin.lua")))) {
    const run = await px(["plugin", "check", path.join(plugins, name)]);
    assert.equal(run.code, 0, run.stdout);
  }
});

test("a packed plugin is the same file each time, and one with errors is not packed", { timeout: 60000 }, async (t) => {
  const folder = scratch(t);
  await px(["plugin", "new", "parcels", folder]);
  mkdirSync(path.join(folder, "out"));
  const first = await px(["plugin", "pack", "parcels"], { cwd: folder });
  const second = await px(["plugin", "pack", path.join(folder, "parcels"), "--output", path.join(folder, "out")]);
  assert.equal(first.code, 0, first.stderr);
  const bytes = readFileSync(path.join(folder, "parcels-0.1.0.pxp"));
  assert.deepEqual(bytes, readFileSync(path.join(folder, "out/parcels-0.1.0.pxp")));
  const hash = createHash("sha256").update(bytes).digest("hex");
  assert.equal(first.stdout, `parcels-0.1.0.pxp  ${hash}\n`);
  assert.ok(second.stdout.endsWith(`parcels-0.1.0.pxp  ${hash}\n`));
  const names = execFileSync("tar", ["tf", path.join(folder, "parcels-0.1.0.pxp")], { encoding: "utf8" });
  assert.match(names, /^locale\/el\.lua$/m);
  assert.doesNotMatch(names, /\.proxenos|\.luarc/);
  writeFileSync(path.join(folder, "parcels/main.lua"), "px.nothing()\n");
  const refused = await px(["plugin", "pack", "parcels", "--output", folder], { cwd: folder });
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /there is no px\.nothing/);
  assert.match(refused.stderr, /not packed/);
});

// ---- the network of a test ----

test("a test's network is what the test says, and what it does not say fails it", { timeout: 60000 }, async (t) => {
  const folder = scratch(t);
  write(path.join(folder, "asks"), {
    "plugin.lua": `return {
  name = "asks", version = "1.0.0", api = 1, label = { en = "Asks", el = "Ρωτά" },
  can = { net = { "https://a.example/*" } },
}
`,
    "main.lua": `px.command("asks one", function(args, out)
  local answer = px.net.fetch {
    url = "https://a.example/" .. args.path, method = args.method, json = args.json,
    retry = args.retry and { times = 2, first = "10s" } or nil,
  }
  out.write(answer.status .. " " .. answer.body .. " " .. (answer.headers["x-part"] or "-"))
end)
`,
    "tests/a.lua": `test("answers", function(t)
  t.net.respond("https://a.example/*", { status = 404, body = "none" })
  t.net.respond("POST https://a.example/b*d", { json = { ["α"] = 1 }, headers = { ["X-Part"] = "yes" }, times = 1 })
  local got = t.command("asks one", { path = "bcd", method = "POST", json = { x = px.date.parse("2026-01-01") } })
  assert(got.output == '200 {"α":1} yes', got.output)
  assert(t.command("asks one", { path = "bcd", method = "POST" }).output == "404 none -")
  local asked = t.net.requests()
  assert(#asked == 2 and asked[1].method == "POST" and asked[1].url == "https://a.example/bcd" and asked[1].json.x == "2026-01-01")
end)
test("fails as told", function(t)
  t.net.respond("https://a.example/x", { fail = "timeout" })
  t.refuses("timeout", t.command, "asks one", { path = "x", method = "POST" })
  local before = px.date.now()
  t.refuses("timeout", t.command, "asks one", { path = "x", method = "GET", retry = true })
  assert(#t.net.requests() == 4 and px.date.now() > before + "10s", tostring(px.date.now()))
  t.refuses("invalid", t.net.respond, "https://a.example/x", { stat = 1 })
  t.refuses("invalid", t.net.respond, "https://a.example/x", { fail = "often" })
end)
test("is not told", function(t)
  px.try(t.command, "asks one", { path = "secret", method = "POST" })
end)
`,
  });
  const run = await px(["plugin", "test", path.join(folder, "asks")]);
  const [answers, fails, untold] = readTap(run.stdout);
  assert.ok(answers.ok && fails.ok, run.stdout);
  assert.ok(!untold.ok);
  assert.match(untold.diagnostics, /asked POST https:\/\/a\.example\/secret, and the test has no answer for it/);
  const check = await px(["plugin", "check", path.join(folder, "asks")]);
  assert.equal(check.stdout, "0 errors, 0 warnings\n");
});

test("Ctrl-C ends a run, and nothing is left", { timeout: 120000 }, async () => {
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const child = spawn(program, ["plugin", "test", path.join(fixtures, "visits"), "--plugins", plugins, "--chaos"], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let asked = false;
  child.stdout.on("data", (bytes) => {
    output += bytes;
    if (!asked && /^ok 1/m.test(output)) asked = child.kill("SIGINT");
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 130);
  assert.match(output, /Bail out! interrupted\n$/);
  assert.deepEqual(readdirSync(place).filter((name) => name.startsWith(`proxenos-workshop-${child.pid}-`)), []);
});

// ---- plugin dev ----

test("dev serves, reloads on save, keeps what ran when a save is broken, and leaves nothing", { timeout: 180000 }, async (t) => {
  const folder = scratch(t);
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const plugin = path.join(folder, "drafts");
  await px(["plugin", "new", "drafts", folder]);
  const child = spawn(program, ["plugin", "dev", plugin, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (bytes) => (output += bytes));
  child.stderr.on("data", (bytes) => (output += bytes));
  const said = async (pattern) => {
    for (let i = 0; i < 1200 && !pattern.test(output); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(output, pattern);
  };
  await said(/# 2 of 3 passed[^]*watching/);
  const url = /^http:\/\/\S+/m.exec(output)[0];
  const authorization = /^Authorization: (Bearer \S+)$/m.exec(output)[1];
  const make = async () => {
    const response = await fetch(`${url}/api/v1/drafts_notes`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ text: "now", urgent: true }),
    });
    assert.equal(response.status, 201);
    const { created_at: at, due } = await response.json();
    return (Date.parse(due) - Date.parse(at.slice(0, 10))) / 86400000;
  };
  assert.equal(await make(), 7);
  const main = path.join(plugin, "main.lua");
  const text = readFileSync(main, "utf8");
  const fixed = text.replace('local days = px', 'local days = draft.urgent and 1 or px');
  writeFileSync(main, fixed);
  await said(/reloaded in \d+ ms[^]*# 3 of 3 passed[^]*watching/);
  assert.equal(await make(), 1);
  writeFileSync(main, `${fixed}\nthis is no Lua\n`);
  await said(/not reloaded, the one before goes on: main\.lua:\d+/);
  assert.equal(await make(), 1);
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 0, output);
  assert.match(output, /ended; nothing is left\n$/);
  assert.deepEqual(readdirSync(place).filter((name) => name.startsWith(`proxenos-workshop-${child.pid}-`)), []);
});
