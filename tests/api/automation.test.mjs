// Automations as a user writes them: a file that is saved runs, one that is broken leaves the old one, one that is gone is gone.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service();
let client;
before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

const folder = () => path.join(service.folder, "automations");
// As editors do it: beside the file, then in its place.
function save(name, text) {
  writeFileSync(path.join(folder(), `.${name}.swp`), text);
  renameSync(path.join(folder(), `.${name}.swp`), path.join(folder(), name));
}
const automation = async (name) => (await client.get(`/api/v1/automations/${name}`)).body;
const becomes = (name, what) =>
  until(async () => {
    const one = await automation(name);
    return what(one) ? one : null;
  }, 20000);
const win = async (name) => {
  const made = await client.post("/api/v1/opportunities", { name });
  for (const stage of ["engaging", "won"]) assert.equal((await client.patch(`/api/v1/opportunities/${made.body.id}`, { stage })).status, 200);
};
const titles = async () => (await client.get("/api/v1/tasks?limit=1000&fields=title")).body.data.map((row) => row.title).filter((title) => title.startsWith("Write a thank"));
const events = async (pattern) => (await client.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;

// The text that README.md tells a new user to copy.
const documented = /cat > [^ ]*automations\/(\w+\.lua) <<'EOF'\n([^]*?)\nEOF\n/.exec(readFileSync(path.join(root, "README.md"), "utf8"));

test("the automation of the README: copied, it reacts; edited and saved, it reacts anew; no restart", async () => {
  const [, name, text] = documented;
  assert.ok(existsSync(folder()), "the folder is there from the start");
  const began = Date.now();
  save(name, text);
  await becomes(name, (one) => one.status === "running");
  assert.ok(Date.now() - began < 10000);
  await win("Olive oil for Rhodes");
  await until(async () => (await titles()).includes("Write a thank-you note"));
  // In place, as some editors do.
  writeFileSync(path.join(folder(), name), text.replaceAll("thank-you note", "thank-you letter"));
  const before = (await automation(name)).changed_at;
  await becomes(name, (one) => one.changed_at !== before);
  await win("Wine for Corfu");
  await until(async () => (await titles()).includes("Write a thank-you letter"));
  assert.equal((await titles()).length, 2, "once each");
});

test("broken on purpose: the old one goes on, and the error names file and line", async () => {
  const [, name, text] = documented;
  const lines = text.split("\n");
  save(name, [...lines.slice(0, 2), "  this is no Lua", ...lines.slice(2)].join("\n"));
  const shown = await becomes(name, (one) => one.error);
  assert.equal(shown.status, "running");
  assert.equal(shown.at, `${name}:3`);
  const listed = await service.cli("automation", "list");
  assert.match(listed.stdout, new RegExp(`${name} .*running.*${name}:3`));
  await win("Honey for Naxos");
  await until(async () => (await titles()).filter((title) => title === "Write a thank-you letter").length === 2);
  save(name, text);
  await becomes(name, (one) => one.status === "running" && !one.error);
});

test("a file that is gone is taken off; one that comes back goes on from its cursor", async () => {
  const [, name, text] = documented;
  rmSync(path.join(folder(), name));
  await until(async () => (await client.get(`/api/v1/automations/${name}`)).status === 404, 20000);
  const count = (await titles()).length;
  await win("Cheese for Tinos");
  save(name, text);
  await becomes(name, (one) => one.status === "running");
  await until(async () => (await titles()).length === count + 1);
});

test("what it may: every business object, its own events, schedules; never users; classed fields and routes when its head asks", async () => {
  save("asks.lua", `-- Looks at people.
--% can = { read = { "person#pii" }, http = true }
--% limits = { run_ms = 500 }
px.route("GET", "/people", function() return { json = px.store.count("person") } end)
px.on("organisation.created", function(event) px.bus.emit("automation_asks.organisation_seen", { name = event.after.name }) end)
`);
  const one = await becomes("asks", (shown) => shown.status === "running");
  assert.deepEqual(one.can.read, ["*", "person#pii"]);
  assert.equal(one.limits.run_ms, 500);
  assert.equal((await client.get("/x/automation_asks/people")).status, 200);
  await client.post("/api/v1/organisations", { name: "Seen" });
  await until(async () => (await events("automation_asks.*")).length === 1);
  save("users.lua", 'px.on("organisation.created", function(event) px.store.create("user", { name = "x" }) end)\n');
  await becomes("users", (shown) => shown.status === "running");
  await client.post("/api/v1/organisations", { name: "Refused" });
  const parked = async () => (await client.get("/api/v1/subscriptions")).body.data.find((row) => row.plugin === "automation_users");
  await until(async () => (await parked()).parked === 1);
  save("routes.lua", 'px.route("GET", "/x", function() return {} end)\n');
  assert.match((await becomes("routes", (shown) => shown.error)).error, /add http = true to can/);
});

const heads = {
  "unknown.lua": ["--% cann = {}\n", /the head of an automation has can.*not "cann"/, /unknown\.lua/],
  "place.lua": ["-- A line.\n--% can = {\n--%   read = { 7 },\n--% }\n", /text/, /place\.lua: can\.read\[2\]/],
  "syntax.lua": ["-- One.\n-- Two.\n--% can = {\n--%   read = {{\n", /./, /syntax\.lua:\d/],
  "name.lua": ['--% name = "other"\n', /not "name"/, /name\.lua/],
};
for (const [name, [text, reason, at]] of Object.entries(heads)) {
  test(`a wrong head (${name}) is named with its place`, async () => {
    save(name, text);
    const shown = await becomes(name, (one) => one.error);
    assert.equal(shown.status, "failed");
    assert.match(shown.error, reason);
    assert.match(shown.at, at);
  });
}

test("files that cannot be automations are named; what editors leave beside is not looked at", async () => {
  save("Big Name.lua", "");
  await until(async () => (await client.get("/api/v1/automations")).body.data.some((one) => one.file === "Big Name.lua" && one.status === "failed"));
  writeFileSync(path.join(folder(), "notes.txt"), "x");
  writeFileSync(path.join(folder(), "x.lua~"), "x");
  save("last.lua", "");
  await becomes("last", (one) => one.status === "running");
  const files = (await client.get("/api/v1/automations")).body.data.map((one) => one.file);
  assert.ok(!files.includes("notes.txt") && !files.includes("x.lua~"), files);
  assert.ok(!(await client.get("/api/v1/plugins")).body.data.some((one) => one.name.startsWith("automation_")));
});

test("in the log: who is loaded and removed; unchanged after a restart, no entry", async () => {
  const loaded = async () => (await events("automation.*")).filter((entry) => entry.data.file === "last.lua");
  assert.deepEqual((await loaded()).map((entry) => entry.type), ["automation.loaded"]);
  assert.equal(await service.stop(), 0);
  await service.restart();
  assert.equal((await automation("last")).status, "running");
  assert.equal((await loaded()).length, 1);
  const off = await service.cli("plugin", "disable", "automation_last");
  assert.equal(off.code, 0, off.stderr);
  await service.stop();
  await service.restart();
  assert.equal((await automation("last")).status, "disabled");
});

test("only administrators and auditors look", async () => {
  const user = await service.client("user");
  assert.equal((await user.get("/api/v1/automations")).status, 403);
  assert.equal((await user.get("/api/v1/automations/last")).status, 403);
});

test("the service stops cleanly, and nothing was wrong inside", async () => {
  assert.equal(await service.stop(), 0);
  assert.ok(!/Sanitizer|runtime error/.test(service.log), service.log);
});

// A line of /metrics.
async function figure(name, labels) {
  const { text } = await client.get("/metrics");
  const line = text.split("\n").find((one) => one.startsWith(`proxenos_plugins_${name}{${labels}}`));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

test("records read and written, handlers and their time are counted per plugin, over a reload", async () => {
  await service.restart();
  const name = "automation_counts";
  const top = async () => JSON.parse((await service.cli("plugin", "top", "--format", "json")).stdout).find((row) => row.name === name);
  const text = `px.on("organisation.created", { filter = 'starts(after.name, "Counted")' }, function(event)
  local first = px.store.find("organisation", { limit = 3 })
  px.store.get("organisation", event.id)
  for i = 1, #first - 1 do px.store.create("task", { title = "Counted " .. i }) end
end)\n`;
  save("counts.lua", text);
  await becomes("counts.lua", (one) => one.status === "running");
  for (let i = 0; i < 3; i++) await client.post("/api/v1/organisations", { name: `Filler ${i}` });
  for (const at of [1, 2]) await client.post("/api/v1/organisations", { name: `Counted ${at}` });
  // A handler that met a conflict ran, and read, again; what it wrote is written once.
  const wrote = (rows) => until(async () => {
    const row = await top();
    return row.rows_written === rows && row.backlog === 0 ? row : null;
  }, 20000);
  const before = await wrote(4);
  assert.equal(before.starts, 1);
  assert.ok(before.handled >= 2 && before.rows_read === 4 * before.handled, JSON.stringify(before));
  save("counts.lua", `-- again\n${text}`);
  await becomes("counts.lua", (one) => one.metrics.starts === 2);
  await client.post("/api/v1/organisations", { name: "Counted 3" });
  const after = await wrote(6);
  assert.ok(after.handled > before.handled && after.rows_read === 4 * after.handled, JSON.stringify(after));
  assert.ok(after.runs > before.runs && after.handler_p99_ms >= after.handler_p50_ms && after.handler_p50_ms >= 1);
  const labels = `plugin="${name}"`;
  assert.equal(await figure("rows_read_total", labels), after.rows_read);
  assert.equal(await figure("rows_written_total", labels), after.rows_written);
  assert.equal(await figure("running", labels), 1);
  assert.equal(await figure("starts_total", labels), 2);
  assert.equal(await figure("handler_seconds_count", labels), after.handled);
  assert.equal(await figure("handler_seconds_bucket", `${labels},le="+Inf"`), after.handled);
  assert.ok((await figure("cpu_seconds_total", labels)) > 0 && (await figure("memory_bytes", labels)) > 0);
  assert.equal(await figure("kills_total", labels), 0);
  const lines = (await client.get("/metrics")).text.split("\n").filter((line) => line.startsWith("# TYPE "));
  assert.equal(new Set(lines.map((line) => line.split(" ")[2])).size, lines.length, "each family is there once");
  rmSync(path.join(folder(), "counts.lua"));
});

test("plugin top shows what each uses; --safe leaves automations out, and their state as it was", async () => {
  const top = await service.cli("plugin", "top", "--format", "json");
  assert.equal(top.code, 0, top.stderr);
  const rows = JSON.parse(top.stdout);
  assert.ok(rows.some((row) => row.name === "relations" && row.memory_bytes > 0 && row.runs > 0), top.stdout);
  assert.ok(rows.some((row) => row.name === "automation_asks" && row.backlog === 0));
  assert.match((await service.cli("plugin", "top", "--once")).stdout, /cpu ms/);
  await service.stop();
  service.options.push("--safe");
  await service.restart();
  assert.deepEqual((await client.get("/api/v1/automations")).body.data, []);
  assert.equal((await client.get("/api/v1/plugins/relations")).body.status, "running");
  assert.equal(await service.stop(), 0);
});
