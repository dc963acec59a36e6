// Approvals of flows from outside: who may vote, for whom, until when; and that nothing is decided twice, whatever is killed meanwhile.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const main = `
px.flow("decide", function(flow, input)
  local options = input.options
  options.subject = input.subject
  local good, decision = pcall(flow.approve, flow, options)
  if not good then return { code = decision.code } end
  flow:step("note", function()
    px.store.create("mark", { name = flow:id() .. ":" .. decision.state })
  end)
  return { state = decision.state, approved = decision.approved, rejected = decision.rejected, by = decision.by,
    comments = decision.comments, votes = #decision.votes }
end)
-- Asked about what a step of the same turn has written, beside something that ends first.
px.flow("fresh", function(flow, input)
  local id = flow:step("make", function() return px.store.create("mark", { name = input.name }).id end)
  flow:step("change", function() px.store.update("mark", id, { name = input.name .. "!" }) end)
  local first = flow:any {
    people = function() return flow:approve { role = "compliance", subject = id, object = "mark" }.state end,
    word = function() flow:wait("enough") return "enough" end,
  }
  return first
end)
px.route("POST", "/fresh", function(request)
  return { status = 201, json = { run = px.flows.start("fresh", request.json) } }
end)
px.route("POST", "/enough", function(request)
  px.flows.signal(request.json.run, "enough")
  return { status = 200, json = {} }
end)
px.route("POST", "/ask", function(request)
  local runs = {}
  for _, input in ipairs(request.json.all) do runs[#runs + 1] = px.flows.start("decide", input) end
  return { status = 201, json = { runs = runs } }
end)
px.route("POST", "/cancel", function(request)
  px.flows.cancel(request.json.run, "no more")
  return { status = 200, json = {} }
end)
px.route("GET", "/runs", function() return { status = 200, json = { runs = px.flows.find { limit = 1000 } } } end)
px.on("approval.due_soon", function(event) px.store.create("mark", { name = "remind:" .. event.data.approval }) end)
px.on("approval.escalated", function(event) px.store.create("mark", { name = "escalated:" .. event.data.approval }) end)
`;
const label = (en, el) => `{ en = "${en}", el = "${el}" }`;
const object = (name, en, el, rest) =>
  `${name} = { title = "name", label = ${label(en, el)}, plural = ${label(en, el)}, fields = {
    { "name", "text", required = true, unique = true, max = 200, label = ${label("Name", "Όνομα")} }${rest} } }`;
const schema = `return { objects = {
  ${object("mark", "Mark", "Σημάδι", "")},
  ${object("matter", "Matter", "Υπόθεση", `, { "note", "text", label = ${label("Note", "Σημείωση")} }`)} } }\n`;
const manifest = `return { name = "decisions", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = ${label("Decisions", "Αποφάσεις")}, can = { read = { "matter", "mark", "approval" },
  write = { "mark" }, http = true } }\n`;

const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-approval-plugins-"));
const service = new Service({ plugins, enable: ["decisions"] });
let admin;
const users = {};

async function makeRole(name, grants) {
  const made = await admin.post("/api/v1/roles", { name, grants });
  assert.equal(made.status, 201, made.text);
}

async function makeUser(name, role) {
  users[name] = await service.client(role, name);
  const found = await admin.get(`/api/v1/users?filter=${encodeURIComponent(`name[eq]:"${name}"`)}`);
  users[name].id = found.body.data[0].id;
}

before(async () => {
  mkdirSync(path.join(plugins, "decisions"));
  writeFileSync(path.join(plugins, "decisions/plugin.lua"), manifest);
  writeFileSync(path.join(plugins, "decisions/schema.lua"), schema);
  writeFileSync(path.join(plugins, "decisions/main.lua"), main);
  await service.start();
  admin = await service.client("admin", "root");
  const read = { verbs: ["read"] };
  const matter = { verbs: ["read", "create", "update", "approve"] };
  const mark = { verbs: ["read", "approve"] };
  for (const name of ["compliance", "head", "staff"]) await makeRole(name, { matter, mark, approval: read });
  await makeRole("own", { matter: { ...matter, rows: "own" }, approval: read });
  await makeRole("looker", { matter: read, approval: read });
  for (const name of ["anna", "ben", "carl", "dora"]) await makeUser(name, "compliance");
  await makeUser("eva", "staff");
  await makeUser("finn", "staff");
  await makeUser("gina", "head");
  await makeUser("hugo", "own");
  await makeUser("ivan", "looker");
});

after(async () => {
  await service.remove();
  rmSync(plugins, { recursive: true, force: true });
});

let made = 0;
// A matter, a run that asks about it, and the approval that waits.
async function ask(options = {}, { by = users.eva, owner } = {}) {
  const matter = await admin.post("/api/v1/matters", { name: `matter ${made++}`, ...(owner ? { owner } : {}) });
  assert.equal(matter.status, 201, matter.text);
  const started = await by.post("/x/decisions/ask", {
    all: [{ subject: matter.body.id, options: { role: "compliance", ...options } }],
  });
  assert.equal(started.status, 201, started.text);
  const run = started.body.runs[0];
  const approval = await pending(run);
  return { matter: matter.body.id, run, approval: approval.id, url: `/api/v1/approvals/${approval.id}` };
}

async function pending(run) {
  let found;
  await until(async () => {
    const answer = await admin.get(`/api/v1/approvals?filter=${encodeURIComponent(`run[eq]:"${run}"`)}`);
    found = answer.body.data[0];
    return found !== undefined;
  }, 10000);
  return found;
}

async function outcome(run) {
  let found;
  await until(async () => {
    const { runs } = (await admin.get("/x/decisions/runs")).body;
    found = runs.find((one) => one.id === run);
    return ["done", "failed", "cancelled"].includes(found.state);
  }, 10000);
  return found;
}

const approve = (user, asked, body = {}, headers = {}) => user.post(`${asked.url}/approve`, body, headers);
const reject = (user, asked, body = {}) => user.post(`${asked.url}/reject`, body);
const refused = (answer, status, code) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.code, code, answer.text);
};

test("two people with the role decide; the run goes on with what they said", async () => {
  const asked = await ask({ quorum: 2, title: { en: "Open the account", el: "Άνοιγμα" }, data: { sum: 5 } });
  const shown = (await users.anna.get(asked.url)).body;
  assert.equal(shown.state, "pending");
  assert.deepEqual([shown.title.el, shown.data.sum, shown.requested_by], ["Άνοιγμα", 5, "user:eva"]);
  const first = await approve(users.anna, asked, { comment: "fine", hash: shown.content_hash });
  assert.equal(first.status, 200, first.text);
  assert.deepEqual([first.body.state, first.body.yes], ["pending", 1]);
  refused(await approve(users.anna, asked), 409, "conflict");
  const second = await approve(users.ben, asked);
  assert.equal(second.body.state, "approved", second.text);
  refused(await approve(users.carl, asked), 409, "conflict");
  const run = await outcome(asked.run);
  assert.deepEqual(run.result, {
    state: "approved", approved: true, rejected: false, by: ["user:anna", "user:ben"], comments: ["fine"], votes: 2 });
  // Another user is told of the votes by the approval's own events; approval.voted has no record of its own.
  const told = async (pattern) => (await users.carl.get(`/api/v1/events?pattern=${pattern}&limit=1000`)).body.data;
  const updates = (await told("approval.*")).filter((event) => event.record === asked.approval).map((event) => event.type);
  assert.deepEqual(updates, ["approval.created", "approval.updated", "approval.updated"]);
  assert.deepEqual(await told("approval.voted"), []);
  const voted = await admin.get("/api/v1/events?pattern=approval.voted&limit=1000");
  const mine = voted.body.data.filter((event) => event.data.approval === asked.approval);
  assert.deepEqual(mine.map((event) => [event.actor, event.data.vote, event.data.hash]), [
    ["user:anna", "approve", shown.content_hash], ["user:ben", "approve", shown.content_hash]]);
});

test("the first rejection ends it, or as many as were asked for", async () => {
  const one = await ask({ quorum: 2 });
  assert.equal((await reject(users.anna, one, { comment: "no papers" })).body.state, "rejected");
  assert.deepEqual((await outcome(one.run)).result.comments, ["no papers"]);
  const two = await ask({ quorum: 2, rejections: 2 });
  assert.equal((await reject(users.anna, two)).body.state, "pending");
  assert.equal((await approve(users.ben, two)).body.state, "pending");
  assert.equal((await reject(users.carl, two)).body.state, "rejected");
  const result = (await outcome(two.run)).result;
  assert.deepEqual([result.approved, result.rejected, result.votes], [false, true, 3]);
});

test("neither the maker nor who is excluded nor another role decides", async () => {
  const asked = await ask({ exclude: [users.ben.id] }, { by: users.anna });
  refused(await approve(users.anna, asked), 403, "same_person");
  refused(await approve(users.ben, asked), 403, "forbidden");
  refused(await reject(users.ben, asked), 403, "forbidden");
  refused(await approve(users.finn, asked), 403, "forbidden");
  refused(await approve(users.ivan, asked), 403, "forbidden");
  refused(await approve(users.carl, asked, { hash: "0".repeat(64) }), 412, "stale");
  refused(await approve(users.carl, asked, {}, { "if-match": '"7"' }), 412, "stale");
  refused(await approve(users.carl, asked, { coment: "x" }), 400, "unknown_field");
  refused(await users.carl.patch(asked.url, { state: "approved" }), 403, "forbidden");
  refused(await admin.patch(asked.url, { quorum: 0 }), 403, "forbidden");
  refused(await admin.delete(asked.url), 403, "forbidden");
  assert.equal((await approve(users.carl, asked, {}, { "if-match": '"1"' })).body.state, "approved");
});

test("who may not see the record sees nothing of its approval", async () => {
  const asked = await ask({ role: "own" }, { owner: users.anna.id });
  assert.equal((await users.hugo.get(asked.url)).status, 404);
  refused(await approve(users.hugo, asked), 404, "not_found");
  const list = async (target) => (await users.hugo.get(target)).body.data.map((one) => one.id);
  assert.ok(!(await list("/api/v1/approvals?limit=1000")).includes(asked.approval));
  const events = (await users.hugo.get("/api/v1/events?object=approval&limit=1000")).body.data;
  assert.ok(!events.some((event) => event.id === asked.approval || event.record === asked.approval));
  const own = await ask({ role: "own" }, { owner: users.hugo.id });
  assert.ok((await list("/api/v1/approvals?limit=1000")).includes(own.approval));
  assert.ok((await list("/api/v1/me/approvals?limit=1000")).includes(own.approval));
  assert.equal((await approve(users.hugo, own)).body.state, "approved");
});

test("without a record, the question itself is decided on", async () => {
  const started = await users.eva.post("/x/decisions/ask", {
    all: [{ options: { role: "compliance", title: { en: "May we go on?", el: "Συνεχίζουμε;" }, data: { sum: 5 } } }] });
  const approval = await pending(started.body.runs[0]);
  const asked = { url: `/api/v1/approvals/${approval.id}` };
  assert.deepEqual([approval.object, approval.record, approval.title.en], ["approval", approval.id, "May we go on?"]);
  // Who decides on it has the role and may approve approvals: nothing else says what a voter may see.
  refused(await approve(users.anna, asked), 403, "forbidden");
  assert.ok(!(await users.anna.get("/api/v1/me/approvals?limit=1000")).body.data.some((one) => one.id === approval.id));
  const role = (await admin.get(`/api/v1/roles?filter=${encodeURIComponent(`name[eq]:"compliance"`)}`)).body.data[0];
  const grants = { ...role.grants, approval: { verbs: ["read", "approve"] } };
  assert.equal((await admin.patch(`/api/v1/roles/${role.id}`, { grants })).status, 200);
  assert.ok((await users.anna.get("/api/v1/me/approvals?limit=1000")).body.data.some((one) => one.id === approval.id));
  refused(await users.hugo.post(`${asked.url}/approve`, {}), 403, "forbidden");
  refused(await approve(users.anna, asked, { hash: "0".repeat(64) }), 412, "stale");
  assert.equal((await approve(users.anna, asked, { hash: approval.content_hash })).body.state, "approved");
  assert.deepEqual((await outcome(started.body.runs[0])).result.by, ["user:anna"]);
  const bare = await users.eva.post("/x/decisions/ask", { all: [{ options: { role: "compliance" } }] });
  assert.deepEqual((await outcome(bare.body.runs[0])).result, { code: "required" });
});

test("a change of the record voids it, and the flow is told", async () => {
  const asked = await ask({ quorum: 2 });
  assert.equal((await approve(users.anna, asked)).status, 200);
  assert.equal((await users.eva.patch(`/api/v1/matters/${asked.matter}`, { note: "changed" })).status, 200);
  refused(await approve(users.ben, asked), 409, "void");
  assert.deepEqual((await outcome(asked.run)).result, { code: "void" });
});

test("a deputy votes for one who is away, as one person", async () => {
  const away = (user, body) => admin.request("PUT", `/api/v1/users/${user.id}/absence`, { body });
  refused(await away(users.dora, { until: "10d", deputy: users.dora.id }), 400, "invalid");
  refused(await away(users.dora, { until: "2001-01-01", deputy: users.eva.id }), 400, "invalid");
  const other = await users.eva.request("PUT", `/api/v1/users/${users.dora.id}/absence`, {
    body: { until: "10d", deputy: users.eva.id } });
  refused(other, 403, "forbidden");
  const self = await users.dora.request("PUT", `/api/v1/users/${users.dora.id}/absence`, {
    body: { until: "10d", deputy: users.finn.id } });
  assert.equal(self.status, 200, self.text);
  const asked = await ask({ quorum: 2 });
  const mine = (await users.finn.get("/api/v1/me/approvals?limit=1000")).body.data.find((one) => one.id === asked.approval);
  assert.equal(mine.for, users.dora.id);
  refused(await approve(users.finn, asked, { for: users.anna.id }), 403, "forbidden");
  const vote = await approve(users.finn, asked);
  assert.equal(vote.status, 200, vote.text);
  assert.deepEqual([vote.body.votes[0].by, vote.body.votes[0].for], ["user:finn", users.dora.id]);
  refused(await approve(users.dora, asked), 409, "conflict");
  refused(await approve(users.finn, asked), 409, "conflict");
  // The deputy is the maker, or excluded; or the one who is away is.
  refused(await approve(users.finn, await ask({}, { by: users.finn })), 403, "same_person");
  refused(await approve(users.finn, await ask({ exclude: [users.finn.id] })), 403, "forbidden");
  refused(await approve(users.finn, await ask({ exclude: [users.dora.id] })), 403, "forbidden");
  refused(await approve(users.finn, await ask({}, { by: users.dora })), 403, "forbidden");
  const back = await service.cli("user", "back", "dora");
  assert.equal(back.code, 0, back.stderr);
  refused(await approve(users.finn, await ask()), 403, "forbidden");
});

test("what is mine to decide, page by page", async () => {
  const asked = [await ask(), await ask(), await ask()];
  await approve(users.anna, asked[1]);
  const seen = [];
  let after = "";
  do {
    const answer = await users.anna.get(`/api/v1/me/approvals?limit=2${after}`);
    assert.equal(answer.status, 200, answer.text);
    seen.push(...answer.body.data.map((one) => one.id));
    after = answer.body.next ? `&after=${encodeURIComponent(answer.body.next)}` : "";
  } while (after);
  assert.ok(seen.includes(asked[0].approval) && seen.includes(asked[2].approval));
  assert.ok(!seen.includes(asked[1].approval));
  assert.deepEqual((await users.ivan.get("/api/v1/me/approvals")).body.data, []);
  refused(await users.anna.get("/api/v1/me/approvals?limit=0"), 400, "invalid");
});

test("time: a reminder, another role, the end", async () => {
  const asked = await ask({ due: "1200ms", remind: "800ms", escalate: "head", quorum: 2 });
  refused(await approve(users.gina, asked), 403, "forbidden");
  assert.equal((await approve(users.anna, asked)).status, 200);
  const marks = async () => (await admin.get("/api/v1/marks?limit=1000")).body.data.map((one) => one.name);
  await until(async () => (await marks()).includes(`escalated:${asked.approval}`), 10000);
  assert.ok((await marks()).includes(`remind:${asked.approval}`));
  refused(await approve(users.ben, asked), 403, "forbidden"); // after due
  assert.equal((await approve(users.gina, asked)).body.state, "approved");
  const short = await ask({ expire: "300ms" });
  const run = await outcome(short.run);
  assert.deepEqual([run.result.state, run.result.rejected], ["expired", true]);
  refused(await approve(users.anna, short), 409, "conflict");
});

test("the maker withdraws; a cancelled run waits no more", async () => {
  const asked = await ask();
  refused(await users.anna.post(`${asked.url}/withdraw`, {}), 403, "forbidden");
  assert.equal((await users.eva.post(`${asked.url}/withdraw`, { reason: "not needed" })).body.state, "withdrawn");
  assert.equal((await outcome(asked.run)).result.state, "withdrawn");
  const other = await ask();
  await admin.post("/x/decisions/cancel", { run: other.run });
  refused(await approve(users.anna, other), 409, "conflict");
  assert.equal((await outcome(other.run)).state, "cancelled");
});

test("what a step of the same turn wrote is decided on; who loses a race is cancelled", async () => {
  const start = async (name) => (await admin.post("/x/decisions/fresh", { name })).body.run;
  const one = await start("fresh one");
  const approval = await pending(one);
  assert.equal((await users.anna.get(`/api/v1/marks/${approval.record}`)).body.name, "fresh one!");
  assert.equal((await approve(users.anna, { url: `/api/v1/approvals/${approval.id}` })).body.state, "approved");
  assert.equal((await outcome(one)).result, "approved");
  const two = await start("fresh two");
  const other = await pending(two);
  await admin.post("/x/decisions/enough", { run: two });
  assert.equal((await outcome(two)).result, "enough");
  refused(await approve(users.anna, { url: `/api/v1/approvals/${other.id}` }), 409, "conflict");
  assert.equal((await admin.get(`/api/v1/approvals/${other.id}`)).body.state, "cancelled");
});

test("what a flow asks for wrongly is its command's error", async () => {
  const wrong = [
    [{ quorum: 0 }, "range"], [{ role: "" }, "invalid"], [{ due: "soon" }, "invalid"], [{ remind: "1d" }, "invalid"],
    [{ escalate: "head" }, "invalid"], [{ due: "2h", calendar: "GR" }, "invalid"], [{ exclude: ["nobody"] }, "type"],
    [{ colour: "red" }, "invalid"], [{ object: "mark" }, "not_found"], [{ subject: "x" }, "type"]];
  for (const [options, code] of wrong) {
    const matter = await admin.post("/api/v1/matters", { name: `wrong ${made++}` });
    const subject = options.subject ?? matter.body.id;
    const started = await admin.post("/x/decisions/ask", { all: [{ subject, options: { role: "compliance", ...options } }] });
    const run = await outcome(started.body.runs[0]);
    assert.deepEqual(run.result, { code }, JSON.stringify(options));
  }
});

test("the command line lists, shows and decides", async () => {
  const asked = await ask({ quorum: 2 });
  const json = async (...words) => {
    const done = await service.cli(...words, "--format", "json");
    assert.equal(done.code, 0, done.stderr);
    return JSON.parse(done.stdout);
  };
  assert.equal((await json("approval", "show", asked.approval)).state, "pending");
  assert.ok((await json("approval", "list", "--state", "pending")).data.some((one) => one.id === asked.approval));
  const own = await service.cli("approval", "approve", asked.approval); // the service's own user has no role
  assert.notEqual(own.code, 0);
  assert.match(own.stderr, /only the role compliance decides/);
  const token = path.join(plugins, "token");
  const as = async (user, ...words) => {
    writeFileSync(token, `${users[user].token}\n`);
    return json("approval", ...words, "--token-file", token);
  };
  assert.ok((await as("anna", "list", "--mine")).data.some((one) => one.id === asked.approval));
  assert.equal((await as("anna", "approve", asked.approval, "--comment", "fine")).yes, 1);
  assert.ok(!(await as("anna", "list", "--mine")).data.some((one) => one.id === asked.approval));
  assert.equal((await as("ben", "reject", asked.approval, "--comment", "no")).state, "rejected");
  const other = await ask();
  assert.equal((await as("eva", "withdraw", other.approval, "--reason", "not needed")).state, "withdrawn");
  const none = await service.cli("approval", "list", "--token-file", path.join(plugins, "nothing"));
  assert.match(none.stderr, /there is no token/);
  assert.equal((await json("user", "away", "dora", "--until", "3d", "--deputy", "finn")).deputy, users.finn.id);
  assert.equal((await service.cli("user", "back", "dora")).code, 0);
});

test("two votes at once for the last place, and a vote beside a cancel", async () => {
  for (let i = 0; i < 10; i++) {
    const asked = await ask();
    const answers = await Promise.all([users.anna, users.ben, users.carl].map((user) => approve(user, asked)));
    assert.deepEqual(answers.map((one) => one.status).sort(), [200, 409, 409]);
    assert.equal((await outcome(asked.run)).result.votes, 1);
  }
  for (let i = 0; i < 10; i++) {
    const asked = await ask();
    const [vote] = await Promise.all([approve(users.anna, asked), admin.post("/x/decisions/cancel", { run: asked.run })]);
    const run = await outcome(asked.run);
    const { state } = (await admin.get(asked.url)).body;
    assert.equal(state, vote.status === 200 ? "approved" : "cancelled");
    assert.ok(run.state === "cancelled" || vote.status === 200, run.state);
  }
});

const kills = Number(process.env.PROXENOS_APPROVAL_KILLS ?? 20);

test("kill -9 between votes", { timeout: 240000 + 5000 * kills }, async (t) => {
  const count = Math.min(900, Math.max(200, 3 * kills));
  const seed = Number(process.env.PROXENOS_TEST_SEED ?? Date.now() % 1000000);
  let state = seed;
  const chance = (most) => (state = (state * 48271) % 2147483647) % most;
  t.diagnostic(`seed ${seed}`);
  const all = [];
  for (let i = 0; i < count; i++) all.push({ name: `killed ${i}` });
  const rows = all.map((row) => JSON.stringify(row)).join("\n");
  const bulk = await admin.request("POST", "/api/v1/matters/bulk", {
    body: rows, headers: { "content-type": "application/x-ndjson" } });
  assert.equal(bulk.status, 200, bulk.text);
  const matters = (await admin.get(`/api/v1/matters?limit=1000&filter=${encodeURIComponent('name[prefix]:"killed"')}`)).body.data;
  assert.equal(matters.length, count);
  const started = await users.anna.post("/x/decisions/ask", {
    all: matters.map((one) => ({ subject: one.id, options: { role: "compliance", quorum: 2 } })) });
  assert.equal(started.status, 201, started.text);
  const mine = new Set(started.body.runs);
  const find = async () => {
    const page = await admin.get(`/api/v1/approvals?limit=1000&filter=${encodeURIComponent('quorum[eq]:2')}`);
    return page.body.data.filter((one) => mine.has(one.run));
  };
  await until(async () => (await find()).length === count, 30000);
  const approvals = await find();
  const voters = [users.anna, users.ben, users.carl, users.dora];
  const acknowledged = [];
  let killed = 0;
  let going = true;
  const vote = async (user) => {
    while (going) {
      const one = approvals[chance(count)];
      const vote = await user.post(`/api/v1/approvals/${one.id}/approve`, {}).catch(() => null);
      if (vote?.status === 200) acknowledged.push([one.id, user.user.name]);
      await new Promise((next) => setTimeout(next, chance(10)));
    }
  };
  const work = voters.map(vote);
  for (; killed < kills; killed++) {
    await new Promise((next) => setTimeout(next, 20 + chance(60)));
    await service.kill();
    await service.restart();
  }
  going = false;
  await Promise.all(work);
  const before = (await find()).filter((one) => one.state === "pending").length;
  for (const one of await find()) {
    for (const user of voters.slice(1)) if (one.state === "pending") await user.post(`/api/v1/approvals/${one.id}/approve`, {});
  }
  let runs = [];
  await until(async () => {
    runs = (await admin.get("/x/decisions/runs")).body.runs.filter((run) => mine.has(run.id));
    return runs.every((run) => run.state === "done");
  }, 60000);
  assert.equal(runs.length, count);
  for (const run of runs) {
    assert.deepEqual([run.result.state, run.result.votes, new Set(run.result.by).size], ["approved", 2, 2]);
    assert.ok(!run.result.by.includes("user:anna"));
  }
  const log = [];
  for (let page = { next: "" }; page.data?.length !== 0; log.push(...page.data)) {
    page = (await admin.get(`/api/v1/events?pattern=approval.voted&limit=1000&after=${encodeURIComponent(page.next)}`)).body;
  }
  const known = new Set(approvals.map((one) => one.id));
  assert.equal(log.filter((event) => known.has(event.data.approval)).length, 2 * count);
  const given = new Set(log.map((event) => `${event.data.approval} ${event.actor}`));
  for (const [id, name] of acknowledged) assert.ok(given.has(`${id} user:${name}`), "a vote that was acknowledged is there");
  t.diagnostic(`${killed} kills, ${count} approvals, ${before} open at the last kill, ${acknowledged.length} votes acknowledged`);
});
