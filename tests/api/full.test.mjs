// Q10: the disk fills while clients write. Writes answer 507, reads go on; once there is room writes go on without a restart, and
// nothing that was acknowledged is lost. The data folder is a small file system of its own, which only root can make.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "proxenos-full-"));
const data = path.join(folder, "data");
const CYCLES = 5;
let mounted = false;
let reason = false;
try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", folder], { stdio: "pipe" });
  mounted = true;
  mkdirSync(data, { mode: 0o700 });
} catch (error) {
  reason = `no small file system can be mounted here: ${String(error.stderr ?? error).trim()}`;
}

const ballast = path.join(folder, "ballast");
const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_kill"), folder: data });

after(async () => {
  if (service.process && service.process.exitCode === null) await service.kill();
  if (mounted) execFileSync("umount", [folder]);
  rmSync(folder, { recursive: true, force: true });
});

// Takes all the room there is but `room` bytes: what is written next fills the rest, somewhere in the middle of a commit.
function fill(room = 0) {
  const file = openSync(ballast, "a");
  for (let size = 1 << 20; size >= 1; ) {
    try {
      if (writeSync(file, Buffer.alloc(size)) < size) size >>= 1;
    } catch {
      size >>= 1;
    }
  }
  ftruncateSync(file, fstatSync(file).size - room);
  closeSync(file);
}

function free() {
  const file = openSync(ballast, "r+");
  ftruncateSync(file, 0);
  closeSync(file);
}

test("disk full: 507, reads go on, and when there is room writes go on, with nothing lost", { skip: reason, timeout: 240000 }, async (t) => {
  await service.start();
  const client = await service.client("admin");
  const acked = new Map();
  let number = 0;
  const create = async () => {
    const name = `deal ${++number}`;
    const answer = await client.post("/api/v1/deals", { name, amount: number, bucket: "b" });
    if (answer.status === 201) acked.set(answer.body.id, { name, stage: "open" });
    return answer;
  };
  for (let i = 0; i < 50; i++) assert.equal((await create()).status, 201);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    fill(cycle * 200 * 1024);
    let writes = 0;
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, create));
      writes += answers.length;
      for (const answer of answers) {
        assert.ok([201, 507].includes(answer.status), answer.text);
        if (answer.status === 507) assert.equal(answer.body.code, "disk_full");
      }
      return answers.every((answer) => answer.status === 507);
    });
    const upload = await client.request("POST", "/api/v1/uploads", { body: Buffer.alloc(1 << 20, "x"), headers: { "content-type": "application/octet-stream" } });
    assert.equal(upload.status, 507, upload.text);
    // Eight writes at once had no room; one alone may still find a page, and then counts like any other that was acknowledged.
    const bulk = await client.post("/api/v1/deals/bulk?atomic=true", JSON.stringify({ name: `bulk ${cycle}` }), { "content-type": "application/x-ndjson" });
    const row = bulk.status === 200 ? JSON.parse(bulk.text.trim().split("\n")[0]) : { status: bulk.status };
    if (row.status === 201) acked.set(row.id, { name: `bulk ${cycle}`, stage: "open" });
    else assert.equal(row.status, 507, bulk.text);
    // Everything that was there is still read, and no half of what was refused.
    const [some] = acked.keys();
    assert.equal((await client.get(`/api/v1/deals/${some}`)).status, 200);
    const count = (await client.get("/api/v1/deals/aggregate?measure=count")).body.data[0].count;
    assert.equal(count, acked.size, "reads count what was acknowledged");
    assert.equal((await service.anyone().get("/healthz")).status, 200);
    free();
    const began = Date.now();
    await until(async () => (await create()).status === 201, 10000);
    t.diagnostic(`cycle ${cycle + 1}: ${writes} writes until full, ${acked.size} acknowledged, writing again ${Date.now() - began} ms after there was room`);
    const won = [...acked].filter(([, deal]) => deal.stage === "open").slice(0, 10);
    for (const [id, deal] of won) {
      assert.equal((await client.patch(`/api/v1/deals/${id}`, { stage: "won" })).status, 200);
      deal.stage = "won";
    }
  }
  // Handlers whose units met the full disk were tried again: each effect is there once.
  await until(async () => (await client.get("/api/v1/subscriptions")).body.data.every((one) => one.lag === 0 && one.parked === 0), 120000);
  const rows = async (target) => {
    const all = [];
    for (let after = ""; ; ) {
      const page = (await client.get(`${target}?limit=1000${after}`)).body;
      all.push(...page.data);
      if (!page.next) return all;
      after = `&after=${encodeURIComponent(page.next)}`;
    }
  };
  const check = async () => {
    const deals = await rows("/api/v1/deals");
    assert.equal(deals.length, acked.size);
    for (const deal of deals) assert.deepEqual({ name: deal.name, stage: deal.stage }, acked.get(deal.id));
    const traces = await rows("/api/v1/traces");
    assert.equal(new Set(traces.map((trace) => trace.deal)).size, traces.length, "no handler's effect twice");
    assert.equal(traces.length, acked.size, "each handler's effect");
    assert.equal((await rows("/api/v1/follow_ups")).length, CYCLES * 10);
  };
  await check();
  assert.equal((await client.get("/api/v1/dead-letters")).body.data.length, 0);
  // The disk is full again when the service is killed: it comes back all the same when there is room.
  fill();
  await create();
  await service.kill();
  free();
  await service.restart();
  await check();
  assert.equal(await service.stop(), 0, service.log);
  const verified = await service.cli("audit", "verify");
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);

});
