// A person erased: refused under a hold, previewed, done; afterwards no file of the data folder holds the name in any form, the chain
// verifies, the past answers "erased", and neither a backup made later nor one from before brings anything back.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Receiver } from "./receiver.mjs";
import { Service, root, until } from "./service.mjs";
import { makeCompartment, person as insider } from "./walls.mjs";

const place = mkdtempSync(path.join(tmpdir(), "proxenos-erasure-"));
const plugins = path.join(place, "plugins");
mkdirSync(path.join(plugins, "care"), { recursive: true });
cpSync(path.join(root, "plugins/relations"), path.join(plugins, "relations"), { recursive: true });
writeFileSync(path.join(plugins, "care/plugin.lua"), `return { name = "care", version = "1.0.0", api = 1, default = true,
  requires = { relations = "^1.0" },
  can = { read = { "person#pii", "chart#pii", "task" }, write = { "person#pii", "chart#pii", "task" }, emit = { "care.*" }, mail = { "send" }, http = true } }`);
mkdirSync(path.join(plugins, "care/mail"));
writeFileSync(path.join(plugins, "care/mail/hello.en.txt"), "Subject: Hello {name}\n\nDear {name}\n");
writeFileSync(path.join(plugins, "care/schema.lua"), `return { objects = { chart = { title = "code", subject = "patient", compartment = "optional", fields = {
  { "code", "text", required = true }, { "patient", "ref", to = "person", on_delete = "restrict" },
  { "finding", "text", class = "pii", search = true } } } } }`);
writeFileSync(path.join(plugins, "care/main.lua"), `
px.flow("visit", function(flow, input)
  local note = flow:step("note", function() return "met " .. input.name end)
  if input.waits then flow:wait("never.comes") end
  return note
end)
px.on("person.created", { retry = { times = 1, first = "10ms" } }, function(event)
  px.store.kv.set("seen:" .. event.id, event.after.name or "nobody")
  px.bus.emit("care.seen", { who = event.after.name })
  if (event.after.description or ""):find("dead letter", 1, true) then error("cannot greet " .. event.after.name) end
end)
px.route("POST", "/visit", function(request)
  return { status = 201, json = { id = px.flows.start("visit", request.json, { attributes = { who = request.json.name } }) } }
end)
px.route("POST", "/mail", function(request)
  return { status = 201, json = { id = px.mail.send { to = request.json.to, template = "hello", language = "en", data = { name = request.json.name } } } }
end)
px.route("GET", "/memory", function(request) return { json = { value = px.store.kv.get("seen:" .. request.query.id) or "nothing" } } end)
`);

const NAME = "Αθηνοδώρα Παπαχριστοκλέους";
const EMAIL = "athinodora.papachristokleous@example.test";
const PHONE = "+302109876543";
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ς", "σ");
const escaped = (text) => [...text].map((c) => (c.charCodeAt(0) < 128 ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)).join("");
// As people write it, folded, in capitals, in Latin letters as the index keys it and as people type it, in JSON, each word alone.
function forms() {
  const family = NAME.split(" ")[1];
  const all = [NAME, NAME.toUpperCase(), NAME.toLowerCase(), fold(NAME), fold(NAME).toUpperCase(), family, fold(family), family.toUpperCase(),
    fold(family).toUpperCase(), escaped(NAME), escaped(NAME).toUpperCase().replaceAll("\\U", "\\u"), escaped(family), "papaxristokleous",
    "papachristokleous", "papaxristokleus", "papaxristokleou", "papachristokle", "papaxristokle", "athinodora", "Athinodora", EMAIL, EMAIL.toUpperCase(), PHONE, PHONE.slice(1)];
  return [...new Set(all)].map((text) => Buffer.from(text));
}
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((one) => one.isFile()).map((one) => path.join(one.parentPath ?? one.path, one.name));
}
// Every byte of every file.
function found(folder) {
  const hits = [];
  for (const file of filesOf(folder)) {
    const bytes = readFileSync(file);
    for (const form of forms()) {
      const at = bytes.indexOf(form);
      if (at >= 0) hits.push(`${path.relative(folder, file)}: ${form} at ${at}: …${bytes.subarray(Math.max(0, at - 60), at + 90).toString("latin1").replace(/[^ -~]/g, ".")}`);
    }
  }
  return hits;
}

const receiver = new Receiver();
const service = new Service({ plugins, enable: ["care"] });
let admin;
const make = async (client, objects, body, headers) => {
  const answer = await client.post(`/api/v1/${objects}`, body, headers);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
async function erase(client, id, { reason = "request 17 under article 17", ...more } = {}) {
  const preview = await client.post(`/api/v1/people/${id}/erase`, more);
  assert.equal(preview.status, 200, preview.text);
  const started = await client.post(`/api/v1/people/${id}/erase`, { token: preview.body.token, reason, ...more });
  assert.equal(started.status, 202, started.text);
  return { preview: preview.body, job: (await client.job(started.body.id)).body };
}
async function verified() {
  const answer = await service.cli("audit", "verify");
  assert.equal(answer.code, 0, answer.stdout + answer.stderr);
}

before(async () => {
  await receiver.start();
  service.options = ["--outgoing-allow", `127.0.0.1:${receiver.port}`, "--smtp-url", "smtp://127.0.0.1:9", "--mail-from", "shop@example.test"];
  await service.start();
  admin = await service.client("admin");
});
after(async () => {
  await service.remove();
  await receiver.stop();
  rmSync(place, { recursive: true, force: true });
});

test("a hold: erasing, deleting, archiving and merging away are refused with its reason; lifted, with a reason, they go", async () => {
  const person = await make(admin, "people", { name: "Held Person" });
  const other = await make(admin, "people", { name: "Another Person" });
  const hold = await make(admin, "legal_holds", { object: "person", record: person.id, reason: "case 4711 before the court" });
  const refused = [
    await admin.delete(`/api/v1/people/${person.id}`),
    await admin.delete(`/api/v1/people/${person.id}?archive=true`),
    await admin.post(`/api/v1/people/${other.id}/merge`, { others: [person.id] }),
  ];
  const preview = await admin.post(`/api/v1/people/${person.id}/erase`, {});
  assert.equal(preview.status, 200, preview.text);
  assert.equal(preview.body.token, null);
  assert.match(preview.body.holds[0].reason, /case 4711/);
  refused.push(await admin.post(`/api/v1/people/${person.id}/erase`, { token: "00", reason: "asked" }));
  for (const answer of refused) {
    assert.equal(answer.status, 409, answer.text);
    assert.equal(answer.body.code, "held");
    assert.match(answer.body.detail, /case 4711 before the court/);
  }
  assert.equal((await admin.delete(`/api/v1/legal_holds/${hold.id}`)).body.code, "readonly");
  assert.equal((await admin.patch(`/api/v1/legal_holds/${hold.id}`, { record: other.id })).body.code, "readonly");
  assert.equal((await admin.post("/api/v1/legal_holds", { object: "person", record: "nothere", reason: "x" })).body.code, "reference");
  assert.equal((await admin.post("/api/v1/legal_holds", { object: "persn", record: person.id, reason: "x" })).body.code, "reference");
  const lifted = await admin.patch(`/api/v1/legal_holds/${hold.id}`, { lifted: "the court has decided" });
  assert.equal(lifted.status, 200, lifted.text);
  const history = await admin.get(`/api/v1/legal_holds/${hold.id}/history`);
  assert.match(history.text, /the court has decided/);
  assert.equal((await admin.delete(`/api/v1/people/${person.id}`)).status, 204);
});

test("rights: only who has the verb erases, and only what he may see; a hold needs a grant of its own", async () => {
  const person = await make(admin, "people", { name: "Somebody Else" });
  for (const role of ["manager", "user", "reader"]) {
    const client = await service.client(role);
    assert.equal((await client.post(`/api/v1/people/${person.id}/erase`, {})).status, 403, role);
    assert.equal((await client.post("/api/v1/legal_holds", { object: "person", record: person.id, reason: "x" })).status, 404, role);
  }
  assert.equal((await admin.post("/api/v1/people/0000000000001/erase", {})).status, 404);
  assert.equal((await admin.post("/api/v1/organisations/" + person.id + "/erase", {})).status, 404);
  const preview = await admin.post(`/api/v1/people/${person.id}/erase`, {});
  assert.equal((await admin.post(`/api/v1/people/${person.id}/erase`, { token: preview.body.token })).body.code, "required");
  assert.equal((await admin.post(`/api/v1/people/${person.id}/erase`, { token: "ab", reason: "asked" })).body.code, "stale");
  assert.equal((await admin.post(`/api/v1/people/${person.id}/erase`, { token: preview.body.token, reason: "somebody ELSE asked" })).body.code, "invalid");
  assert.equal((await admin.post("/api/v1/jobs", { kind: "erasure", object: "person", id: person.id })).body.code, "invalid");
});

test("of what lies in a compartment the preview is silent to those outside; a hold there is in the way, unnamed", async () => {
  const kate = await insider(service, "admin", "kate");
  const karl = await insider(service, "admin", "karl");
  const walls = await makeCompartment(admin, "inquiry", [kate, karl]);
  const person = await make(admin, "people", { name: "Zacharias Quist" });
  const chart = await make(kate, "charts", { code: "about Zacharias Quist", patient: person.id, compartment: walls });
  const task = await make(admin, "tasks", { title: "call Zacharias Quist" });
  const inside = (await kate.post(`/api/v1/people/${person.id}/erase`, {})).body;
  const outside = (await admin.post(`/api/v1/people/${person.id}/erase`, {})).body;
  assert.equal(inside.records.chart, 1);
  assert.deepEqual(inside.backups, []);
  mkdirSync(path.join(service.folder, "backups/made-before-a-drop"), { recursive: true });
  assert.deepEqual((await kate.post(`/api/v1/people/${person.id}/erase`, {})).body.backups, ["made-before-a-drop"]);
  rmSync(path.join(service.folder, "backups"), { recursive: true });
  assert.deepEqual([inside.mentions_count, outside.mentions_count], [2, 1]);
  assert.deepEqual(outside.mentions, [{ object: "task", id: task.id }]);
  assert.ok(!outside.records.chart, JSON.stringify(outside));
  assert.equal((await kate.post("/api/v1/legal_holds", { object: "chart", record: chart.id, reason: "sealed" })).body.code, "invalid");
  const hold = await make(kate, "legal_holds", { object: "chart", record: chart.id, reason: "sealed", compartment: walls });
  assert.deepEqual((await admin.get("/api/v1/legal_holds?filter=reason[eq]:\"sealed\"")).body.data, []);
  const held = (await admin.post(`/api/v1/people/${person.id}/erase`, {})).body;
  assert.equal(held.token, null);
  assert.deepEqual([held.holds[0].object, held.holds[0].id, held.holds[0].hold], [null, null, null]);
  assert.ok(!JSON.stringify(held).includes("sealed") && !JSON.stringify(held).includes(chart.id));
  assert.match((await kate.post(`/api/v1/people/${person.id}/erase`, {})).body.holds[0].reason, /sealed/);
  assert.equal((await kate.patch(`/api/v1/legal_holds/${hold.id}`, { lifted: "over" })).status, 200);
  const { job } = await erase(admin, person.id);
  assert.equal(job.state, "done", JSON.stringify(job));
  assert.equal((await kate.get(`/api/v1/charts/${chart.id}`)).body.finding ?? null, null);
});

test("a person erased: no byte of him is left anywhere, the chain verifies, the past says so", async () => {
  const hook = await make(admin, "webhooks", { name: "all", url: receiver.url, events: ["person.*"], payload: "changes" });

  receiver.answer = (delivery) => ({ status: 500, body: `cannot take ${delivery.body}` });
  const person = await make(admin, "people", { name: NAME, given_name: "Αθηνοδώρα", family_name: "Παπαχριστοκλέους", email: EMAIL, phone: PHONE, birthday: "1961-05-17", description: `Of ${NAME}: a dead letter`, external_id: EMAIL }, { "idempotency-key": "made once" });
  const twin = await make(admin, "people", { name: NAME, description: "entered twice" });
  const chart = await make(admin, "charts", { code: "c1", patient: person.id, finding: `${NAME} is well` });
  await make(admin, "affiliations", { person: person.id, organisation: (await make(admin, "organisations", { name: "Ωμέγα" })).id, job_title: "Director" });
  assert.equal((await admin.patch(`/api/v1/people/${person.id}`, { description: `${NAME} again` })).status, 200);
  const merged = await admin.post(`/api/v1/people/${person.id}/merge`, { others: [twin.id], fill: true });
  assert.equal(merged.status, 200, merged.text);
  for (const [objects, id] of [["people", person.id], ["charts", chart.id]]) {
    const filed = await admin.request("POST", `/api/v1/${objects}/${id}/files`, { body: `the story of ${NAME}, ${id}`,
      headers: { "content-type": "text/plain", "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(`${NAME}.txt`)}` } });
    assert.equal(filed.status, 201, filed.text);
  }
  const bulk = await admin.post("/api/v1/people/bulk/edit", { filter: { email: EMAIL }, set: { description: `${NAME}, by bulk` } });
  const edited = await admin.post("/api/v1/people/bulk/edit", { filter: { email: EMAIL }, set: { description: `${NAME}, by bulk` }, token: bulk.body.token });
  assert.equal(edited.status, 200, edited.text);
  const imported = await admin.import("person", `name,email\n${NAME},${EMAIL}\n${NAME},not an address\n`, { map: { columns: { name: "name", email: "email" } } });
  assert.equal(imported.status, 200, imported.text);
  const twice = (await admin.get(`/api/v1/people?filter=email[eq]:"${EMAIL}"`)).body.data.find((row) => row.id !== person.id);
  const visit = (await admin.post("/x/care/visit", { name: NAME })).body.id;
  const waiting = (await admin.post("/x/care/visit", { name: NAME, waits: true })).body.id;
  assert.ok(visit && waiting);
  const mailed = await admin.post("/x/care/mail", { to: EMAIL, name: NAME });
  assert.equal(mailed.status, 201, mailed.text);
  await until(async () => (await admin.get("/api/v1/dead-letters")).text.includes(NAME));
  await until(async () => (await admin.get(`/x/care/memory?id=${twin.id}`)).body.value === NAME);
  await until(async () => (await admin.get(`/api/v1/flows/${visit}`)).body.state === "done");
  assert.equal((await admin.get(`/api/v1/search?q=${encodeURIComponent("Παπαχριστοκλέους")}&wait=true`)).body.data.length > 0, true);
  assert.equal((await admin.get(`/api/v1/people/export?filter=email[eq]:"${EMAIL}"`)).status, 200);

  const busy = await admin.post(`/api/v1/people/${person.id}/erase`, {});
  assert.equal(busy.status, 409, busy.text);
  assert.match(busy.body.detail, /has not ended/);
  if (twice) {
    const { job } = await erase(admin, twice.id, { cancel_runs: true });
    assert.equal(job.state, "done", JSON.stringify(job));
  }
  const { preview, job } = await erase(admin, person.id, { cancel_runs: true });
  assert.deepEqual(preview.records, { chart: 1 });
  assert.deepEqual(preview.merged, [twin.id]);
  assert.equal(job.state, "done", JSON.stringify(job));

  for (const target of [`people/${person.id}`, `people/${person.id}?as_of=2999-01-01`, `people/${person.id}?as_of=${new Date().toISOString()}`, `people/${twin.id}?as_of=2999-01-01`]) {
    const answer = await admin.get(`/api/v1/${target}`);
    assert.equal(answer.status, 410, target + answer.text);
    assert.equal(answer.body.code, "erased");
  }
  assert.equal((await admin.get(`/api/v1/people/${person.id}/why/name`)).body.code, "erased");
  for (const answer of [
    await admin.patch(`/api/v1/people/${person.id}`, { name: "Back" }),
    await admin.post(`/api/v1/people/${person.id}/restore`),
    await admin.post(`/api/v1/people/${person.id}/erase`, {}),
  ]) {
    assert.equal(answer.body.code, "erased", answer.text);
  }
  const history = await admin.get(`/api/v1/people/${person.id}/history`);
  assert.equal(history.status, 200);
  assert.match(history.text, /person\.erased/);
  assert.match(history.text, /article 17/);
  const left = await admin.get(`/api/v1/charts/${chart.id}`);
  assert.equal(left.body.finding, null);
  assert.equal(left.body.code, "c1");
  assert.equal((await admin.get(`/api/v1/charts/${chart.id}?as_of=2999-01-01`)).body.finding ?? null, null);
  const sets = (await admin.get("/api/v1/changesets")).body.data;
  for (const set of sets) {
    const answer = await admin.post(`/api/v1/changesets/${set.id}/revert?dry_run=true`);
    assert.ok(answer.status < 500, answer.text);
  }
  assert.ok((await admin.get("/api/v1/events?limit=1000")).status === 200);
  await verified();
  const backup = path.join(place, "backup");
  assert.equal((await service.cli("backup", backup)).code, 0);
  assert.deepEqual(found(backup), []);
  assert.equal(await service.stop(), 0);
  assert.deepEqual(found(service.folder), []);
  await service.restart();
  await verified();
});

test("killed at random moments an erasure goes on by itself, and leaves nothing", async () => {
  const people = [];
  for (let i = 0; i < 3; i++) {
    const person = await make(admin, "people", { name: NAME, email: `${i}${EMAIL}` });
    await make(admin, "charts", { code: `k${i}`, patient: person.id, finding: `${NAME} again` });
    await admin.post("/x/care/visit", { name: NAME });
    people.push(person.id);
  }
  for (const [at, id] of people.entries()) {
    const preview = await admin.post(`/api/v1/people/${id}/erase`, { cancel_runs: true });
    assert.equal(preview.status, 200, preview.text);
    const started = await admin.post(`/api/v1/people/${id}/erase`, { token: preview.body.token, reason: "asked", cancel_runs: true });
    assert.equal(started.status, 202, started.text);
    for (let kill = 0; kill < 3; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 40 * (at + 1)));
      await service.kill();
      await service.restart();
    }
    await until(async () => (await admin.get(`/api/v1/people/${id}`)).status === 410);
    const job = (await admin.job(started.body.id)).body;
    assert.equal(job.state, "done", JSON.stringify(job));
    await verified();
  }
  assert.equal(await service.stop(), 0);
  assert.deepEqual(found(service.folder), []);
  await service.restart();
});

test("the command line: a hold placed, shown and lifted; all that is held; erased", async () => {
  const person = await make(admin, "people", { name: "Person Of The Line", email: "line@example.test" });
  const chart = await make(admin, "charts", { code: "z9", patient: person.id, finding: "well" });
  const task = await make(admin, "interactions", { kind: "call", subject: "spoke", at: "2026-01-02T10:00:00Z", people: [person.id] });
  const cli = (...words) => service.cli(...words);
  const placed = await cli("hold", "place", "person", person.id, "--reason", "case 12", "--format", "json");
  assert.equal(placed.code, 0, placed.stderr);
  const hold = JSON.parse(placed.stdout).id;
  assert.match((await cli("hold", "list")).stdout, /case 12/);
  const refused = await cli("record", "erase", "person", person.id, "--yes", "--reason", "asked");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /legal hold/);
  assert.equal((await cli("hold", "lift", hold)).code, 2);
  assert.equal((await cli("hold", "lift", hold, "--reason", "closed")).code, 0);
  assert.ok(!(await cli("hold", "list")).stdout.includes("case 12"));
  assert.match((await cli("hold", "list", "--all")).stdout, /closed/);

  const filed = await admin.request("POST", `/api/v1/charts/${chart.id}/files`, { body: "a scan",
    headers: { "content-type": "text/plain", "content-disposition": `attachment; filename="scan.txt"` } });
  assert.equal(filed.status, 201, filed.text);
  const file = path.join(place, "access.json");
  const exported = await cli("record", "access-export", "person", person.id, "--out", file);
  assert.equal(exported.code, 0, exported.stderr);
  const held = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(held.id, person.id);
  const about = (object) => held.records.filter((one) => one.object === object);
  assert.equal(about("person")[0].record.email, "line@example.test");
  assert.equal(about("person")[0].relation, "self");
  assert.equal(about("chart")[0].record.id, chart.id);
  assert.equal(about("chart")[0].relation, "about");
  assert.equal(about("interaction")[0].record.id, task.id);
  assert.equal(about("interaction")[0].relation, "refers");
  assert.equal(about("legal_hold")[0].record.reason, "case 12");
  assert.ok(held.history.some((event) => event.type === "person.created" && event.data.after.email === "line@example.test"));
  assert.ok(held.history.some((event) => event.type === "chart.created"));
  assert.equal(held.labels.person.fields.email.el, "Ηλεκτρονικό ταχυδρομείο");
  assert.equal(held.files[0].name, "scan.txt");
  assert.ok(Array.isArray(held.accesses));
  const again = JSON.parse((await cli("record", "access-export", "person", person.id)).stdout);
  assert.ok(again.accesses.some((one) => one.action === "access_export"), "the export before is noted");

  const reader = await service.client("reader");
  assert.equal((await reader.post(`/api/v1/people/${person.id}/access-export`)).status, 403);
  const jobs = (await admin.get("/api/v1/jobs")).body.data.filter((job) => job.kind === "access_export");
  assert.ok(jobs.length >= 2);
  assert.equal((await reader.get(`/api/v1/jobs/${jobs[0].id}/file`)).status, 404);
  assert.equal((await admin.post("/api/v1/people/0000000000001/access-export")).status, 404);
  assert.equal((await admin.post(`/api/v1/tasks/${person.id}/access-export`)).body.code, "invalid");

  const shown = await cli("record", "erase", "person", person.id);
  assert.match(shown.stderr, /nothing was erased/);
  const done = await cli("record", "erase", "person", person.id, "--yes", "--reason", "asked");
  assert.equal(done.code, 0, done.stderr);
  assert.equal((await cli("record", "get", "person", person.id)).code, 1);
  assert.equal((await admin.get(`/api/v1/jobs/${jobs[0].id}/file`)).status, 410);
  assert.equal(filesOf(path.join(service.folder, "exports")).length, 0);
});

test("a backup from before, restored, does not bring anybody back", async () => {
  const person = await make(admin, "people", { name: NAME, email: EMAIL });
  const backup = path.join(place, "before");
  assert.equal((await service.cli("backup", backup)).code, 0);
  const { job } = await erase(admin, person.id);
  assert.equal(job.state, "done");
  const later = path.join(place, "later");
  assert.equal((await service.cli("backup", later)).code, 0);
  assert.equal((await service.cli("restore", later, "--verify")).code, 0);
  const folder = path.join(place, "restored");
  const restored = new Service({ plugins, enable: ["care"], folder });
  const answer = await restored.cli("restore", backup, "--erased", path.join(later, "erased"));
  assert.equal(answer.code, 0, answer.stderr);
  await restored.start();
  try {
    const again = await restored.client("admin");
    await until(async () => (await again.get(`/api/v1/people/${person.id}`)).status === 410);
    await until(async () => (await again.get("/api/v1/jobs")).body.data.filter((one) => one.kind === "erasure").every((one) => one.state === "done"));
    assert.equal((await restored.cli("audit", "verify")).code, 0);
    assert.equal(await restored.stop(), 0);
    assert.deepEqual(found(folder), []);
  } finally {
    await restored.remove();
  }
});
