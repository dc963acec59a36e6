// Bonds from outside: interactions on many records, the timeline, the last contact; promises; the one list of work.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

const service = new Service({});
let admin, anna, ben;

const create = async (client, path, body) => {
  const made = await client.post(`/api/v1/${path}`, body);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const organisation = (name) => create(anna, "organisations", { name });
const one = async (path, filter) => {
  const found = await admin.get(`/api/v1/${path}?filter=${encodeURIComponent(filter)}`);
  assert.equal(found.status, 200, found.text);
  return found.body.data[0];
};
const refused = (answer, status, code, pointer) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.code, code, answer.text);
  if (pointer) assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
};
const day = (days) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  anna = await service.client("manager", "anna");
  ben = await service.client("manager", "ben");
});

after(() => service.remove());

test("S2 one interaction on many records is read back on each timeline", async () => {
  const client = await organisation("Aegean Cargo");
  const partner = await organisation("Samos Wine");
  const person = await create(anna, "people", { name: "Άννα Παπαδοπούλου" });
  await create(anna, "affiliations", { person: person.id, organisation: client.id });
  const call = await create(anna, "interactions", {
    kind: "call", subject: "Prices", at: "2026-01-04T10:00:00Z", people: [person.id], organisations: [client.id, partner.id] });
  assert.equal(call.status, "held");
  const changed = await anna.patch(`/api/v1/interactions/${call.id}`, { duration_minutes: 25, direction: "inbound" });
  assert.equal(changed.body.duration_minutes, 25, changed.text);
  for (const path of [`organisation/${client.id}`, `organisation/${partner.id}`, `person/${person.id}`]) {
    const timeline = await anna.get(`/x/relations/timeline/${path}`);
    assert.equal(timeline.status, 200, timeline.text);
    const said = timeline.body.data.filter((item) => item.kind === "interaction");
    assert.deepEqual(said.map((item) => item.record.id), [call.id]);
  }
  refused(await anna.post("/api/v1/interactions", { kind: "shout", subject: "x", at: "2026-01-04T10:00:00Z" }), 422, "enum", "/kind");
  refused(await anna.post("/api/v1/interactions",
    { kind: "call", subject: "x", at: "2999-01-04T10:00:00Z", status: "held" }), 422, "refused", "/at");
  refused(await anna.get(`/x/relations/timeline/organisation/${person.id}`), 404, "not_found");
});

test("S2 the timeline pages through without gaps and shows only what is one's own to see", async () => {
  const roles = await admin.post("/api/v1/roles", { name: "own_talk", grants: {
    organisation: { verbs: ["read"] }, interaction: { verbs: ["read"], rows: "own" }, last_contact: { verbs: ["read"] } } });
  assert.equal(roles.status, 201, roles.text);
  const outsider = await service.client("own_talk", "carl");
  const client = await organisation("Naxos Cheese");
  for (let i = 0; i < 5; i++) {
    await create(anna, "interactions", {
      kind: "call", subject: `call ${i}`, at: "2026-01-04T10:00:00Z", organisations: [client.id] });
  }
  await create(anna, "promises", { text: "A sample", due: day(9), organisation: client.id });
  const seen = [];
  let next = "";
  do {
    const page = await anna.get(`/x/relations/timeline/organisation/${client.id}?limit=2${next}`);
    assert.equal(page.status, 200, page.text);
    assert.ok(page.body.data.length <= 2);
    seen.push(...page.body.data);
    next = page.body.next ? `&after=${encodeURIComponent(page.body.next)}` : null;
  } while (next !== null);
  const calls = seen.filter((item) => item.kind === "interaction").map((item) => item.record.id);
  assert.equal(new Set(calls).size, 5);
  assert.equal(calls.length, 5);
  assert.equal(seen.filter((item) => item.kind === "promise").length, 1);
  const theirs = await outsider.get(`/x/relations/timeline/organisation/${client.id}`);
  assert.equal(theirs.status, 200, theirs.text);
  assert.deepEqual(theirs.body.data.filter((item) => item.kind !== "change"), []);
  const last = await outsider.get(`/x/relations/last-contact?organisation=${client.id}`);
  assert.equal(last.body.last_contact, null, last.text);
});

test("S2 last contact: when, by whom, how; unknown is null", async () => {
  const client = await organisation("Chios Mastic");
  const ask = async () => (await ben.get(`/x/relations/last-contact?organisation=${client.id}`)).body.last_contact;
  assert.equal(await ask(), null);
  await create(anna, "interactions", { kind: "visit", subject: "The groves", at: "2026-02-04T10:00:00Z", organisations: [client.id] });
  const { at, by, kind, subject } = await ask();
  assert.deepEqual([at, by, kind, subject], ["2026-02-04T10:00:00.000Z", "anna", "visit", "The groves"]);
  await until(async () => (await one("last_contacts", `organisation[eq]:"${client.id}"`))?.kind === "visit", 5000);
  refused(await anna.get("/x/relations/last-contact"), 400, "required", "/organisation");
});

test("C1 promises in both directions: made, kept, broken, counted per bond", async () => {
  const client = await organisation("Thrace Cotton");
  const us = await organisation("Our firm");
  const type = await one("relationship_types", 'code[eq]:"client_of"');
  const bond = await create(anna, "relationships", { type: type.id, source: client.id, target: us.id });
  refused(await anna.post("/api/v1/promises", { text: "Something", due: day(3) }), 422, "rule");
  refused(await anna.post("/api/v1/promises", { text: "Something", organisation: client.id }), 422, "required", "/due");
  const ours = await create(anna, "promises", { text: "The offer", due: day(3), relationship: bond.id });
  assert.equal(ours.organisation, client.id);
  const theirs = await create(anna, "promises", { text: "Their papers", due: day(-3), relationship: bond.id, direction: "to_us" });
  await until(async () => (await anna.get(`/api/v1/promises/${theirs.id}`)).body.state === "overdue", 5000);
  assert.equal((await anna.patch(`/api/v1/promises/${ours.id}`, { state: "kept" })).status, 200);
  refused(await anna.patch(`/api/v1/promises/${theirs.id}`, { state: "broken" }), 422, "rule");
  assert.equal((await anna.patch(`/api/v1/promises/${theirs.id}`, { state: "broken", reason: "silence" })).status, 200);
  const counted = await anna.get(`/x/relations/promises/statistics?relationship=${bond.id}`);
  assert.equal(counted.status, 200, counted.text);
  assert.deepEqual([counted.body.by_us.kept, counted.body.by_us.kept_share], [1, 1]);
  assert.deepEqual([counted.body.to_us.broken, counted.body.to_us.kept_share], [1, 0]);
  await until(async () => (await one("tasks", `origin[eq]:"promise:${ours.id}"`))?.state === "done", 5000);
});

test("S5 my work is mine, the nearest first", async () => {
  await create(ben, "tasks", { title: "Ben's", due: day(1) });
  await create(ben, "tasks", { title: "Ben's late one", due: day(-1), effort_hours: "1.5", priority: "high" });
  const work = await ben.get("/x/relations/work");
  assert.equal(work.status, 200, work.text);
  assert.deepEqual(work.body.data.map((task) => task.title), ["Ben's late one", "Ben's"]);
  assert.deepEqual([work.body.open, work.body.overdue], [2, 1]);
  refused(await ben.get("/x/relations/work?limit=0"), 400, "range", "/limit");
  refused(await ben.post("/api/v1/tasks", { title: "x", effort_hours: "-1" }), 422, "range", "/effort_hours");
});

test("C9 a question by a link that works once; a low answer is followed up", async () => {
  const client = await organisation("Lesbos Oil");
  const questionnaire = await create(admin, "questionnaires", { name: "After delivery", kind: "nps", question: "Would you recommend us?" });
  const ask = { questionnaire: questionnaire.id, organisation: client.id };
  const asked = await anna.post("/x/relations/satisfaction/ask", ask);
  assert.equal(asked.status, 201, asked.text);
  const guest = service.anyone();
  assert.equal((await guest.get(asked.body.link)).status, 503);
  for (const user of ["nobody-of-this-name", "anna"]) {
    const named = await service.cli("plugin", "config", "relations", `answers_as=${user}`);
    assert.equal(named.code, 0, named.stderr);
    if (user !== "anna") refused(await guest.get(asked.body.link), 503, "unavailable");
  }
  const shown = await guest.get(asked.body.link);
  assert.equal(shown.status, 200, shown.text);
  assert.deepEqual([shown.body.kind, shown.body.question.en, shown.body.to], ["nps", "Would you recommend us?", 10]);
  refused(await guest.post(asked.body.link, { score: 11 }), 422, "range", "/score");
  refused(await guest.post(asked.body.link, { score: 9, comment: "x".repeat(4001) }), 422, "range", "/comment");
  refused(await guest.post(`${asked.body.link}0`, { score: 9 }), 404, "not_found");
  const given = await Promise.all([3, 3].map((score) => guest.post(asked.body.link, { score, comment: "Late again" })));
  assert.deepEqual(given.map((answer) => answer.status).sort(), [204, 409]);
  refused(await guest.post(asked.body.link, { score: 9 }), 409, "conflict");
  const answer = (await anna.get(`/api/v1/satisfaction_answers/${asked.body.id}`)).body;
  assert.deepEqual([answer.score, answer.comment], [3, "Late again"]);
  await until(async () => (await one("tasks", `origin[eq]:"satisfaction:${answer.id}"`))?.priority === "high", 5000);
  await anna.post("/x/relations/satisfaction/ask", ask);
  const report = await anna.get("/x/relations/reports/satisfaction");
  assert.equal(report.status, 200, report.text);
  assert.deepEqual([report.body.series[0].points[0].y, report.body.unknown], [-100, 1]);
  refused(await anna.post("/api/v1/satisfaction_answers", { ...ask, score: 12 }), 422, "range", "/score");
  refused(await anna.post("/x/relations/satisfaction/ask", { organisation: client.id }), 422, "required", "/questionnaire");
});

test("S2 C1 the command line: log, promise, brief in Greeklish", async () => {
  const client = await organisation("Οινοποιία Σάμου");
  await organisation("Οινοποιία Νάξου");
  const cli = async (code, ...words) => {
    const done = await service.cli(...words);
    assert.equal(done.code, code, `${words.join(" ")}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  await cli(0, "log", "call", "oinopoiia samou", "Prices", "for", "spring", "minutes=20", "promise=The list", "by=2030-01-31");
  const call = await one("interactions", 'subject[eq]:"Prices for spring"');
  assert.deepEqual([call.organisations, call.duration_minutes, call.kind], [[client.id], 20, "call"]);
  assert.match(await cli(0, "promise", client.id, "A", "sample", "by=2030-02-28", "from=them"), /A sample/);
  const brief = await cli(0, "brief", "oinopoiia", "samou");
  for (const word of [/Οινοποιία Σάμου/, /Call: Prices for spring/, /we promised: The list/, /they promised: A sample/]) assert.match(brief, word);
  const list = await cli(2, "brief", "Οινοποιία");
  assert.match(list, /Οινοποιία Νάξου/);
  const promise = await one("promises", 'text[eq]:"The list"');
  await cli(0, "promise", "kept", promise.id);
  assert.equal((await one("promises", 'text[eq]:"The list"')).state, "kept");
  assert.match(await cli(0, "promises"), /A sample/);
  const wrong = await service.cli("promise", client.id, "No", "day");
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /by=/);
});
