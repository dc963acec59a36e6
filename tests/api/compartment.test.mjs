// Compartments as people use them: who comes in, by whose hand, for how long; what those outside are told.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";
import { login, makeCompartment, person, wallPlugins } from "./walls.mjs";

const plugins = wallPlugins();
const service = new Service({ plugins: plugins.folder, enable: ["walls"] });
const people = {};
let admin, deal;

function refused(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.code, code, answer.text);
}
const same = (one, other) => {
  const plain = (answer) => [answer.status, answer.text.replace(/"request_id":"[^"]*"/, "").replace(/[0-9a-hjkmnp-tv-z]{13}/g, "ID")];
  assert.deepEqual(plain(one), plain(other));
};
const list = async (client, target) => (await client.get(target)).body.data;

before(async () => {
  await service.start();
  admin = await person(service, "admin", "root");
  for (const name of ["kate", "karl", "mia", "oscar", "gus"]) people[name] = await person(service, "manager", name);
  const breaker = await admin.post("/api/v1/roles", { name: "emergency", break_glass: true, grants: { "*": { verbs: ["read"] } } });
  assert.equal(breaker.status, 201, breaker.text);
  people.bea = await person(service, "emergency", "bea");
  deal = await makeCompartment(admin, "deal", [people.kate, people.karl], [people.mia]);
});

after(async () => {
  await service.remove();
  plugins.remove();
});

test("those inside see it and its members, nobody else does", async () => {
  assert.equal((await people.mia.get(`/api/v1/compartments/${deal}`)).body.name, "deal");
  assert.deepEqual((await list(people.kate, "/api/v1/compartment_accesses")).map((one) => one.who).sort(), ["user:karl", "user:kate", "user:mia"]);
  for (const outside of [admin, people.oscar, people.bea]) {
    same(await outside.get(`/api/v1/compartments/${deal}`), await outside.get("/api/v1/compartments/0000000000001"));
    assert.deepEqual(await list(outside, "/api/v1/compartments"), []);
    assert.deepEqual(await list(outside, "/api/v1/compartment_accesses"), []);
    assert.ok(!(await outside.get("/api/v1/events?limit=1000")).text.includes(deal));
  }
});

test("a record inside is there for members alone", async () => {
  const made = await people.mia.post("/api/v1/firms", { name: "Hidden Ltd", code: "H1", compartment: deal });
  assert.equal(made.status, 201, made.text);
  assert.equal((await people.karl.get(`/api/v1/firms/${made.body.id}`)).body.compartment, deal);
  const byName = await people.mia.post("/api/v1/firms", { name: "Named Ltd", compartment: "deal" });
  assert.equal(byName.body.compartment, deal, byName.text);
  for (const outside of [admin, people.oscar, people.mia.lent]) {
    same(await outside.get(`/api/v1/firms/${made.body.id}`), await outside.get("/api/v1/firms/0000000000001"));
    assert.deepEqual(await list(outside, "/api/v1/firms"), []);
    same(await outside.patch(`/api/v1/firms/${made.body.id}`, { name: "x" }), await outside.patch("/api/v1/firms/0000000000001", { name: "x" }));
    same(
      await outside.post("/api/v1/firms", { name: "x", compartment: deal }),
      await outside.post("/api/v1/firms", { name: "x", compartment: "0000000000001" }),
    );
  }
  const taken = await people.oscar.post("/api/v1/firms", { name: "Open Ltd", code: "H1" });
  assert.equal(taken.status, 201, taken.text);
});

test("what is outside cannot point inside", async () => {
  const hidden = await people.mia.post("/api/v1/firms", { name: "Target", compartment: deal });
  const open = await people.mia.post("/api/v1/firms", { name: "Pointing", parent: hidden.body.id });
  refused(open, 422, "reference");
  const inside = await people.mia.post("/api/v1/firms", { name: "Child", parent: hidden.body.id, compartment: deal });
  assert.equal(inside.status, 201, inside.text);
  refused(await people.mia.patch(`/api/v1/firms/${inside.body.id}`, { compartment: null }), 422, "reference");
});

test("a keeper proposes, another confirms, a third person has no say", async () => {
  const proposal = { user: people.gus.id, reason: "works on it" };
  refused(await people.mia.post(`/api/v1/compartments/${deal}/accesses`, proposal), 403, "forbidden");
  same(
    await people.oscar.post(`/api/v1/compartments/${deal}/accesses`, proposal),
    await people.oscar.post("/api/v1/compartments/0000000000001/accesses", proposal),
  );
  const asked = await people.kate.post(`/api/v1/compartments/${deal}/accesses`, proposal);
  assert.equal(asked.status, 201, asked.text);
  const url = `/api/v1/compartment_accesses/${asked.body.id}`;
  refused(await people.kate.post(`${url}/confirm`, {}), 403, "same_person");
  refused(await people.mia.post(`${url}/confirm`, {}), 403, "forbidden");
  same(await admin.post(`${url}/confirm`, {}), await admin.post("/api/v1/compartment_accesses/0000000000001/confirm", {}));
  assert.equal((await people.gus.get(`/api/v1/compartments/${deal}`)).status, 404);
  const confirmed = await people.karl.post(`${url}/confirm`, {});
  assert.equal(confirmed.body.state, "active", confirmed.text);
  assert.equal((await people.gus.get(`/api/v1/compartments/${deal}`)).status, 200);
  refused(await people.karl.post(`${url}/refuse`, {}), 409, "conflict");
  const left = await people.gus.post(`${url}/end`, {});
  assert.equal(left.status, 200, left.text);
  assert.equal((await people.gus.get(`/api/v1/compartments/${deal}`)).status, 404);
});

test("nobody writes these records but by their own requests; two keepers always stay", async () => {
  const [own] = (await list(people.kate, "/api/v1/compartment_accesses")).filter((one) => one.who === "user:kate");
  refused(await people.kate.patch(`/api/v1/compartments/${deal}`, { name: "other" }), 422, "readonly");
  refused(await people.kate.delete(`/api/v1/compartment_accesses/${own.id}`), 422, "readonly");
  refused(await people.kate.post(`/api/v1/compartment_accesses/${own.id}/end`, {}), 409, "conflict");
  refused(await admin.post("/api/v1/compartments", { name: "thin", members: [{ user: people.kate.id, keeper: true }] }), 400, "invalid");
  refused(await people.oscar.post("/api/v1/compartments", { name: "mine", members: [] }), 403, "forbidden");
});

test("crossing: the same answer whether it is there or not; a keeper lets in, for a time", async () => {
  const ask = { reason: "review of the file", hours: 2 };
  same(
    await people.oscar.post("/api/v1/crossings", { compartment: "deal", ...ask }),
    await people.oscar.post("/api/v1/crossings", { compartment: "no such deal", ...ask }),
  );
  refused(await people.oscar.post("/api/v1/crossings", { compartment: "deal", hours: 1 }), 422, "required");
  refused(await people.oscar.post("/api/v1/crossings", { compartment: "deal", ...ask, hours: 9 }), 422, "range");
  const waiting = (await list(people.kate, `/api/v1/compartment_accesses?filter=${encodeURIComponent('and(kind[eq]:"crossing",state[eq]:"asked")')}`));
  assert.equal(waiting.length, 1);
  assert.equal(waiting[0].reason, ask.reason);
  const let_in = await people.kate.post(`/api/v1/compartment_accesses/${waiting[0].id}/confirm`, {});
  assert.equal(let_in.status, 200, let_in.text);
  const hours = (Date.parse(let_in.body.until) - Date.parse(let_in.body.from)) / 3600000;
  assert.equal(hours, 2);
  const seen = await list(people.oscar, `/api/v1/firms?filter=${encodeURIComponent('name[eq]:"Hidden Ltd"')}`);
  assert.equal(seen.length, 1);
  refused(await people.oscar.patch(`/api/v1/firms/${seen[0].id}`, { size: 1 }), 403, "forbidden");
  assert.equal((await people.karl.post(`/api/v1/compartment_accesses/${waiting[0].id}/end`, { comment: "enough" })).status, 200);
  assert.equal((await people.oscar.get(`/api/v1/firms/${seen[0].id}`)).status, 404);
});

test("break-glass: only where it is allowed, for an hour, reviewed by a keeper", async () => {
  const ward = await makeCompartment(admin, "ward", [people.kate, people.karl], [], { break_glass: true });
  const patient = await people.kate.post("/api/v1/firms", { name: "Patient", compartment: ward });
  const reason = "unconscious at the door";
  refused(await people.oscar.post("/api/v1/break-glass", { compartment: "ward", reason }), 403, "forbidden");
  same(
    await people.bea.post("/api/v1/break-glass", { compartment: "deal", reason }),
    await people.bea.post("/api/v1/break-glass", { compartment: "nothing", reason }),
  );
  same(
    await people.bea.post("/api/v1/break-glass", { object: "firm", record: "0000000000001", reason }),
    await people.bea.post("/api/v1/break-glass", { object: "nosuch", record: "0000000000001", reason }),
  );
  refused(await people.bea.post("/api/v1/break-glass", { compartment: "ward" }), 422, "required");
  const opened = await people.bea.post("/api/v1/break-glass", { object: "firm", record: patient.body.id, reason });
  assert.equal(opened.status, 201, opened.text);
  assert.equal((await people.bea.get(`/api/v1/firms/${patient.body.id}`)).body.name, "Patient");
  const open = await list(people.karl, `/api/v1/compartment_accesses?filter=${encodeURIComponent('review[eq]:"open"')}`);
  assert.equal(open.length, 1);
  assert.equal(open[0].reason, reason);
  const told = await people.karl.get("/api/v1/events?limit=1000&pattern=compartment_access.glass_broken");
  assert.equal(told.body.data.length, 1, told.text);
  const url = `/api/v1/compartment_accesses/${opened.body.id}`;
  refused(await people.bea.post(`${url}/review`, { verdict: "in_order" }), 403, "forbidden");
  refused(await people.karl.post(`${url}/review`, { verdict: "objected" }), 422, "required");
  const reviewed = await people.karl.post(`${url}/review`, { verdict: "objected", comment: "no emergency" });
  assert.equal(reviewed.body.review, "objected", reviewed.text);
  refused(await people.kate.post(`${url}/review`, { verdict: "in_order" }), 409, "conflict");
  await people.karl.post(`${url}/end`, {});
  assert.equal((await people.bea.get(`/api/v1/firms/${patient.body.id}`)).status, 404);
});

test("an administrator's hand does not reach inside: tokens, passwords, webhooks, plugins", async () => {
  const lent = await admin.post("/api/v1/tokens", { user: people.mia.id, name: "lent" });
  const { Client } = await import("./service.mjs");
  const asMia = new Client(service, lent.body.token, {});
  assert.deepEqual(await list(asMia, "/api/v1/compartments"), []);
  const second = await asMia.post("/api/v1/tokens", { name: "second hand" });
  assert.deepEqual(await list(new Client(service, second.body.token, {}), "/api/v1/compartments"), []);
  assert.deepEqual((await people.mia.get("/x/walls/names")).body.names.filter((name) => name === "Hidden Ltd"), []);
  const set = await admin.post(`/api/v1/users/${people.mia.id}/password`, { password: "another-password-1" });
  assert.ok(set.status < 300, set.text);
  const forged = await login(service, "mia", "another-password-1");
  assert.deepEqual(await list(forged, "/api/v1/compartments"), []);
  const [again] = (await list(people.kate, `/api/v1/compartment_accesses?filter=${encodeURIComponent('state[eq]:"asked"')}`));
  assert.equal(again.who, "user:mia");
  assert.equal((await people.kate.post(`/api/v1/compartment_accesses/${again.id}/confirm`, {})).status, 200);
  assert.equal((await people.mia.get(`/api/v1/compartments/${deal}`)).status, 200);
});

test("a plugin comes in only by the keepers; what it does there stays there", async () => {
  const echo = async (name) => {
    assert.equal((await people.kate.post("/api/v1/firms", { name, compartment: deal })).status, 201);
  };
  await echo("echo one");
  const asked = await people.kate.post(`/api/v1/compartments/${deal}/accesses`, { plugin: "walls", reason: "reminders" });
  assert.equal(asked.status, 201, asked.text);
  assert.equal((await people.karl.post(`/api/v1/compartment_accesses/${asked.body.id}/confirm`, {})).status, 200);
  await echo("echo two");
  const memo = await until(async () => (await list(people.kate, "/api/v1/memos")).find((one) => one.name === "heard echo two"), 20000);
  assert.equal(memo.compartment, deal);
  assert.deepEqual(await list(admin, "/api/v1/memos"), []);
  assert.ok(!(await list(people.kate, "/api/v1/memos")).some((one) => one.name === "heard echo one"));
  assert.ok((await people.kate.get("/x/walls/names")).body.names.includes("Hidden Ltd"));
  assert.ok(!(await people.oscar.get("/x/walls/names")).body.names.includes("Hidden Ltd"));
});

test("the command line does the same, as a person", async () => {
  const { writeFileSync } = await import("node:fs");
  const asPerson = (one, ...words) => {
    const file = `${service.folder}/${one.user.name}.token`;
    writeFileSync(file, one.token, { mode: 0o600 });
    return service.cli(...words, "--token-file", file);
  };
  const made = await service.cli("compartment", "make", "inquiry", "--keeper", "kate", "--keeper", "karl", "--member", "gus", "--purpose", "a colleague", "--break-glass", "--format", "json");
  assert.equal(made.code, 0, made.stderr);
  const { id } = JSON.parse(made.stdout);
  assert.ok(!(await service.cli("compartment", "list")).stdout.includes("inquiry"), "root on the machine is outside");
  assert.match((await asPerson(people.gus, "compartment", "list")).stdout, /inquiry/);
  const asked = await asPerson(people.kate, "compartment", "propose", id, "--user", "oscar", "--read-only", "--reason", "knows the case", "--format", "json");
  assert.equal(asked.code, 0, asked.stderr);
  const access = JSON.parse(asked.stdout).id;
  assert.match((await asPerson(people.karl, "compartment", "members", id, "--asked")).stdout, /user:oscar/);
  assert.equal((await asPerson(people.kate, "compartment", "confirm", access)).code !== 0, true);
  assert.equal((await asPerson(people.karl, "compartment", "confirm", access)).code, 0);
  assert.match((await asPerson(people.oscar, "compartment", "list")).stdout, /inquiry/);
  assert.equal((await asPerson(people.karl, "compartment", "end", access, "--comment", "done")).code, 0);
  assert.match((await asPerson(people.oscar, "crossing", "ask", "inquiry", "--hours", "1", "--reason", "again")).stdout, /asked/);
  const opened = await asPerson(people.bea, "break-glass", "inquiry", "--reason", "danger", "--format", "json");
  assert.equal(opened.code, 0, opened.stderr);
  assert.match((await asPerson(people.kate, "compartment", "members", "--review")).stdout, /user:bea/);
  assert.equal((await asPerson(people.kate, "compartment", "review", JSON.parse(opened.stdout).id)).code, 0);
});
