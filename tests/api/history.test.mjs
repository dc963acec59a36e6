// The past of records from outside: what they were, who changed what, why a field holds what it holds; links over the CLI.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service();
let admin;
let manager;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  manager = await service.client("manager", "maria");
});
after(() => service.remove());

const make = async (object, fields) => {
  const made = await manager.post(`/api/v1/${object}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

test("a record as of a moment, one and a list", async () => {
  const first = await make("organisations", { name: "Πρώτη", roles: ["prospect"], country: "GR" });
  const moments = [first.updated_at];
  const versions = [first];
  for (const change of [{ name: "Δεύτερη" }, { roles: { add: "client" } }, { country: null }]) {
    await pause();
    const changed = await manager.patch(`/api/v1/organisations/${first.id}`, change);
    versions.push(changed.body);
    moments.push(changed.body.updated_at);
  }
  for (const [i, moment] of moments.entries()) {
    const then = await manager.get(`/api/v1/organisations/${first.id}?as_of=${moment}`);
    assert.equal(then.status, 200, then.text);
    assert.deepEqual(then.body, versions[i]);
  }
  const today = new Date().toISOString().slice(0, 10);
  const list = await manager.get(`/api/v1/organisations?as_of=${today}&ids=${first.id},0000000000001`);
  assert.deepEqual(list.body, { data: [versions.at(-1)], next: null });
  assert.equal((await manager.get(`/api/v1/organisations/${first.id}?as_of=2001-01-01`)).status, 404);
  const printed = await service.cli("record", "get", "organisation", first.id, "--as-of", moments[1], "--format", "json");
  assert.deepEqual(JSON.parse(printed.stdout), versions[1]);
});

test("bad moments and lists are refused with the place", async () => {
  const some = await make("organisations", { name: "Κάποια" });
  for (const [query, status, pointer] of [
    [`/${some.id}?as_of=yesterday`, 422, "as_of"],
    [`/${some.id}?as_of=2026-01-01&fields=name`, 400, "fields"],
    ["?as_of=2026-01-01", 400, "ids"],
    [`?as_of=2026-01-01&ids=${some.id},x`, 400, "ids"],
    [`?as_of=2026-01-01&ids=${some.id}&filter=x`, 400, "filter"],
    [`?ids=${some.id}`, 400, "ids"],
  ]) {
    const refused = await manager.get(`/api/v1/organisations${query}`);
    assert.equal(refused.status, status, `${query}: ${refused.text}`);
    assert.equal(refused.body.errors[0].pointer, pointer);
  }
});

test("history pages in both directions; a missing record has none", async () => {
  const one = await make("organisations", { name: "Ιστορία" });
  for (let i = 1; i <= 5; i++) await manager.patch(`/api/v1/organisations/${one.id}`, { employees: i });
  const url = `/api/v1/organisations/${one.id}/history`;
  const all = await manager.get(url);
  assert.deepEqual(all.body.data.map((event) => event.version), [1, 2, 3, 4, 5, 6]);
  assert.equal(all.body.next, null);
  assert.deepEqual(all.body.data[1].data, { before: { employees: null }, after: { employees: 1 } });
  for (const newest of ["false", "true"]) {
    const seen = [];
    for (let after = ""; after !== null; ) {
      const page = await manager.get(`${url}?limit=4&newest=${newest}${after ? `&after=${after}` : ""}`);
      assert.equal(page.status, 200, page.text);
      seen.push(...page.body.data.map((event) => event.version));
      after = page.body.next;
    }
    assert.deepEqual(seen, newest === "true" ? [6, 5, 4, 3, 2, 1] : [1, 2, 3, 4, 5, 6]);
  }
  assert.equal((await manager.get("/api/v1/organisations/0000000000001/history")).status, 404);
  assert.equal((await manager.get(`${url}?limit=0`)).status, 400);
  assert.equal((await manager.get(`${url}?after=nonsense`)).body.code, "cursor");
  const printed = await service.cli("record", "history", "organisation", one.id, "--newest", "--limit", "1");
  assert.match(printed.stdout, /organisation\.updated +6 .*employees/);
});

test("why: who, when, through which plugin and version, because of which event", async () => {
  const client = await make("organisations", { name: "Πελάτης", roles: ["prospect"] });
  const deal = await make("opportunities", { name: "Προσφορά", organisation: client.id });
  const moves = ["engaging", "won"];
  for (const stage of moves) {
    const moved = await manager.patch(`/api/v1/opportunities/${deal.id}`, { stage });
    assert.ok(moved.status < 300, moved.text);
  }
  await until(async () => (await manager.get(`/api/v1/organisations/${client.id}`)).body.roles.includes("client"));
  const why = await manager.get(`/api/v1/organisations/${client.id}/why/roles`);
  assert.equal(why.status, 200, why.text);
  assert.deepEqual(why.body.value, ["client", "prospect"]);
  assert.equal(why.body.actor, "plugin:relations");
  assert.equal(why.body.plugin.name, "relations");
  assert.match(why.body.plugin.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(why.body.because.map((event) => [event.type, event.record, event.actor]), [["opportunity.updated", deal.id, "user:maria"]]);
  assert.equal("seq" in why.body.event, false, "seq is for auditors");
  const name = await manager.get(`/api/v1/organisations/${client.id}/why/name`);
  assert.equal(name.body.actor, "user:maria");
  assert.equal("plugin" in name.body, false);
  const printed = await service.cli("why", `organisation/${client.id}.roles`);
  assert.match(printed.stdout, /via +plugin relations \d/);
  assert.match(printed.stdout, /because +opportunity\.updated/);
  for (const [field, status] of [["nane", 400], ["version", 400], ["updated_at", 400]]) {
    const refused = await manager.get(`/api/v1/organisations/${client.id}/why/${field}`);
    assert.equal(refused.status, status, refused.text);
  }
  assert.equal((await manager.get("/api/v1/organisations/0000000000001/why/name")).status, 404);
  assert.equal((await service.cli("why", "organisation.name")).code, 2);
});

test("links are added and taken away at the command line", async () => {
  const people = [await make("people", { name: "Άννα" }), await make("people", { name: "Βασίλης" })].map((person) => person.id);
  const meeting = await make("interactions", { kind: "meeting", subject: "Γνωριμία", at: "2026-03-01T10:00:00Z" });
  const linked = await service.cli("record", "link", "interaction", meeting.id, "people", ...people, "--format", "json");
  assert.deepEqual(JSON.parse(linked.stdout).people, people, linked.stderr);
  const unlinked = await service.cli("record", "unlink", "interaction", meeting.id, "people", people[0], "--format", "json");
  assert.deepEqual(JSON.parse(unlinked.stdout).people, [people[1]]);
  const missing = await service.cli("record", "link", "interaction", meeting.id, "people", "0000000000001");
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /does not exist/);
  const single = await service.cli("record", "link", "interaction", meeting.id, "subject", people[0]);
  assert.equal(single.code, 1);
});
