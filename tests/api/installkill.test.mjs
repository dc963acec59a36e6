// Kills at random moments while plugins are installed and upgraded: the old version or the new one is there, whole, and nothing
// else; and starts that a plugin ends are counted, so that the service comes up without it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";
import { random } from "./kill.mjs";

function write(where, version, main = "", manifest = "") {
  mkdirSync(where, { recursive: true });
  const name = path.basename(where);
  writeFileSync(path.join(where, "plugin.lua"), `return { name = "${name}", version = "${version}", api = 1, ${manifest} }`);
  writeFileSync(path.join(where, "main.lua"), `px.route("GET", "/word", function() return { json = { word = "${version}" } } end)\n${main}`);
  for (let i = 0; i < 20; i++) writeFileSync(path.join(where, `part${i}.lua`), `return "${version} ${"x".repeat(3000)}"`);
}

const cycles = Number(process.env.PROXENOS_INSTALL_CYCLES ?? 8); // more in scripts/soak

test("kill -9 while installing and upgrading: old or new, whole", { timeout: 240000 + cycles * 3000 }, async (t) => {
  const seed = Number(process.env.PROXENOS_TEST_SEED ?? Date.now() % 1000000);
  const chance = random(seed);
  t.diagnostic(`seed ${seed}`);
  const place = mkdtempSync(path.join(tmpdir(), "proxenos-install-kill-"));
  const plugins = path.join(place, "none");
  mkdirSync(plugins);
  const service = await new Service({ plugins }).start();
  t.after(async () => {
    await service.remove();
    rmSync(place, { recursive: true, force: true });
  });
  const client = await service.client("admin");
  const can = 'can = { http = true }';
  let installed = "1.0.0"; // as acknowledged
  write(path.join(place, "first", "box"), installed, "", can);
  const began = Date.now();
  assert.equal((await service.cli("plugin", "install", path.join(place, "first", "box"), "--grant")).code, 0);
  const takes = Date.now() - began; // here and now: the kills come around its end
  const seen = { old: 0, new: 0 };
  for (let i = 1; i <= cycles; i++) {
    const next = `1.${i}.0`;
    const from = path.join(place, `source${i}`, "box");
    write(from, next, "", can);
    const trying = service.cli("plugin", "install", from, "--grant");
    await new Promise((resolve) => setTimeout(resolve, takes * (0.4 + chance() * 0.8)));
    await service.kill();
    const acknowledged = (await trying).code === 0;
    await service.restart();
    const shown = (await client.get("/api/v1/plugins/box")).body;
    const version = shown.version;
    assert.ok(version === next || (version === installed && !acknowledged), `${version} after ${installed} → ${next}, acknowledged ${acknowledged}`);
    seen[version === next ? "new" : "old"]++;
    assert.equal(shown.status, "running", JSON.stringify(shown));
    assert.equal((await client.get("/x/box/word")).body.word, version);
    const folder = path.join(service.folder, "plugins/box");
    const kept = existsSync(folder) ? readdirSync(folder).sort() : [];
    assert.deepEqual(kept, [shown?.previous, version].filter(Boolean).sort(), "no leftovers");
    for (const one of kept) {
      assert.equal(readdirSync(path.join(folder, one)).length, 22);
      for (const part of readdirSync(path.join(folder, one))) assert.ok(readFileSync(path.join(folder, one, part), "utf8").includes(one));
    }
    installed = version;
  }
  const upgraded = (await client.get("/api/v1/events?limit=1000&pattern=plugin.*")).body.data.filter((entry) => entry.data.plugin === "box");
  assert.equal(upgraded.filter((entry) => /installed|upgraded/.test(entry.type)).length, seen.new + 1, "an event for each that is there");
  t.diagnostic(`${cycles} kills: ${seen.old} times the old one, ${seen.new} times the new one`);
  assert.equal(await service.stop(), 0);
});

test("a start that a plugin ends: once is forgiven, twice in a row it is left off until it is enabled", { timeout: 240000 }, async (t) => {
  const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-boot-"));
  const hangs = path.join(plugins, "hangs");
  const manifest = "default = true, can = { http = true }, limits = { run_ms = 60000 }";
  const forever = "while true do end\n";
  write(hangs, "1.0.0", "", manifest);
  write(path.join(plugins, "needs"), "1.0.0", "", 'default = true, can = { http = true }, requires = { hangs = "^1.0" }');
  write(path.join(plugins, "other"), "1.0.0", "", manifest);
  const service = await new Service({ plugins }).start();
  t.after(async () => {
    await service.remove();
    rmSync(plugins, { recursive: true, force: true });
  });
  const client = await service.client("admin");
  const plugin = async (name) => (await client.get(`/api/v1/plugins/${name}`)).body;
  const loading = path.join(service.folder, "loading");
  assert.ok(!existsSync(loading));
  async function endedStart() {
    service.log = "";
    const last = existsSync(loading) ? statSync(loading).mtimeMs : 0; // what the start before left is there still
    const starting = service.start().catch(() => {});
    await until(() => existsSync(loading) && statSync(loading).mtimeMs > last && readFileSync(loading, "utf8") === "hangs");
    await service.kill();
    await starting;
  }
  await service.stop();

  // Failing once: the next start is as any other.
  write(hangs, "1.0.0", forever, manifest);
  await endedStart();
  write(hangs, "1.0.0", "", manifest);
  await service.restart();
  assert.equal((await plugin("hangs")).status, "running");
  await service.stop();

  // Once more, after a start that came up: again the first time.
  write(hangs, "1.0.0", forever, manifest);
  await endedStart();
  write(hangs, "1.0.0", "", manifest);
  await service.restart();
  assert.equal((await plugin("hangs")).status, "running");
  await service.stop();

  // Failing for ever.
  write(hangs, "1.0.0", forever, manifest);
  await endedStart();
  await endedStart();
  await service.restart();
  const shown = await plugin("hangs");
  assert.equal(shown.status, "failed");
  assert.match(shown.error, /ended 2 times in a row while it was loading.*plugin enable hangs/);
  assert.equal((await plugin("other")).status, "running");
  assert.match((await plugin("needs")).error, /hangs \^1\.0, which does not run/);
  assert.match((await service.cli("plugin", "list")).stdout, /hangs +1\.0\.0 +failed +the service ended 2 times/);
  await service.stop();
  await service.restart();
  assert.equal((await plugin("hangs")).status, "failed", "it stays off");
  const told = (await client.get("/api/v1/events?limit=1000&pattern=plugin.left_off")).body.data;
  assert.deepEqual(told.map((entry) => entry.data.plugin), ["hangs"]);

  // Corrected and enabled: it runs, and what needs it; its count begins anew.
  write(hangs, "1.0.1", "", manifest);
  const enabled = await service.cli("plugin", "enable", "hangs");
  assert.equal(enabled.stdout, "hangs 1.0.1 is running\n", enabled.stderr);
  await until(async () => (await plugin("needs")).status === "running");
  await service.stop();
  await service.restart();
  assert.equal((await plugin("hangs")).status, "running");
  assert.equal(await service.stop(), 0);
});

test("an automation that ends two starts is left off until it is saved anew", { timeout: 120000 }, async (t) => {
  const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-boot-"));
  const service = await new Service({ plugins }).start();
  t.after(async () => {
    await service.remove();
    rmSync(plugins, { recursive: true, force: true });
  });
  const client = await service.client("admin");
  const loading = path.join(service.folder, "loading");
  const file = path.join(service.folder, "automations/loop.lua");
  await service.stop();
  writeFileSync(file, "--% limits = { run_ms = 60000 }\nwhile true do end\n");
  for (let i = 0; i < 2; i++) {
    const last = existsSync(loading) ? statSync(loading).mtimeMs : 0;
    service.log = "";
    const starting = service.start().catch(() => {});
    await until(() => existsSync(loading) && statSync(loading).mtimeMs > last && readFileSync(loading, "utf8") === "automation_loop");
    await service.kill();
    await starting;
  }
  await service.restart();
  const shown = async () => (await client.get("/api/v1/automations/loop")).body;
  assert.match((await shown()).error, /ended 2 times in a row/);
  writeFileSync(file, 'px.log.info("corrected")\n');
  await until(async () => (await shown()).status === "running");
  assert.equal(await service.stop(), 0);
});
