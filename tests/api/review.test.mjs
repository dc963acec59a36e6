// What a careful stranger found: half-opened starts, bodies that never come, words that were passed over, files half written.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, program, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins") });
let admin;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
});

after(() => service.remove());

test("a start on a port that is taken ends with a sentence and leaves no socket", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-test-"));
  const listen = new URL(service.url).host;
  const ended = spawnSync(program, ["serve", "--data", folder, "--listen", listen, "--plugins", service.plugins], { encoding: "utf8", timeout: 60000 });
  assert.equal(ended.signal, null, ended.stderr);
  assert.equal(ended.status, 1, ended.stderr);
  assert.match(ended.stderr, /proxenos: .*in use/);
  assert.equal(existsSync(path.join(folder, "proxenos.sock")), false);
  rmSync(folder, { recursive: true, force: true });
});

// The leak that this left behind shows in the exit code of a build with the address sanitizer.
test("a bulk request whose body never comes leaves nothing behind", async () => {
  const { hostname, port } = new URL(service.url);
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => {
      const socket = net.connect(Number(port), hostname, () => {
        const head = `POST /api/v1/matters/bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin.token}\r\n`;
        socket.write(`${head}Content-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n{"name"`, () => setTimeout(() => socket.destroy(), 50));
      });
      socket.once("close", resolve);
    });
  }
  assert.equal(await service.stop(), 0, service.log);
  assert.doesNotMatch(service.log, /Sanitizer/);
  await service.restart();
});

test("a token's scopes of another kind are refused, not passed over", async () => {
  const listed = await admin.post("/api/v1/tokens", { name: "narrow", scopes: ["read"] });
  assert.equal(listed.status, 400, listed.text);
  assert.equal(listed.body.errors[0].pointer, "/scopes");
  const misspelt = await admin.post("/api/v1/tokens", { name: "narrow", scope: "read" });
  assert.equal(misspelt.body.code, "unknown_field", misspelt.text);
  assert.equal(misspelt.body.errors[0].nearest, "scopes");
});

test("a password of another kind is refused, not made up", async () => {
  const user = await service.client("reader", "typed");
  const found = await admin.get(`/api/v1/users?filter=${encodeURIComponent('name[eq]:"typed"')}`);
  const set = await admin.post(`/api/v1/users/${found.body.data[0].id}/password`, { password: 1234567890 });
  assert.equal(set.status, 400, set.text);
  assert.equal((await user.get("/api/v1/me")).status, 200);
});

test("a dry run asked for in other words is refused, not run in earnest", async () => {
  const row = `${JSON.stringify({ name: "in earnest" })}\n`;
  const type = { "content-type": "application/x-ndjson" };
  for (const word of ["yes", "", "TRUE"]) {
    const bulk = await admin.post(`/api/v1/matters/bulk?dry_run=${word}`, row, type);
    assert.equal(bulk.status, 400, bulk.text);
  }
  const job = await admin.import("matter", "name\nin earnest\n", { format: "csv", dry_run: "true" });
  assert.equal(job.status, 400, job.text);
  const misspelt = await admin.import("matter", "name\nin earnest\n", { format: "csv", dryrun: true });
  assert.equal(misspelt.body.errors[0].nearest, "dry_run", misspelt.text);
  assert.equal((await admin.get("/api/v1/matters?count=exact")).body.count, 0);
});

// Listens to events; `ended` is set when the service closes the stream.
async function listen(client) {
  const response = await client.request("GET", "/api/v1/events", { headers: { accept: "text/event-stream" }, raw: true });
  const listening = { text: "", ended: false };
  (async () => {
    for await (const bytes of response.body) listening.text += Buffer.from(bytes).toString();
  })().catch(() => {}).finally(() => (listening.ended = true));
  return listening;
}

test("event streams outlast a large commit and end when rights change", async () => {
  const listening = await listen(admin);
  const rows = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ name: `many ${i}` })).join("\n");
  const bulk = await admin.post("/api/v1/matters/bulk?atomic=true", rows, { "content-type": "application/x-ndjson" });
  assert.equal(bulk.status, 200, bulk.text.slice(0, 300));
  await until(() => listening.text.includes("many 1999"));
  assert.equal(listening.ended, false);
  const role = await admin.post("/api/v1/roles", { name: "new", grants: {} });
  assert.equal(role.status, 201, role.text);
  await until(() => listening.ended);
});

test("an export that cannot be written whole says so", { skip: !existsSync("/dev/full") }, async () => {
  const ended = await service.cli("export", "matter", "--output", "/dev/full");
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stderr, /not whole/);
});

test("a bulk header with more columns than fields is refused before its rows take room", async () => {
  const header = Array.from({ length: 1000 }, (_, i) => `c${i}`).join(",");
  const bulk = await admin.post("/api/v1/matters/bulk", `${header}\n${",".repeat(999)}\n`, { "content-type": "text/csv" });
  assert.equal(bulk.status, 400, bulk.text);
  assert.match(bulk.body.detail, /1000 columns/);
});

test("a create with its key again gives the first answer, whole", async () => {
  const key = { "idempotency-key": "once" };
  const first = await admin.post("/api/v1/matters", { name: "once" }, key);
  const second = await admin.post("/api/v1/matters", { name: "once" }, key);
  assert.equal(first.status, 201, first.text);
  assert.equal(second.status, 201, second.text);
  assert.equal(second.text, first.text);
  assert.equal(second.headers.get("idempotency-replayed"), "true");
  for (const name of ["etag", "location"]) assert.equal(second.headers.get(name), first.headers.get(name));
});
