// Real sales records through the running service: read whole, errors located, a handler's task per opportunity won, also across kill -9.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Service, dataFolder, root, until } from "./service.mjs";

const data = (name) => path.join(dataFolder, "crm", name);
const map = (name) => path.join(root, "tests/data", name);

async function count(client, path, filter) {
  const target = `/api/v1/${path}/aggregate?measure=count${filter ? `&filter=${encodeURIComponent(filter)}` : ""}`;
  const answer = await client.get(target);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data[0]?.count ?? 0;
}

async function importFirst(service) {
  const accounts = await service.cli("import", "organisation", data("maven_accounts.csv"), "--map", map("maven-accounts-map.json"), "--quiet");
  assert.equal(accounts.code, 0, accounts.stderr + accounts.stdout);
  const products = await service.cli("import", "product", data("maven_products.csv"), "--map", map("maven-products-map.json"), "--quiet");
  assert.equal(products.code, 0, products.stderr + products.stdout);
}

// Everyone on the sales teams, whether or not an opportunity names them: users without login.
async function importAgents(service) {
  const agents = await service.cli("import", "user", data("maven_sales_teams.csv"), "--map", map("maven-agents-map.json"), "--quiet");
  assert.equal(agents.code, 0, agents.stderr + agents.stdout);
}

const whole = { skip: dataFolder ? false : "needs the real data" };

test("8,800 opportunities: without the alias 1,480 rows are named, 7,320 kept", whole, async (t) => {
  const service = await new Service().start();
  t.after(() => service.remove());
  const client = await service.client("admin");
  await importFirst(service);
  assert.equal(await count(client, "organisations"), 85);
  assert.equal(await count(client, "products"), 7);
  const errors = path.join(service.folder, "errors.csv");
  const done = await service.cli("import", "opportunity", data("maven_sales_pipeline.csv"), "--map", map("maven-map.json"),
    "--errors", errors, "--format", "json", "--quiet");
  assert.equal(done.code, 3, done.stderr + done.stdout);
  const job = JSON.parse(done.stdout);
  assert.equal(job.counts.read, 8800);
  assert.equal(job.counts.failed, 1480);
  assert.equal(job.counts.created, 7320);
  const lines = readFileSync(errors, "utf8").trim().split("\r\n");
  assert.equal(lines.length, 1481);
  assert.ok(lines.slice(1).every((line) => line.includes("GTXPro") && line.includes("GTX Pro")));
  assert.equal(await count(client, "opportunities"), 7320);
  assert.equal(await count(client, "users", "login[eq]:false"), 30, "those whom the opportunities name were made");
});

test("with the alias all are kept; a task for each won, also across twenty kills", whole, async (t) => {
  const service = await new Service().start();
  t.after(() => service.remove());
  let client = await service.client("admin");
  await importFirst(service);
  await importAgents(service);
  assert.equal(await count(client, "users", "login[eq]:false"), 35);
  const started = await service.cli("import", "opportunity", data("maven_sales_pipeline.csv"), "--map", map("maven-map-alias.json"), "--no-wait");
  assert.equal(started.code, 0, started.stderr);
  const id = started.stdout.trim();
  for (let kill = 0; kill < 20; kill++) {
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 400));
    await service.kill();
    await service.restart();
  }
  const job = await client.job(id);
  assert.equal(job.body.state, "done", job.text);
  assert.equal(job.body.counts.created, 8800);
  assert.equal(job.body.counts.failed, 0);
  assert.equal(job.body.counts.null_refs.organisation, 1425);
  assert.equal(await count(client, "users", "login[eq]:false"), 35, "the agents were there and none was made twice");
  await until(async () => {
    const rows = (await client.get("/api/v1/subscriptions")).body.data;
    return rows.every((row) => row.lag === 0 && row.parked === 0);
  }, 300000);
  const stages = await client.get("/api/v1/opportunities/aggregate?group=stage&measure=count");
  const byStage = Object.fromEntries(stages.body.data.map((row) => [row.stage, row.count]));
  assert.deepEqual(byStage, { won: 4238, lost: 2473, engaging: 1589, prospecting: 500 });
  assert.equal(await count(client, "opportunities", "organisation[is]:null"), 1425);
  assert.equal(await count(client, "tasks"), 4238);
  // One task each: no opportunity has two.
  const twice = await client.get("/api/v1/tasks/aggregate?measure=count&group=opportunity");
  if (twice.status === 200) assert.ok(twice.body.data.every((row) => row.count === 1));
  const clients = await count(client, "organisations", 'roles[has]:"client"');
  assert.ok(clients > 80, `${clients}`);
  assert.equal((await client.get("/api/v1/dead-letters")).body.data.length, 0);
  const verified = await service.cli("audit", "verify", "--format", "json", "--quiet");
  assert.equal(verified.code, 0, verified.stderr);
});

test("a small company of our own, with the same traps", async (t) => {
  const service = await new Service().start();
  t.after(() => service.remove());
  const client = await service.client("admin");
  const write = (name, text) => {
    const file = path.join(service.folder, name);
    writeFileSync(file, text);
    return file;
  };
  const accounts = write("accounts.csv", "account\nΕλαιώνας\nCancity\n");
  const products = write("products.csv", "product\nGTX Pro\n");
  const deals = write("deals.csv",
    "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value,engage_quarter,close_quarter\n" +
    "A1,Moses Frase,GTX Pro,Cancity,Won,20-10-16,01-03-17,1054,,\n" +
    "A2,Moses Frase,GTXPro,Ελαιώνας,Won,25-10-16,11-03-17,4514,,\n" +
    "A3,Anna Snelling,GTX Pro,,Engaging,25-10-16,,,,\n" +
    "A4,Anna Snelling,GTX Pro,Cancity,Lost,31-02-16,01-03-17,0,,\n");
  const simple = write("name.json", JSON.stringify({ columns: { account: "name", product: "name" } }));
  for (const [object, file, field] of [["organisation", accounts, "account"], ["product", products, "product"]]) {
    writeFileSync(simple, JSON.stringify({ columns: { [field]: "name" } }));
    assert.equal((await service.cli("import", object, file, "--map", simple, "--quiet")).code, 0);
  }
  const errors = path.join(service.folder, "errors.csv");
  const done = await service.cli("import", "opportunity", deals, "--map", map("maven-map.json"), "--errors", errors, "--format", "json", "--quiet");
  assert.equal(done.code, 3, done.stderr);
  assert.equal(JSON.parse(done.stdout).counts.created, 2);
  const failed = readFileSync(errors, "utf8");
  assert.match(failed, /3,.*product.*GTXPro.*GTX Pro/);
  assert.match(failed, /5,.*engage_date.*31-02-16/);
  await until(async () => (await count(client, "tasks")) === 1);
  const nothing = await service.cli("import", "opportunity", deals, "--map", map("maven-map.json"), "--atomic", "--quiet");
  assert.notEqual(nothing.code, 0);
  assert.equal(await count(client, "opportunities"), 2);
  const dry = await service.cli("import", "opportunity", deals, "--map", map("maven-map-alias.json"), "--dry-run", "--key", "external_id", "--on-conflict", "skip", "--quiet");
  assert.ok(dry.code === 0 || dry.code === 3);
  assert.equal(await count(client, "opportunities"), 2);
});
