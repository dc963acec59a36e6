// Records over HTTP as a client meets them: conflicts, idempotency, pages, bulk, located errors, orderly stop.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Client, Service, root } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins") });
let client;

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

test("made, read, changed, archived, restored, deleted", async () => {
  const made = await client.post("/api/v1/matters", { name: "Ελαιώνας", fee: { amount: 125000, currency: "EUR" }, opened_on: "2026-03-31" });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.headers.get("etag"), '"1"');
  const url = made.headers.get("location");
  const read = await client.get(url);
  assert.deepEqual(read.body.fee, { amount: 125000, currency: "EUR" });
  assert.equal(read.body.stage, "open");
  assert.equal((await client.get(url, { headers: { "if-none-match": '"1"' } })).status, 304);
  const changed = await client.patch(url, { effort: 3 }, { "if-match": '"1"' });
  assert.equal(changed.body.version, 2);
  const same = await client.patch(url, { effort: 3 });
  assert.equal(same.body.version, 2, "nothing changed, no new version");
  assert.equal((await client.delete(`${url}?archive=true`)).status, 204);
  assert.equal((await client.get("/api/v1/matters?limit=1000")).body.data.some((row) => row.id === read.body.id), false);
  assert.equal((await client.post(`${url}/restore`, {})).status, 200);
  assert.equal((await client.delete(url)).status, 204);
  assert.equal((await client.get(url)).status, 404);
});

test("a stale version answers with base, theirs and yours", async () => {
  const made = await client.post("/api/v1/matters", { name: "conflict" });
  const url = made.headers.get("location");
  await client.patch(url, { effort: 1 });
  const stale = await client.patch(url, { effort: 2 }, { "if-match": '"1"' });
  assert.equal(stale.status, 412);
  assert.equal(stale.body.code, "stale");
  assert.equal(stale.body.theirs.effort, 1);
  assert.equal(stale.body.yours.effort, 2);
});

test("the same Idempotency-Key makes one record", async () => {
  const headers = { "idempotency-key": "once" };
  const first = await client.post("/api/v1/matters", { name: "once" }, headers);
  const again = await client.post("/api/v1/matters", { name: "once" }, headers);
  assert.equal(again.status, 201);
  assert.equal(again.body.id, first.body.id);
  const other = await client.post("/api/v1/matters", { name: "twice" }, headers);
  assert.equal(other.status, 422);
  assert.equal(other.body.code, "idempotency_mismatch");
  const many = await Promise.all(Array.from({ length: 8 }, () => client.post("/api/v1/matters", { name: "race" }, { "idempotency-key": "race" })));
  const ids = new Set(many.filter((answer) => answer.status === 201).map((answer) => answer.body.id));
  assert.equal(ids.size, 1);
  assert.ok(many.every((answer) => answer.status === 201 || answer.status === 409));
});

test("unknown names are said with the nearest valid one", async () => {
  const field = await client.post("/api/v1/matters", { nane: "x" });
  assert.equal(field.status, 400);
  assert.equal(field.body.errors[0].nearest, "name");
  assert.equal(field.body.errors[0].pointer, "/nane");
  const operator = await client.get(`/api/v1/matters?filter=${encodeURIComponent('name[lik]:"x"')}`);
  assert.equal(operator.status, 400);
  assert.equal(operator.body.code, "unknown_operator");
  assert.equal(operator.body.errors[0].nearest, "like");
  const type = await client.get("/api/v1/mater");
  assert.equal(type.status, 404);
  assert.equal(type.body.errors[0].nearest, "matters");
  const state = await client.post("/api/v1/matters", { name: "x", stage: "opne" });
  assert.equal(state.status, 422);
  assert.equal(state.body.errors[0].nearest, "open");
  const parameter = await client.get("/api/v1/matters?filtr=x");
  assert.equal(parameter.status, 400);
  assert.equal(parameter.body.errors[0].nearest, "filter");
  const move = await client.post("/api/v1/matters", { name: "x" });
  const jump = await client.patch(move.headers.get("location"), { stage: "closed" });
  assert.equal(jump.status, 422);
  assert.equal(jump.body.code, "state");
});

test("several findings come at once", async () => {
  const bad = await client.post("/api/v1/matters", { stage: "nowhere", effort: "many", opened_on: "2026-02-30", fee: { amount: -1, currency: "EUR" } });
  assert.equal(bad.status, 422, bad.text);
  const pointers = bad.body.errors.map((finding) => finding.pointer);
  for (const pointer of ["/stage", "/effort", "/opened_on"]) assert.ok(pointers.includes(pointer), `${pointer} in ${pointers}`);
});

test("pages walk through everything once", async () => {
  const rows = Array.from({ length: 130 }, (_, i) => JSON.stringify({ name: `page ${i}`, effort: i % 7, external_id: `p${i}` })).join("\n");
  const bulk = await client.post("/api/v1/matters/bulk", rows, { "content-type": "application/x-ndjson" });
  const lines = bulk.text.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 130);
  assert.ok(lines.every((line, i) => line.status === 201 && line.row === i + 1), bulk.text.slice(0, 300));
  const seen = new Set();
  let after = "";
  for (;;) {
    const filter = encodeURIComponent('name[prefix]:"page"');
    const page = await client.get(`/api/v1/matters?limit=17&order=-effort,name&filter=${filter}${after ? `&after=${encodeURIComponent(after)}` : ""}`);
    assert.equal(page.status, 200, page.text);
    for (const row of page.body.data) {
      assert.ok(!seen.has(row.id));
      seen.add(row.id);
    }
    if (!page.body.next) break;
    after = page.body.next;
  }
  assert.equal(seen.size, 130);
  const other = await client.get(`/api/v1/matters?order=name&after=${encodeURIComponent(after)}`);
  assert.equal(other.status, 400);
  assert.equal(other.body.code, "cursor");
});

test("bulk: a bad row is named, the others kept; atomic keeps none; dry run keeps nothing", async () => {
  const post = (query, rows) =>
    client.post(`/api/v1/matters/bulk${query}`, rows.map((row) => JSON.stringify(row)).join("\n"), { "content-type": "application/x-ndjson" });
  const count = async () => (await client.get("/api/v1/matters/aggregate?measure=count")).body.data[0].count;
  const before = await count();
  const mixed = (await post("", [{ name: "b1" }, { effort: 1 }, { name: "b3", external_id: "b3" }])).text.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(mixed.map((line) => line.status), [201, 422, 201]);
  assert.equal(mixed[1].error.code, "required");
  assert.equal(await count(), before + 2);
  const atomic = (await post("?atomic=true", [{ name: "b4" }, { effort: 1 }])).text;
  assert.equal(await count(), before + 2, atomic);
  await post("?dry_run=true", [{ name: "b5" }]);
  assert.equal(await count(), before + 2);
  const upsert = (await post("?on_conflict=update", [{ name: "b3 changed", external_id: "b3" }])).text;
  assert.equal(JSON.parse(upsert).status, 200, upsert);
  assert.equal(await count(), before + 2);
  const csv = await client.post("/api/v1/matters/bulk", "name,effort\r\nfrom csv,7\r\nfrom csv too,seven\r\n", { "content-type": "text/csv" });
  assert.deepEqual(csv.text.trim().split("\n").map((line) => JSON.parse(line).status), [201, 422]);
});

test("money of several currencies is not added", async () => {
  await client.post("/api/v1/matters", { name: "usd", fee: { amount: 100, currency: "USD" } });
  await client.post("/api/v1/matters", { name: "eur", fee: { amount: 100, currency: "EUR" } });
  const mixed = await client.get("/api/v1/matters/aggregate?measure=sum:fee");
  assert.equal(mixed.status, 422);
  assert.equal(mixed.body.code, "currency_mix");
  const apart = await client.get("/api/v1/matters/aggregate?measure=sum:fee&group=fee.currency");
  assert.equal(apart.status, 200, apart.text);
});

test("exports are safe to open", async () => {
  await client.post("/api/v1/matters", { name: "=HYPERLINK(\"http://x\")" });
  const file = await client.get(`/api/v1/matters/export?format=csv&fields=name&filter=${encodeURIComponent('name[prefix]:"="')}`);
  assert.match(file.text, /'=HYPERLINK/);
});

test("events come as a list and go on from an id", async () => {
  const first = await client.get("/api/v1/events?limit=1");
  assert.equal(first.body.data.length, 1);
  await client.post("/api/v1/matters", { name: "event" });
  const next = await client.get(`/api/v1/events?limit=1000&object=matter&pattern=matter.created&after=${encodeURIComponent(first.body.next)}`);
  assert.equal(next.body.data.at(-1).data.after.name, "event");
  const again = await client.get(`/api/v1/events?limit=1000&object=matter&pattern=matter.created&after=${encodeURIComponent(first.body.next)}`);
  assert.equal(again.body.data.at(-1).id, next.body.data.at(-1).id, "an event keeps its id");
  const other = await service.client("admin");
  const foreign = await other.get(`/api/v1/events?after=${encodeURIComponent(first.body.next)}`);
  assert.equal(foreign.status, 400, "and it means nothing to somebody else");
  const forged = await client.get("/api/v1/events?after=AAAA");
  assert.equal(forged.status, 400);
});

test("bodies that are not JSON are refused with the place", async () => {
  const broken = await client.post("/api/v1/matters", '{"name": "x",}', { "content-type": "application/json" });
  assert.equal(broken.status, 400);
  assert.match(broken.body.errors[0].pointer, /byte/);
  const twice = await client.post("/api/v1/matters", '{"name": "x", "name": "y"}', { "content-type": "application/json" });
  assert.equal(twice.status, 400);
  const wrong = await client.post("/api/v1/matters", "name=x", { "content-type": "application/x-www-form-urlencoded" });
  assert.equal(wrong.status, 415);
});

test("a session needs its CSRF token for changes; logout ends it", async () => {
  const { name, password } = client.user;
  const anyone = service.anyone();
  const wrong = await anyone.post("/api/v1/login", { name, password: "wrong-wrong" });
  const unknown = await anyone.post("/api/v1/login", { name: "nobody-here", password: "wrong-wrong" });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body.detail, unknown.body.detail);
  const login = await anyone.post("/api/v1/login", { name, password });
  assert.equal(login.status, 200, login.text);
  const set = login.headers.get("set-cookie");
  assert.match(set, /HttpOnly/);
  assert.match(set, /SameSite=Strict/);
  const cookie = set.split(";")[0];
  assert.equal((await anyone.get("/api/v1/matters", { headers: { cookie } })).status, 200);
  const forged = await anyone.post("/api/v1/matters", { name: "forged" }, { cookie });
  assert.equal(forged.status, 403);
  assert.equal(forged.body.code, "csrf");
  const real = await anyone.post("/api/v1/matters", { name: "real" }, { cookie, "x-csrf-token": login.body.csrf });
  assert.equal(real.status, 201, real.text);
  assert.equal((await anyone.post("/api/v1/logout", {}, { cookie, "x-csrf-token": login.body.csrf })).status, 204);
  assert.equal((await anyone.get("/api/v1/matters", { headers: { cookie } })).status, 401);
});

test("health, readiness and figures", async () => {
  const anyone = service.anyone();
  assert.equal((await anyone.get("/healthz")).status, 200);
  assert.equal((await anyone.get("/readyz")).status, 200);
  const figures = await anyone.get("/metrics");
  assert.match(figures.text, /proxenos_http_requests_total \d+/);
  assert.match((await anyone.get("/")).text, /Proxenos/);
});

test("a backup of the running service restores to the same records", async () => {
  const made = await client.post("/api/v1/matters", { name: "backed up", contact: "kept" });
  const backup = path.join(service.folder, "backup-1");
  const done = await service.cli("backup", backup, "--quiet");
  assert.equal(done.code, 0, done.stderr);
  const verified = await service.cli("restore", backup, "--verify", "--quiet");
  assert.equal(verified.code, 0, verified.stderr);
  const other = new Service({ plugins: service.plugins, folder: path.join(service.folder, "restored") });
  const restored = await other.cli("restore", backup, "--quiet");
  assert.equal(restored.code, 0, restored.stderr);
  await other.start();
  const read = await new Client(other, client.token, {}).get(made.headers.get("location"));
  assert.equal(read.body.contact, "kept", read.text);
  assert.equal(await other.stop(), 0);
});

test("a table on the screen leaves out what is empty; what was asked for stays, and programs get all", async () => {
  await client.post("/api/v1/matters", { name: "narrow" });
  const filter = ["--filter", 'name[eq]:"narrow"'];
  const table = await service.cli("record", "list", "matter", ...filter);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /^id .*name/);
  assert.doesNotMatch(table.stdout, /archived_at/);
  assert.match(table.stderr, /columns are empty and not shown/);
  const asked = await service.cli("record", "list", "matter", ...filter, "--fields", "name,contact");
  assert.match(asked.stdout, /contact/);
  const csv = await service.cli("record", "list", "matter", ...filter, "--format", "csv");
  assert.match(csv.stdout.split("\n")[0], /archived_at/);
});

test("SIGTERM: finishes, checkpoints, exits 0, and everything is there afterwards", async () => {
  const made = await client.post("/api/v1/matters", { name: "kept" });
  assert.equal(await service.stop(), 0, service.log);
  await service.restart();
  assert.equal((await client.get(made.headers.get("location"))).body.name, "kept");
});
