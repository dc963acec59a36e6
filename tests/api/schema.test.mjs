// Object types and fields declared while the service runs: all that follows from a declaration, what is refused, archived and
// brought back, dropped by a token with a backup first, and writers that go on meanwhile.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service();
let admin;
const objects = "/api/v1/schema/objects";
const fields = (object) => `${objects}/${object}/fields`;
const events = async (pattern) => (await admin.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`)).body.data;
const epoch = async () => (await admin.get(objects)).body.epoch;

async function ok(answer, status = 200) {
  const got = await answer;
  assert.equal(got.status, status, got.text);
  return got.body;
}
async function job(id) {
  return until(async () => {
    const { body } = await admin.get(`/api/v1/jobs/${id}`);
    return ["done", "failed"].includes(body.state) && body;
  });
}

before(async () => {
  await service.start();
  admin = await service.client("admin");
});
after(() => service.remove());

test("a field of a plugin's object: REST, filter, order, OpenAPI, history, export and CLI know it at once", async () => {
  const old = await ok(admin.post("/api/v1/organisations", { name: "Old" }), 201);
  const before = await epoch();
  const answer = await admin.post(fields("organisation"), {
    name: "x_fleet",
    type: "integer",
    min: 0,
    index: true,
    label: { en: "Fleet", el: "Στόλος" },
  });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.body.epoch, before + 1);
  assert.equal(answer.headers.get("etag"), `"${before + 1}"`);
  assert.deepEqual(answer.body.added, ["organisation.x_fleet"]);
  assert.equal((await ok(admin.get(`/api/v1/organisations/${old.id}`))).x_fleet, null);
  const made = await ok(admin.post("/api/v1/organisations", { name: "New", x_fleet: 7 }), 201);
  assert.equal(made.x_fleet, 7);
  const bad = await admin.patch(`/api/v1/organisations/${made.id}`, { x_fleet: -1 });
  assert.deepEqual([bad.status, bad.body.errors[0].pointer], [422, "/x_fleet"]);
  const found = await ok(admin.get("/api/v1/organisations?filter=x_fleet[gt]:5&order=-x_fleet&fields=x_fleet"));
  assert.deepEqual(found.data.map((row) => row.x_fleet), [7]);
  await ok(admin.patch(`/api/v1/organisations/${made.id}`, { x_fleet: 9 }));
  const history = await ok(admin.get(`/api/v1/organisations/${made.id}/history`));
  assert.ok(history.data.some((entry) => entry.data.before?.x_fleet === 7 && entry.data.after?.x_fleet === 9));
  const document = await ok(admin.get("/openapi.json"));
  assert.equal(document.components.schemas.Organisation.properties.x_fleet.type.includes("integer"), true);
  const described = await ok(admin.get("/api/v1/schema/organisation"));
  assert.deepEqual(described.fields.find((field) => field.name === "x_fleet").label, { en: "Fleet", el: "Στόλος" });
  assert.equal(described.fields.find((field) => field.name === "x_fleet").plugin, "custom");
  const csv = await admin.get("/api/v1/organisations/export?format=csv&filter=x_fleet[eq]:9");
  assert.match(csv.text.split("\n")[0], /x_fleet/);
  const listed = await service.cli("record", "list", "organisation", "--filter", "x_fleet[eq]:9");
  assert.match(listed.stdout, /x_fleet|Fleet/i);
  const entry = (await events("schema.field_added")).at(-1);
  assert.deepEqual([entry.data.after.object, entry.data.after.field], ["organisation", "x_fleet"]);
  assert.equal(entry.actor, `user:${admin.user.name}`);
});

test("an object type of one's own, with states, references, rights and Lua, and after a restart too", async () => {
  await ok(
    admin.post(objects, {
      name: "x_vessel",
      label: { en: "Vessel", el: "Πλοίο" },
      title: "name",
      fields: [
        { name: "name", type: "text", required: true, search: true },
        { name: "owner_firm", type: "ref", to: "organisation" },
        { name: "stage", type: "enum", of: ["planned", "afloat", "scrapped"] },
      ],
      states: { field: "stage", initial: "planned", moves: { planned: ["afloat"], afloat: ["scrapped"] } },
    }),
    201,
  );
  const firm = await ok(admin.post("/api/v1/organisations", { name: "Ναυτιλιακή" }), 201);
  const vessel = await ok(admin.post("/api/v1/x_vessels", { name: "Αργώ", owner_firm: firm.id }), 201);
  assert.equal(vessel.stage, "planned");
  assert.equal((await admin.patch(`/api/v1/x_vessels/${vessel.id}`, { stage: "scrapped" })).status, 422);
  const found = await ok(admin.get("/api/v1/x_vessels?include=owner_firm&filter=" + encodeURIComponent('owner_firm.name[eq]:"Ναυτιλιακή"')));
  assert.equal(found.data[0].owner_firm.name, "Ναυτιλιακή");
  await until(async () => JSON.stringify(await ok(admin.get("/api/v1/search?q=argo"))).includes(vessel.id));
  // Nobody else has rights on it until a role names it.
  await ok(admin.post("/api/v1/roles", { name: "captain", grants: { x_vessel: { verbs: ["read"] } } }), 201);
  const captain = await service.client("captain");
  assert.equal((await ok(captain.get("/api/v1/x_vessels"))).data.length, 1);
  assert.equal((await captain.post("/api/v1/x_vessels", { name: "No" })).status, 403);
  const run = await ok(admin.post("/api/v1/run", { source: 'print(px.store.find("x_vessel", { filter = { name = "Αργώ" } })[1].stage)' }));
  assert.match(JSON.stringify(run), /planned/);
  await service.stop();
  await service.restart();
  assert.equal((await ok(admin.get(`/api/v1/x_vessels/${vessel.id}`))).name, "Αργώ");
  assert.equal((await ok(admin.get(objects))).objects.find((one) => one.name === "x_vessel").archived, false);
});

test("what is refused says why and where; a dry run does nothing", async () => {
  const before = await epoch();
  const cases = [
    [{ name: "fleet", type: "integer" }, 422, "/name"],
    [{ name: "x_Fleet", type: "integer" }, 422, "/name"],
    [{ name: "x_odd", type: "integr" }, 422, "/type"],
    [{ name: "x_odd", type: "integer", maximum: 3 }, 422, ""],
    [{ name: "x_odd", type: "ref", to: "x_nothing" }, 422, "/to"],
    [{ name: "x_odd", type: "enum", of: ["a", "a"] }, 422, "/of"],
    [{ name: "x_odd", type: "enum", of: Array.from({ length: 2001 }, (_, i) => `w${i}`) }, 422, "/of"],
    [{ name: "x_odd", type: "text", label: "L".repeat(201) }, 413, "/label"],
    [{ name: "x_fleet", type: "integer" }, 409, "/name"],
    [{ name: "x_odd", type: "integer", required: true }, 422, ""],
  ];
  for (const [body, status, pointer] of cases) {
    const answer = await admin.post(fields("organisation"), body);
    assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 80)}: ${answer.text}`);
    assert.equal((answer.body.errors?.[0] ?? answer.body).pointer ?? "", pointer, answer.text);
  }
  assert.match((await admin.post(fields("organisation"), { name: "x_odd", type: "integer", required: true })).text, /3 stored records lack it/);
  assert.match((await admin.post(fields("organisatoin"), { name: "x_odd", type: "text" })).text, /did you mean organisation/);
  assert.equal((await admin.patch(`${fields("organisation")}/name`, { label: "Firm" })).status, 409);
  assert.equal((await admin.delete(`${fields("organisation")}/x_nothing`)).status, 404);
  assert.equal((await admin.post(objects, { name: "vessel", fields: [] })).status, 422);
  assert.equal((await admin.patch(`${objects}/organisation`, { label: "Firm" })).status, 409);
  const stale = await admin.post(fields("organisation"), { name: "x_odd", type: "text" }, { "if-match": `"${before - 1}"` });
  assert.equal(stale.status, 412, stale.text);
  const user = await service.client("reader");
  assert.equal((await user.post(fields("organisation"), { name: "x_odd", type: "text" })).status, 403);
  assert.equal((await user.get(objects)).status, 403);
  const dry = await ok(admin.post(`${fields("organisation")}?dry_run=true`, { name: "x_odd", type: "text" }));
  assert.deepEqual([dry.dry_run, dry.added, dry.epoch], [true, ["organisation.x_odd"], before + 1]);
  assert.equal(await epoch(), before);
});

test("changing: labels, wider limits, more words, required with a look at the rows", async () => {
  const where = `${fields("x_vessel")}/grade`;
  await ok(admin.post(fields("x_vessel"), { name: "grade", type: "enum", of: ["a", "b"] }), 201);
  const vessel = await ok(admin.post("/api/v1/x_vessels", { name: "Graded", grade: "b" }), 201);
  await ok(admin.patch(where, { label: { en: "Grade", el: "Βαθμός" }, of: ["a", "b", "c"] }));
  await ok(admin.patch(`/api/v1/x_vessels/${vessel.id}`, { grade: "c" }));
  const narrowed = await admin.patch(where, { of: ["a", "b"] });
  assert.equal(narrowed.status, 422);
  assert.match(narrowed.text, /no longer declared/);
  const required = await admin.patch(where, { required: true });
  assert.match(required.text, /1 stored record lacks it/);
  await ok(admin.patch(where, { required: true, default: "a" }));
  assert.deepEqual((await ok(admin.get("/api/v1/x_vessels?fields=grade&order=name"))).data.map((row) => row.grade).sort(), ["a", "c"]);
  await ok(admin.patch(where, { required: null }));
  assert.equal((await admin.patch(where, { type: "integer" })).status, 422);
  assert.equal((await admin.patch(where, { name: "level" })).status, 422);
  await ok(admin.post(fields("x_vessel"), { name: "note", type: "text", max: 5 }), 201);
  await ok(admin.patch(`${fields("x_vessel")}/note`, { max: 50, search: true }));
  await ok(admin.patch(`/api/v1/x_vessels/${vessel.id}`, { note: "longer than five" }));
  assert.equal((await admin.patch(`${fields("x_vessel")}/note`, { max: 5 })).status, 422);
});

test("archived, restored with its values; dropped only by a token, with a backup first", async () => {
  const where = `${fields("organisation")}/x_fleet`;
  await ok(admin.delete(where));
  assert.equal((await admin.get("/api/v1/organisations?filter=x_fleet[gt]:0")).status, 400);
  assert.equal((await ok(admin.get(objects))).fields.find((field) => field.name === "x_fleet").archived, true);
  assert.equal((await admin.post(fields("organisation"), { name: "x_fleet", type: "text" })).status, 409);
  await ok(admin.post(`${where}/restore`));
  assert.deepEqual((await ok(admin.get("/api/v1/organisations?filter=x_fleet[gt]:0&fields=x_fleet"))).data.map((row) => row.x_fleet), [9]);
  // Only what is archived can be dropped.
  assert.equal((await admin.delete(`${where}?drop=true`)).status, 409);
  await ok(admin.delete(where));
  const asked = await admin.delete(`${where}?drop=true`);
  assert.equal(asked.status, 409);
  assert.equal(asked.body.rows, 1);
  assert.equal((await admin.delete(`${where}?drop=true&confirm=0-00000000`)).status, 409);
  const started = await ok(admin.delete(`${where}?drop=true&confirm=${asked.body.confirm}`), 202);
  const done = await job(started.id);
  assert.equal(done.state, "done", JSON.stringify(done));
  assert.equal(done.result.rows, 1);
  const checked = await service.cli("restore", done.result.backup, "--verify");
  assert.equal(checked.code, 0, checked.stderr);
  const entry = (await events("schema.field_dropped")).at(-1);
  assert.deepEqual([entry.data.after.rows, entry.data.after.backup], [1, done.result.backup]);
  // The name is free again, and what the log says of the old field is not taken for the new one.
  await ok(admin.post(fields("organisation"), { name: "x_fleet", type: "text" }), 201);
  const [row] = (await ok(admin.get("/api/v1/organisations?filter=" + encodeURIComponent('name[eq]:"New"')))).data;
  assert.equal(row.x_fleet, null);
  const then = await ok(admin.get(`/api/v1/organisations/${row.id}?as_of=${encodeURIComponent(row.updated_at)}`));
  assert.equal(then.x_fleet, null);
  assert.equal((await ok(admin.get(`/api/v1/organisations/${row.id}/history`))).data.length >= 2, true);
});

test("an object type: not archived while something refers to it; dropped with its records", async () => {
  await ok(admin.post(fields("organisation"), { name: "x_flagship", type: "ref", to: "x_vessel" }), 201);
  const refused = await admin.delete(`${objects}/x_vessel`);
  assert.equal(refused.status, 422, refused.text);
  assert.match(refused.text, /x_flagship|x_vessel/);
  await ok(admin.delete(`${fields("organisation")}/x_flagship`));
  await ok(admin.delete(`${objects}/x_vessel`));
  assert.equal((await admin.get("/api/v1/x_vessels")).status, 404);
  await ok(admin.post(`${objects}/x_vessel/restore`));
  assert.equal((await ok(admin.get("/api/v1/x_vessels"))).data.length, 2);
  await ok(admin.delete(`${objects}/x_vessel`));
  const asked = await admin.delete(`${objects}/x_vessel?drop=true`);
  assert.equal(asked.body.rows, 2, asked.text);
  const { id } = await ok(admin.delete(`${objects}/x_vessel?drop=true&confirm=${asked.body.confirm}`), 202);
  assert.equal((await job(id)).state, "done");
  assert.equal((await admin.post(`${objects}/x_vessel/restore`)).status, 404);
  const verified = await job((await ok(admin.post("/api/v1/jobs", { kind: "verify" }), 202)).id);
  assert.equal(verified.result.verified, true, JSON.stringify(verified));
});

test("writers go on while fields come and go: no error but an unknown field, and the chain verifies", async () => {
  let going = true;
  let written = 0;
  const wrong = [];
  const writer = async (number) => {
    for (let i = 0; going; i++) {
      const answer = await admin.post("/api/v1/organisations", { name: `w${number}-${i}`, x_turn: i });
      if (answer.status === 201) written++;
      else if (answer.status !== 400 || answer.body.code !== "unknown_field") wrong.push(answer.text);
    }
  };
  const writers = [1, 2, 3, 4].map(writer);
  for (let round = 0; round < 6; round++) {
    await ok(round === 0 ? admin.post(fields("organisation"), { name: "x_turn", type: "integer" }) : admin.post(`${fields("organisation")}/x_turn/restore`), round === 0 ? 201 : 200);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await ok(admin.delete(`${fields("organisation")}/x_turn`));
  }
  going = false;
  await Promise.all(writers);
  assert.deepEqual(wrong, []);
  assert.ok(written > 0);
  await ok(admin.post(`${fields("organisation")}/x_turn/restore`));
  const count = await ok(admin.get("/api/v1/organisations?filter=x_turn[ge]:0&limit=1&count=exact"));
  assert.equal(count.count, written, JSON.stringify(count).slice(0, 200));
});

test("as a job: what takes long, and nothing else", async () => {
  const { id } = await ok(
    admin.post("/api/v1/jobs", { kind: "schema_change", action: "add_field", object: "organisation", declared: { name: "x_big", type: "integer", index: true } }),
    202,
  );
  const done = await job(id);
  assert.deepEqual([done.state, done.result.added], ["done", ["organisation.x_big"]], JSON.stringify(done));
  const odd = await job((await ok(admin.post("/api/v1/jobs", { kind: "schema_change", action: "add_nothing" }), 202)).id);
  assert.equal(odd.state, "failed");
  const user = await service.client("reader");
  assert.equal((await user.post("/api/v1/jobs", { kind: "schema_change" })).status, 403);
});

test("the command line does the same, in the same words", async () => {
  const cli = (...words) => service.cli("schema", ...words);
  const good = async (...words) => {
    const answer = await cli(...words);
    assert.equal(answer.code, 0, `${words.join(" ")}: ${answer.stderr}`);
    return answer.stdout;
  };
  await good("add-object", "x_berth", 'label={"en":"Berth","el":"Θέση"}', 'fields=[{"name":"name","type":"text","required":true}]');
  await good("add-field", "x_berth", "depth", "decimal", "scale=1", "min=0");
  await good("change-field", "x_berth", "depth", "max=40", "min=");
  await good("add-field", "person", "x_rank", "text", "max=20", "--dry-run");
  assert.equal((await cli("add-field", "person", "rank", "text")).code, 1);
  const list = await good("list", "--format", "csv");
  assert.match(list, /x_berth,depth,decimal,,declared/);
  assert.match(await good("show", "x_berth"), /depth/);
  await good("archive-field", "x_berth", "depth");
  await good("restore-field", "x_berth", "depth");
  await good("archive-object", "x_berth");
  assert.match(await good("list"), /archived/);
  const unsure = await cli("drop-object", "x_berth");
  assert.equal(unsure.code, 1);
  assert.match(unsure.stderr, /0 records lose/);
  assert.match(await good("drop-object", "x_berth", "--yes"), /backup/);
  assert.doesNotMatch(await good("list"), /x_berth/);
});
