// Duplicates from outside: refused on a create, reported in bulk and in imports, found by a scan, dismissed, merged; what may
// not be read is not there; and the record-linkage data with its precision and recall.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, dataFolder, root, until } from "./service.mjs";

const label = (en, el) => `{ en = "${en}", el = "${el}" }`;
const rules = (onCreate, more = "") => `duplicates = {
  block = { { "name:sound", "born:year" }, { "email" }, { "phone:digits" }, { "patient_number" } },
  compare = {
    { "name", how = "words", m = 0.95, u = 0.01 },
    { "born", weight = 6, against = 4 },
    { "phone", weight = 5, against = 1 }, { "email", weight = 6, against = 1 },
    { "city", how = "name", weight = 2 },
    { "patient_number", how = "exact", weight = 12, against = 6 },
  },
  threshold = 10, sure = 17, on_create = "${onCreate}"${more} }`;
const object = (name, onCreate) => `${name} = { title = "name", compartment = "optional",
  label = ${label(name, name)}, plural = ${label(name, name)}, fields = {
    { "name", "text", required = true, label = ${label("Name", "Όνομα")} },
    { "born", "date", label = ${label("Born", "Γέννηση")} },
    { "phone", "phone", label = ${label("Phone", "Τηλέφωνο")} },
    { "email", "email", label = ${label("E-mail", "Ηλεκτρονικό ταχυδρομείο")} },
    { "city", "text", label = ${label("City", "Πόλη")} },
    { "patient_number", "text", class = "phi", label = ${label("Patient number", "Αριθμός ασθενούς")} } },
  ${rules(onCreate)} }`;
const schema = `return { objects = { ${["card", "lead", "quiet"].map((name, i) => object(name, ["refuse", "warn", "off"][i])).join(",\n")},
  plain = { label = ${label("Plain", "Απλό")}, plural = ${label("Plain", "Απλά")},
    fields = { { "name", "text", label = ${label("Name", "Όνομα")} } } } } }\n`;
const manifest = `return { name = "cards", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = ${label("Cards", "Κάρτες")}, can = { read = { "card#phi" }, write = { "card#phi" }, http = true } }\n`;
const main = `px.route("POST", "/make", function(request)
  local good, made = pcall(px.store.create, "card", request.json.card, request.json.options)
  if not good then return { status = 200, json = { code = made.code } } end
  return { status = 201, json = { id = made.id } }
end)\n`;

const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-duplicates-"));
mkdirSync(path.join(plugins, "cards"));
const writeSchema = (text) => writeFileSync(path.join(plugins, "cards/schema.lua"), text);
writeFileSync(path.join(plugins, "cards/plugin.lua"), manifest);
writeFileSync(path.join(plugins, "cards/main.lua"), main);
writeSchema(schema);
cpSync(path.join(root, "tests/plugins/linkage"), path.join(plugins, "linkage"), { recursive: true });
const service = new Service({ plugins, enable: ["cards", "linkage"] });
let admin;
const users = {};

const maria = { name: "Μαρία Παπαδοπούλου", born: "1980-03-04", phone: "+30 210 123 4567", city: "Αθήνα" };
const create = (client, fields, query = "", objects = "cards") => client.post(`/api/v1/${objects}${query}`, fields);
const made = async (...words) => {
  const answer = await create(...words);
  assert.equal(answer.status, 201, answer.text);
  return answer.body.id;
};
const clear = async (objects) => {
  const seen = await admin.post(`/api/v1/${objects}/bulk/delete`, { filter: {} });
  if (seen.body.count === 0) return;
  const done = await admin.post(`/api/v1/${objects}/bulk/delete`, { filter: {}, token: seen.body.token });
  assert.equal(done.status, 200, done.text);
};
const scan = async (client, objects, body = {}) => {
  const started = await client.post(`/api/v1/${objects}/duplicates/scan`, body);
  assert.equal(started.status, 202, started.text);
  const job = await client.job(started.body.id);
  assert.equal(job.body.state, "done", job.text);
  return job.body.result;
};
const groups = async (client, objects, query = "") => {
  const page = await client.get(`/api/v1/${objects}/duplicates${query}`);
  assert.equal(page.status, 200, page.text);
  return page.body;
};
const ids = (page) => page.data.map((group) => group.records.map((record) => record.id).sort());

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  const verbs = ["read", "create", "update", "delete"];
  const role = async (name, grant) => {
    const answer = await admin.post("/api/v1/roles", { name, grants: { card: grant, lead: grant } });
    assert.equal(answer.status, 201, answer.text);
    users[name] = await service.client(name, name);
  };
  await role("own", { verbs, rows: "own", write_rows: "own" });
  await role("blind", { verbs, rows: "all", write_rows: "all", classes: { phi: "hidden" } });
  await role("looker", { verbs: ["read"], rows: "all" });
  await role("writer", { verbs: ["create"], rows: "all" });
  await admin.post("/api/v1/roles", { name: "nothing", grants: {} });
  users.nothing = await service.client("nothing", "nothing");
});
after(async () => {
  await service.remove();
  rmSync(plugins, { recursive: true, force: true });
});

test("a create that looks like another is refused with the rows, each field's part told", async () => {
  await clear("cards");
  const id = await made(admin, maria);
  const refused = await create(admin, { name: "Papadopoulou Maria", born: "1980-04-03", phone: "+302101234567" });
  assert.equal(refused.status, 409, refused.text);
  assert.equal(refused.body.code, "duplicate_candidates");
  assert.match(refused.body.detail, new RegExp(id));
  assert.equal(refused.body.candidates.length, 1);
  const [candidate] = refused.body.candidates;
  assert.equal(candidate.id, id);
  assert.equal(candidate.title, maria.name);
  assert.equal(candidate.record.phone, (await admin.get(`/api/v1/cards/${id}`)).body.phone);
  assert.deepEqual(candidate.fields.map((field) => [field.field, field.likeness]), [["name", 1], ["born", 0.9], ["phone", 1]]);
  const sum = candidate.fields.reduce((all, field) => all + field.points, 0);
  assert.ok(Math.abs(sum - candidate.points) < 0.03 && candidate.points > 10, refused.text);
  assert.equal((await admin.get("/api/v1/cards?count=exact")).body.count, 1, "nothing was written");
});

test("who says that they are allowed writes it, and the log tells", async () => {
  const id = await made(admin, { ...maria, city: "Πάτρα" }, "?duplicates=allow");
  const changes = await admin.get(`/api/v1/events?object=card&limit=1000`);
  const entry = changes.body.data.filter((event) => event.record === id);
  assert.equal(entry.length, 1, changes.text.slice(0, 500));
  assert.equal(entry[0].data.duplicates, "allowed", JSON.stringify(entry[0]));
  const wrong = await create(admin, maria, "?duplicates=maybe");
  assert.equal(wrong.status, 400);
  assert.equal(wrong.body.errors[0].pointer, "duplicates");
});

test("unknown speaks neither for nor against; an other birthday speaks against", async () => {
  await clear("cards");
  await made(admin, { name: "Νίκος Δήμου", born: "1970-01-01", email: "n.dimou@example.gr" });
  assert.equal((await create(admin, { name: "Nikos Dimou", email: "N.Dimou+work@example.gr" })).status, 409);
  assert.equal((await create(admin, { name: "Άννα Δήμου", born: "1999-09-09", email: "n.dimou@example.gr" })).status, 201);
  assert.equal((await create(admin, { name: "Νίκος Δήμου" })).status, 201, "a name alone is in no block");
});

test("a type may warn, or not look at all", async () => {
  const first = await made(admin, maria, "", "leads");
  const second = await create(admin, maria, "", "leads");
  assert.equal(second.status, 201);
  assert.deepEqual(JSON.parse(second.headers.get("proxenos-duplicates")), [first]);
  assert.equal((await create(admin, { name: "Άλλος" }, "", "leads")).headers.get("proxenos-duplicates"), null);
  await made(admin, maria, "", "quiets");
  assert.equal((await create(admin, maria, "", "quiets")).headers.get("proxenos-duplicates"), null);
});

test("asked before: candidates of a draft and of a record; nothing is written", async () => {
  await clear("cards");
  const id = await made(admin, maria);
  const draft = await admin.post("/api/v1/cards/duplicates", { ...maria, name: "Maria Papadopulu" });
  assert.equal(draft.status, 200, draft.text);
  assert.deepEqual(draft.body.data.map((row) => row.id), [id]);
  assert.equal(draft.body.cut, false);
  const other = await made(admin, maria, "?duplicates=allow");
  const own = await admin.get(`/api/v1/cards/${id}/duplicates`);
  assert.deepEqual(own.body.data.map((row) => row.id), [other]);
  assert.equal((await admin.post("/api/v1/cards/duplicates", { nome: "x" })).body.code, "unknown_field");
  assert.deepEqual((await admin.post("/api/v1/plains/duplicates", { name: "x" })).body.data, []);
});

test("keys follow the record: changed, archived, restored, deleted, taken back", async () => {
  await clear("cards");
  const id = await made(admin, maria);
  const twin = async () => (await admin.post("/api/v1/cards/duplicates", maria)).body.data.length;
  const url = `/api/v1/cards/${id}`;
  assert.equal(await twin(), 1);
  await admin.patch(url, { phone: null, born: null });
  assert.equal(await twin(), 0);
  await admin.patch(url, { phone: maria.phone, born: maria.born });
  assert.equal(await twin(), 1);
  await admin.delete(`${url}?archive=true`);
  assert.equal(await twin(), 0);
  await admin.post(`${url}/restore`, {});
  assert.equal(await twin(), 1);
  await admin.delete(url);
  assert.equal(await twin(), 0);
});

test("bulk: rows with candidates are error rows, also within the file; or all are let through", async () => {
  await clear("cards");
  await clear("leads");
  const rows = [maria, { name: "Πέτρος" }, { ...maria, name: "Papadopoulou Maria" }].map((row) => JSON.stringify(row)).join("\n");
  const send = async (query) => {
    const answer = await admin.post(`/api/v1/cards/bulk${query}`, rows, { "content-type": "application/x-ndjson" });
    assert.equal(answer.status, 200, answer.text);
    return answer.text.trim().split("\n").map((line) => JSON.parse(line));
  };
  const whole = await send("?atomic=true");
  assert.deepEqual(whole.map((row) => row.status), [424, 424, 409]);
  assert.equal(whole[2].error.code, "duplicate_candidates");
  assert.deepEqual((await send("")).map((row) => row.status), [201, 201, 409]);
  assert.deepEqual((await send("?duplicates=allow")).map((row) => row.status), [201, 201, 201]);
  const warned = await admin.post("/api/v1/leads/bulk", rows, { "content-type": "application/x-ndjson" });
  const told = warned.text.trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(told[2].duplicates.includes(told[0].id), warned.text);
});

test("an import tells them as error rows, or lets them through", async () => {
  await clear("cards");
  const csv = 'name,born,phone\n"Μαρία Παπαδοπούλου",1980-03-04,+302101234567\nPapadopoulou Maria,1980-03-04,+302101234567\nΆλλη,,\n';
  const job = await admin.import("card", csv);
  assert.equal(job.body.state, "done", job.text);
  assert.deepEqual([job.body.counts.created, job.body.counts.failed], [2, 1]);
  assert.match((await admin.get(`/api/v1/jobs/${job.body.id}/errors`)).text, /duplicate_candidates/);
  const again = await admin.import("card", csv, { duplicates: "allow" });
  assert.deepEqual([again.body.counts.created, again.body.counts.failed], [3, 0], again.text);
  assert.equal((await admin.import("card", csv, { duplicates: "some" })).status, 400);
});

test("px.store.create raises the same, unless duplicates are allowed", async () => {
  await clear("cards");
  await made(admin, maria);
  const ask = async (options) => (await admin.post("/x/cards/make", { card: maria, options })).body;
  assert.equal((await ask()).code, "duplicate_candidates");
  assert.ok((await ask({ duplicates: "allow" })).id);
});

test("a scan gives groups, surest first, in pages; dismissed pairs are not shown again", async () => {
  await clear("cards");
  const a = [await made(admin, maria), await made(admin, maria, "?duplicates=allow"), await made(admin, maria, "?duplicates=allow")].sort();
  const petros = { name: "Πέτρος Νικολάου", born: "1990-01-02", email: "petros@example.gr", phone: "+302310111222", city: "Βόλος" };
  const b = [await made(admin, petros), await made(admin, { ...petros, name: "Petros Nikolaou" }, "?duplicates=allow")].sort();
  await made(admin, { name: "Μόνη" });
  const result = await scan(admin, "cards");
  assert.deepEqual([result.groups, result.pairs, result.cut_blocks], [2, 4, 0], JSON.stringify(result));
  const all = await groups(admin, "cards");
  assert.deepEqual(ids(all), [b, a]);
  assert.equal(all.scan.id, result.scan);
  assert.ok(all.data[0].pairs[0].sure && all.data[0].pairs[0].fields.length >= 4);
  const first = await groups(admin, "cards", "?limit=1");
  const second = await groups(admin, "cards", `?limit=1&after=${first.next}&scan=${result.scan}`);
  assert.deepEqual([ids(first), ids(second), second.next], [[b], [a], null]);

  const not = await admin.post("/api/v1/cards/duplicates/dismiss", { records: b });
  assert.deepEqual([not.status, not.body], [200, { changed: 1 }], not.text);
  assert.equal((await admin.post("/api/v1/cards/duplicates/dismiss", { records: b })).body.changed, 0);
  assert.deepEqual(ids(await groups(admin, "cards")), [a]);
  assert.deepEqual((await admin.get(`/api/v1/cards/${b[0]}/duplicates`)).body.data, []);
  assert.equal((await scan(admin, "cards")).groups, 1);
  const known = (await admin.get("/api/v1/cards/duplicates/dismissed")).body.data;
  assert.deepEqual(known.map((pair) => [[pair.a, pair.b].sort(), pair.by]), [[b, "user:root"]]);
  const history = await admin.get(`/api/v1/cards/${b[0]}/history`);
  assert.match(history.text, /card\.not_duplicate/);
  assert.ok(!history.text.includes(b[1]), "it names no other record");
  assert.equal((await admin.post("/api/v1/cards/duplicates/undismiss", { records: b })).body.changed, 1);
  assert.equal((await scan(admin, "cards")).groups, 2);

  const merged = await admin.post(`/api/v1/cards/${a[0]}/merge`, { others: a.slice(1) });
  assert.equal(merged.status, 200, merged.text);
  assert.deepEqual(ids(await groups(admin, "cards")), [b], "what was merged is no group any more");
});

test("the command line scans, shows and gives what merge takes", async () => {
  const table = await service.cli("record", "duplicates", "card");
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /Πέτρος Νικολάου/);
  const csv = await service.cli("record", "duplicates", "card", "--format", "csv", "--last");
  assert.equal(csv.code, 0, csv.stderr);
  const json = JSON.parse((await service.cli("record", "duplicates", "card", "--format", "json", "--last")).stdout);
  const group = json.data[0];
  const [keep, other] = group.records.map((record) => record.id);
  const not = await service.cli("record", "dismiss", "card", keep, other);
  assert.equal(not.code, 0, not.stderr);
  assert.equal(JSON.parse((await service.cli("record", "duplicates", "card", "--format", "json")).stdout).data.length, 0);
  assert.equal((await service.cli("record", "dismiss", "card", keep, other, "--undo")).code, 0);
  const merged = await service.cli("record", "merge", "card", keep, other);
  assert.equal(merged.code, 0, merged.stderr);
  const none = await service.cli("record", "duplicates", "plain");
  assert.equal(none.code !== 0 && /no rules for duplicates/.test(none.stderr), true, none.stderr);
});

test("what one may not read is no duplicate: rows, fields, scans of others", async () => {
  await clear("cards");
  const hidden = await made(admin, maria);
  assert.equal((await create(users.own, maria)).status, 201, "another's record is not told");
  assert.equal((await create(users.own, maria)).status, 409, "one's own is");
  assert.deepEqual((await users.own.get(`/api/v1/cards/${hidden}/duplicates`)).status, 404);
  const numbered = await made(admin, { name: "Α", patient_number: "77" });
  assert.equal((await create(admin, { name: "Α", patient_number: "77" })).body.candidates[0].id, numbered);
  const seen = await users.blind.post("/api/v1/cards/duplicates", { name: "Α" });
  assert.deepEqual(seen.body.data, []);
  assert.equal((await create(users.blind, { name: "Γ", patient_number: "77" })).body.code, "unknown_field");
  assert.equal((await create(users.writer, maria)).status, 201, "who reads nothing is told nothing");
  assert.ok(!(await users.blind.get("/api/v1/schema/card")).text.includes("patient_number"));
  assert.equal((await admin.get("/api/v1/schema/card")).body.duplicates.block.length, 4);
  const twins = await made(admin, { name: "Α", patient_number: "77" }, "?duplicates=allow");
  const result = await scan(users.blind, "cards");
  assert.ok(!JSON.stringify(ids(await groups(users.blind, "cards"))).includes(twins), "a hidden field pairs nothing");
  assert.equal((await scan(users.own, "cards")).groups, 0);
  assert.equal((await users.own.get(`/api/v1/cards/duplicates?scan=${result.scan}`)).status, 404);
  assert.equal((await admin.get(`/api/v1/cards/duplicates?scan=${result.scan}`)).status, 200);
  assert.equal((await users.looker.post("/api/v1/cards/duplicates/dismiss", { records: [hidden, numbered] })).status, 403);
  const foreign = await users.own.post("/api/v1/cards/duplicates/dismiss", { records: [hidden, numbered] });
  const missing = await users.own.post("/api/v1/cards/duplicates/dismiss", { records: ["0000000000001", "0000000000002"] });
  assert.deepEqual([foreign.status, missing.status], [404, 404]);
  for (const [method, target] of [["GET", ""], ["POST", ""], ["POST", "/scan"], ["GET", "/dismissed"], ["POST", "/dismiss"], ["POST", "/undismiss"]]) {
    const answer = await users.nothing.request(method, `/api/v1/cards/duplicates${target}`, { body: method === "POST" ? {} : undefined });
    assert.equal(answer.status, 404, `${method} ${target}: ${answer.text}`);
    const nobody = await service.anyone().request(method, `/api/v1/cards/duplicates${target}`, { body: method === "POST" ? {} : undefined });
    assert.equal(nobody.status, 401);
  }
});

test("bad questions are refused", async () => {
  for (const [method, target, body, status, pointer] of [
    ["POST", "/dismiss", {}, 400, "/records"],
    ["POST", "/dismiss", { records: ["0000000000001"] }, 400, "/records"],
    ["POST", "/dismiss", { records: ["0000000000001", "0000000000001"] }, 400, "/records"],
    ["POST", "/dismiss", { records: ["x", "y"] }, 400, "/records"],
    ["POST", "/scan", { resume: "x" }, 400, "/resume"],
    ["GET", "?limit=0", undefined, 400, "limit"],
    ["GET", "?after=x", undefined, 400, "after"],
    ["GET", "?scan=x", undefined, 400, "scan"],
  ]) {
    const answer = await admin.request(method, `/api/v1/cards/duplicates${target}`, { body });
    assert.equal(answer.status, status, `${target} ${answer.text}`);
    assert.equal(answer.body.errors[0].pointer, pointer);
  }
  assert.equal((await admin.post("/api/v1/plains/duplicates/scan", {})).status, 400);
  assert.equal((await admin.post("/api/v1/cards/duplicates/scan", { resume: "0000000000001" })).status, 404);
  assert.equal((await admin.get("/api/v1/quiets/duplicates")).status, 404, "no scan yet");
});

test("other rules make other keys, by a job of their own; wrong rules are refused with the place", async () => {
  await clear("cards");
  await made(admin, { name: "Ελένη", city: "Χανιά", born: "1950-05-05" });
  const twin = { name: "Άλλη", city: "Χανιά", born: "1950-05-05" };
  assert.deepEqual((await admin.post("/api/v1/cards/duplicates", twin)).body.data, []);
  writeSchema(schema.replaceAll('{ "name:sound", "born:year" }', '{ "city:3", "born" }').replaceAll("threshold = 10", "threshold = 1"));
  const reloaded = await admin.post("/api/v1/plugins/cards/reload");
  assert.equal(reloaded.status, 200, reloaded.text);
  await until(async () => (await admin.post("/api/v1/cards/duplicates", twin)).body.data.length === 1, 20000);
  const jobs = await admin.get("/api/v1/jobs");
  assert.ok(jobs.body.data.some((job) => job.kind === "duplicate_keys" && job.state === "done"), jobs.text);
  writeSchema(schema.replaceAll('"born:year"', '"bron:year"'));
  const wrong = await admin.post("/api/v1/plugins/cards/reload");
  assert.equal(wrong.status, 422, wrong.text);
  assert.match(wrong.text, /duplicates\.block\[1\]/);
  assert.match(wrong.text, /did you mean .*born/);
  writeSchema(schema);
  assert.equal((await admin.post("/api/v1/plugins/cards/reload")).status, 200);
});

test("a scan that kill -9 cut off goes on", async () => {
  await clear("quiets");
  const word = (n) => [...String(n).padStart(3, "0")].map((digit) => ["ba", "ke", "lo", "mi", "nu", "po", "re", "si", "ta", "vo"][digit]).join("");
  const rows = Array.from({ length: 1500 }, (_, i) => i % 500).map((n) =>
    JSON.stringify({ name: word(n), email: `${word(n)}@example.gr`, born: `${1900 + (n % 100)}-0${1 + (n % 9)}-${10 + (n % 18)}` }));
  const sent = await admin.post("/api/v1/quiets/bulk", rows.join("\n"), { "content-type": "application/x-ndjson" });
  assert.equal(sent.status, 200);
  const started = await admin.post("/api/v1/quiets/duplicates/scan", {});
  await service.kill();
  await service.restart();
  const job = await admin.job(started.body.id);
  assert.equal(job.body.state, "done", job.text);
  const again = await scan(admin, "quiets");
  assert.deepEqual([job.body.result.groups, job.body.result.pairs], [again.groups, again.pairs]);
  assert.equal(again.groups, 500, JSON.stringify(again));
});

// ---- the record-linkage data (its rec_id says who is who) ----

function readFebrl(...files) {
  const rows = [];
  for (const file of files) {
    const lines = readFileSync(path.join(dataFolder, "record-linkage", file), "utf8").trim().split("\n");
    const names = lines.shift().split(",").map((name) => name.trim());
    for (const line of lines) {
      const cells = line.split(",").map((cell) => cell.trim());
      rows.push(Object.fromEntries(names.map((name, i) => [name, cells[i]])));
    }
  }
  return rows;
}

const entity = (id) => Number(id.split("-")[1]);

function judge(found, rows, wanted) {
  const members = new Map();
  for (const row of rows) {
    if (wanted(entity(row.rec_id))) members.set(entity(row.rec_id), (members.get(entity(row.rec_id)) ?? 0) + 1);
  }
  const truth = [...members.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
  const told = found.filter(([a]) => wanted(entity(a)));
  const right = told.filter(([a, b]) => entity(a) === entity(b)).length;
  const precision = right / told.length;
  const recall = right / truth;
  return { pairs: told.length, truth, precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

async function link(files) {
  await clear("listings");
  const rows = readFebrl(...files);
  const csv = ["external_id," + Object.keys(rows[0]).slice(1).join(",")];
  for (const row of rows) csv.push(Object.values(row).map((cell) => `"${cell}"`).join(","));
  const job = await admin.import("listing", csv.join("\n") + "\n", { duplicates: "allow" });
  assert.equal(job.body.counts.created, rows.length, job.text);
  const result = await scan(admin, "listings");
  const found = [];
  for (let after = ""; after !== null; ) {
    const page = await groups(admin, "listings", `?limit=1000${after ? `&after=${after}` : ""}`);
    for (const group of page.data) {
      const names = new Map(group.records.map((record) => [record.id, record.external_id]));
      for (const pair of group.pairs) found.push([names.get(pair.a), names.get(pair.b)]);
    }
    after = page.next;
  }
  assert.equal(found.length, result.pairs);
  return { rows, found };
}

for (const files of [["febrl_dataset1.csv"], ["febrl_dataset4a.csv", "febrl_dataset4b.csv"]]) {
  test(`record linkage: ${files.join(" and ")}`, { skip: dataFolder ? false : "no PROXENOS_TEST_DATA" }, async () => {
    const { rows, found } = await link(files);
    for (const [name, wanted] of [["odd", (n) => n % 2 === 1], ["even", (n) => n % 2 === 0], ["whole", () => true]]) {
      const told = judge(found, rows, wanted);
      console.log(
        `${files.join("+")} ${name}: ${told.pairs} pairs found of ${told.truth}, precision ${told.precision.toFixed(4)}, ` +
          `recall ${told.recall.toFixed(4)}, F1 ${told.f1.toFixed(4)}`,
      );
      assert.ok(told.f1 >= 0.95, JSON.stringify(told));
    }
  });
}
