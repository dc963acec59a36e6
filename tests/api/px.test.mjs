// px from outside: routes of a plugin that use secrets, answers in pieces, tasks and formats, as a user of the service sees them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import path from "node:path";
import { execFile } from "node:child_process";
import { Service, program, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_px") });
let admin, user;

before(async () => {
  await service.start();
  admin = await service.client("admin");
  user = await service.client("user");
});
after(() => service.remove());

const secrets = "/api/v1/plugins/probe/secrets";
const set = (name, value) => admin.request("PUT", `${secrets}/${name}`, { body: { value } });
const raw = (method, target, body, headers = {}) => admin.request(method, target, { body, headers });
const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest("hex");

// The command line with a text on its standard input.
const withInput = (text, ...words) => new Promise((resolve) => {
  const child = execFile(program, [...words, "--data", service.folder], (error, stdout, stderr) =>
    resolve({ code: error?.code ?? 0, stdout, stderr }));
  child.stdin.end(text);
});

test("a secret that is not set is said so, with how to set it", async () => {
  const answer = await raw("POST", "/x/probe/sign", "text");
  assert.equal(answer.status, 404, answer.text);
  assert.match(answer.text, /proxenos secret set probe signing_key/);
});

test("a secret signs and is shown nowhere", async () => {
  assert.equal((await set("signing_key", "hunter2-hunter2")).status, 204);
  const signed = await raw("POST", "/x/probe/sign", "the text");
  assert.equal(signed.body.mac, hmac("hunter2-hunter2", "the text"));
  assert.equal(signed.body.shown, "secret");
  const listed = await admin.get(secrets);
  assert.deepEqual(listed.body.data.map((row) => [row.name, row.set]), [["signing_key", true], ["unused", false]]);
  for (const place of [listed.text, (await admin.get("/api/v1/events?limit=1000")).text, (await admin.get("/api/v1/plugins/probe")).text, service.log]) {
    assert.ok(!place.includes("hunter2"));
  }
  const events = (await admin.get("/api/v1/events?limit=1000&pattern=plugin.*")).body.data;
  assert.ok(events.some((event) => event.type === "plugin.secret_set" && event.data.secret === "signing_key"));
});

test("the command line sets from standard input, lists, rotates and deletes", async () => {
  const put = await withInput("from-the-shell\n", "secret", "set", "probe", "signing_key");
  assert.equal(put.code, 0, put.stderr);
  assert.equal(put.stdout, "");
  assert.equal((await raw("POST", "/x/probe/sign", "a")).body.mac, hmac("from-the-shell", "a"));
  const sealed = await raw("POST", "/x/probe/seal", "kept safe");
  assert.equal(sealed.status, 200);
  assert.equal((await service.cli("secret", "rotate", "probe", "signing_key")).code, 0);
  assert.notEqual((await raw("POST", "/x/probe/sign", "a")).body.mac, hmac("from-the-shell", "a"));
  assert.equal((await raw("POST", "/x/probe/open", sealed.text)).text, "kept safe");
  const listed = await service.cli("secret", "list", "probe");
  assert.match(listed.stdout, /signing_key/);
  assert.ok(!listed.stdout.includes("from-the-shell"));
  assert.equal((await service.cli("secret", "delete", "probe", "signing_key")).code, 0);
  assert.equal((await service.cli("secret", "delete", "probe", "signing_key")).code !== 0, true);
  assert.notEqual((await withInput("", "secret", "set", "probe", "signing_key")).code, 0);
  assert.equal((await set("signing_key", "again")).status, 204);
});

test("a secret outlives a restart, and what was sealed with it", async () => {
  const sealed = await raw("POST", "/x/probe/seal", "over night");
  assert.equal(await service.stop(), 0);
  await service.restart();
  assert.equal((await raw("POST", "/x/probe/open", sealed.text)).text, "over night");
  const broken = await raw("POST", "/x/probe/open", sealed.text.slice(0, -4) + "AAAA");
  assert.equal(broken.status, 400, broken.text);
});

test("secrets are the administrator's, and wrong requests are told why", async () => {
  assert.equal((await user.get(secrets)).status, 403);
  assert.equal((await user.request("PUT", `${secrets}/signing_key`, { body: { value: "x" } })).status, 403);
  assert.equal((await user.request("POST", `${secrets}/signing_key/rotate`, { body: {} })).status, 403);
  assert.equal((await user.request("DELETE", `${secrets}/signing_key`)).status, 403);
  assert.equal((await admin.get("/api/v1/plugins/prob/secrets")).status, 404);
  const wrong = await set("signing_kee", "x");
  assert.equal(wrong.status, 404);
  assert.match(wrong.text, /"nearest":"signing_key"/);
  assert.equal((await set("signing_key", "")).status, 422);
  assert.equal((await set("signing_key", "x".repeat(5000))).status, 413);
  assert.equal((await admin.request("PUT", `${secrets}/signing_key`, { body: { valeu: "x" } })).status, 400);
  assert.equal((await admin.request("PUT", `${secrets}/signing_key`, { body: { value: 5 } })).status, 400);
});

test("a route refuses in the API's own shape", async () => {
  const { status, body, headers } = await admin.get("/x/probe/problem");
  assert.equal(status, 422);
  assert.match(headers.get("content-type"), /application\/problem\+json/);
  assert.equal(body.code, "range");
  assert.equal(body.errors[0].pointer, "/year");
  assert.match(body.request_id, /^[0-9a-z]{13}$/);
});

test("an answer in pieces arrives whole, in order, whatever its length", async () => {
  for (const lines of [0, 1, 1000, 50000]) {
    const answer = await admin.get(`/x/probe/stream/${lines}`);
    assert.equal(answer.status, 200);
    const found = answer.text.split("\n").slice(0, -1);
    assert.equal(found.length, lines);
    assert.ok(found.every((line, i) => line.startsWith(`${i + 1},`)));
  }
});

test("a slow reader slows the script, and one who leaves ends it", async () => {
  const controller = new AbortController();
  const answer = await fetch(`${service.url}/x/probe/stream/500000`, { headers: { Authorization: `Bearer ${admin.token}` }, signal: controller.signal });
  const reader = answer.body.getReader();
  await reader.read();
  controller.abort();
  await until(async () => (await admin.get("/x/probe/stream/10")).status === 200, 10000);
  assert.match(service.log, /./);
});

test("an answer that breaks half-way is cut, one that breaks before it began is a problem", async () => {
  await assert.rejects(async () => {
    const answer = await fetch(`${service.url}/x/probe/breaks`, { headers: { Authorization: `Bearer ${admin.token}` } });
    await answer.text();
  });
  const late = await admin.get("/x/probe/late");
  assert.equal(late.status, 422, late.text);
  assert.match(late.text, /before the first piece/);
});

test("tasks race, and figures are at /metrics with the plugin's label", async () => {
  assert.equal((await admin.get("/x/probe/race")).body.first, "quick");
  const { text } = await admin.get("/metrics");
  assert.match(text, /^proxenos_plugin_probe_streams_total\{plugin="probe",whole="true"\} [4-9]/m);
});

test("CSV in, XML out; broken input comes back with its line", async () => {
  const good = await raw("POST", "/x/probe/formats", "name,city\r\nΆννα,Αθήνα\r\n", { "Content-Type": "text/csv" });
  assert.match(good.text, /<rows><row (name="Άννα" city="Αθήνα"|city="Αθήνα" name="Άννα")\/><\/rows>/);
  const bad = await raw("POST", "/x/probe/formats", 'a,b\r\n1,"2\r\n', { "Content-Type": "text/csv" });
  assert.equal(bad.status, 400, bad.text);
  assert.match(bad.text, /line 2/);
});

const config = "/api/v1/plugins/probe/config";
const row = (answer, name) => answer.body.data.find((one) => one.name === name);

test("settings change while the plugin runs, outlive a restart, and fall back when taken back", async () => {
  assert.deepEqual(row(await admin.get(config), "months"), { name: "months", type: "integer", value: 24, source: "default" });
  const changed = await admin.patch(config, { months: 12 });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual(row(changed, "months"), { name: "months", type: "integer", value: 12, source: "set" });
  assert.deepEqual((await admin.get("/x/probe/config")).body, { months: 12, changes: [12] });
  const shell = await service.cli("plugin", "config", "probe", "months=6", "sender=office");
  assert.equal(shell.code, 0, shell.stderr);
  assert.match(shell.stdout, /months +6 +integer +set/);
  assert.deepEqual((await admin.get("/x/probe/config")).body, { months: 6, changes: [12, 6] });
  assert.equal(await service.stop(), 0);
  await service.restart();
  assert.deepEqual((await admin.get("/x/probe/config")).body, { months: 6, changes: [] });
  await admin.patch(config, { months: null });
  assert.equal(row(await admin.get(config), "months").source, "default");
  assert.equal((await admin.get("/x/probe/config")).body.months, 24);
  const events = (await admin.get("/api/v1/events?limit=1000&pattern=plugin.*")).body.data;
  assert.equal(events.filter((event) => event.type === "plugin.configured").length, 3);
});

test("settings that do not fit are refused and change nothing", async () => {
  for (const [body, status, reason] of [
    [{ months: 100 }, 422, /above its max/],
    [{ months: "many" }, 422, /not a number/],
    [{ month: 1 }, 422, /nearest is months/],
    [{ month: null }, 422, /nearest is months/],
    [{ months: 13 }, 422, /bad luck/],
    [{}, 400, /settings to change/],
  ]) {
    const answer = await admin.patch(config, body);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, reason);
  }
  assert.equal((await admin.get("/x/probe/config")).body.months, 24);
  assert.equal((await user.patch(config, { months: 3 })).status, 403);
  assert.equal((await user.get(config)).status, 403);
  assert.equal((await admin.patch("/api/v1/plugins/nobody/config", { a: 1 })).status, 404);
});

test("pages are listed as their reader may see them", async () => {
  const manager = await service.client("manager");
  const names = async (client) => (await client.get("/api/v1/pages")).body.data.map((page) => page.name).sort();
  assert.deepEqual(await names(admin), ["bosses", "people"]);
  assert.deepEqual(await names(manager), ["bosses", "people"]);
  assert.deepEqual(await names(user), ["people"]);
  const page = (await user.get("/api/v1/pages")).body.data[0];
  assert.equal(page.title.el, "Άνθρωποι");
  assert.deepEqual(page.widgets.map((widget) => widget.widget), ["text", "list"]);
  assert.equal((await service.anyone().get("/api/v1/pages")).status, 401);
});

test("doctor tells what plugins find", async () => {
  const quiet = await service.cli("doctor");
  assert.ok(!quiet.stdout.includes("months is large"), quiet.stdout);
  await admin.patch(config, { months: 55 });
  const found = await service.cli("doctor");
  assert.match(found.stdout, /plugin probe.*trouble.*months is large: 55.*set it to 24/);
  assert.notEqual(found.code, 0);
  assert.equal((await user.get("/api/v1/doctor")).status, 403);
});

test("a plugin that was granted it acts as a user, with a purpose that the caller gave", async () => {
  const answer = await admin.get(`/x/probe/as/${user.user.name}`, { headers: { "X-Purpose": "review of 2027" } });
  assert.deepEqual(answer.body, { inside: `user:${user.user.name}`, outside: `user:${admin.user.name}`, purpose: "review of 2027" });
  assert.equal((await admin.get("/x/probe/as/nobody")).status, 404);
});
