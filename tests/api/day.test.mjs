// The day of docs/guides/a-day.md, typed as it stands, step by step; behind each step its records, its events and what it put into the queue.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { shell, testedBlocks } from "./pages.mjs";
import { Service, program, root, until } from "./service.mjs";

const service = new Service();
const page = readFileSync(path.join(root, "docs/guides/a-day.md"), "utf8");
const folder = mkdtempSync(path.join(tmpdir(), "proxenos-day-"));
const NAMES = "US OLIVES ELENI PETER CLIENT_OF BOND DEAL MEETING MAP PRODUCT PROPOSAL TALKS ISSUE CONTRACT HOURS SLA CASE RENEWAL APPROVAL WORKS FUSES MATERIAL BUDGET ORDER REGION DUTY BILL PROXENOS_TOKEN";
let admin, anna;
let said = {}; // the guide's variables, as far as it came

before(async () => {
  mkdirSync(path.join(folder, "bin"));
  symlinkSync(program, path.join(folder, "bin/px"));
  await service.start();
  admin = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(folder, { recursive: true, force: true });
});

// What stands under a heading, in a shell that knows what the earlier ones set; what it printed.
async function typed(heading) {
  const from = page.indexOf(`## ${heading}\n`);
  assert.ok(heading === "" || from > 0, `the guide has no "## ${heading}"`);
  const start = heading === "" ? 0 : from;
  const end = page.indexOf("\n## ", start + 1);
  const blocks = testedBlocks(page.slice(start, end < 0 ? undefined : end));
  const text = `set -euo pipefail
[ ! -f vars ] || . ./vars
${blocks.map((block) => block.text).join("\n")}
{ declare -f; for name in ${NAMES}; do [ -z "\${!name:-}" ] || declare -p "$name" | sed 's/^declare -[-x]*/declare -gx/'; done; echo 'export -f new ask tell day first once 2>/dev/null || true'; } > vars
for name in ${NAMES}; do echo "VAR $name \${!name:-}"; done`;
  const { code, output } = await shell(text, folder, {
    ...process.env,
    PATH: `${path.join(folder, "bin")}:${process.env.PATH}`,
    PROXENOS_DATA: service.folder,
    URL: service.url,
    LC_ALL: "C.UTF-8",
  });
  assert.equal(code, 0, `"${heading}" does not run as it stands:\n${output}\n${service.log.slice(-2000)}`);
  said = Object.fromEntries([...output.matchAll(/^VAR (\w+) (.*)$/gm)].map(([, name, value]) => [name, value]));
  return output;
}

async function record(objects, id) {
  const answer = await admin.get(`/api/v1/${objects}/${id}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

async function find(objects, filter) {
  const answer = await admin.get(`/api/v1/${objects}?limit=100&filter=${encodeURIComponent(filter)}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data;
}

// An event of this type about this record, made by anna at her terminal or by what follows from it.
async function told(pattern, id) {
  return until(async () => {
    const answer = await admin.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent(pattern)}`);
    return answer.body.data.find((event) => event.record === id);
  });
}

// What the manager sees in the queue about this: a task that is open.
async function queued(filter) {
  return until(async () => (await find("tasks", `and(state[eq]:"open",${filter})`))[0]);
}

async function today() {
  const answer = await anna.get("/x/relations/today?limit=200");
  assert.equal(answer.status, 200, answer.text);
  return [...answer.body.rows, ...answer.body.unknown];
}

async function refused(method, target, body, status, pointer) {
  const answer = await anna.request(method, target, { body });
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
}

test("R1 T4 C1 S2 the morning: a prospect, a call, a promise", async () => {
  await typed("");
  anna = Object.assign(Object.create(Object.getPrototypeOf(admin)), { service, token: said.PROXENOS_TOKEN });
  const output = await typed("Morning: a prospect");
  assert.match(output, /send three references/);
  assert.match(output, /Ελένη Ημέρα/);
  assert.deepEqual((await record("organisations", said.OLIVES)).roles, ["prospect"]);
  const [call] = await find("interactions", `organisations[has]:"${said.OLIVES}"`);
  assert.equal(call.kind, "call");
  assert.equal(call.duration_minutes, 15);
  await told("interaction.created", call.id);
  const [promise] = await find("promises", `organisation[eq]:"${said.OLIVES}"`);
  await told("promise.created", promise.id);
  const task = await queued(`promise[eq]:"${promise.id}"`);
  assert.equal(task.due, promise.due);
  assert.ok((await today()).some((row) => row.title === task.title));
  await refused("POST", "/api/v1/promises", { text: "to nobody", due: promise.due }, 422, "/organisation");
});

test("T1 C2 the need, and who decides", async () => {
  const output = await typed("Their need, and who decides");
  assert.match(output, /single_threaded|role_missing/);
  const [need] = await find("needs", `organisation[eq]:"${said.OLIVES}"`);
  assert.equal(need.source, said.MEETING);
  await told("need.created", need.id);
  assert.equal((await record("stakeholders", said.MAP)).attitude, "supporter");
  await told("opportunity.stage.engaging", said.DEAL);
  // What the map lacks is kept from now on; it becomes a task when it lasts.
  const [gap] = await until(async () => {
    const list = await find("coverage_gaps", `opportunity[eq]:"${said.DEAL}"`);
    return list.length > 0 && list;
  });
  await told("coverage_gap.created", gap.id);
});

test("T10 the offer needs a second person", async () => {
  await typed("The offer");
  assert.equal((await record("proposals", said.PROPOSAL)).stage, "sent");
  await told("approval.state.approved", said.APPROVAL);
  await told("proposal.stage.sent", said.PROPOSAL);
  await refused("POST", "/api/v1/proposal_lines", { proposal: said.PROPOSAL, description: "x", quantity: "1",
    unit_price: { amount: 1, currency: "EUR" } }, 422, "/proposal"); // what was sent stays as it is
});

test("B5 what was negotiated, and the deal", async () => {
  const output = await typed("What was negotiated");
  assert.match(output, /a smaller deposit/);
  assert.equal((await record("negotiations", said.TALKS)).state, "agreed");
  await told("negotiation.state.agreed", said.TALKS);
  await told("opportunity.stage.won", said.DEAL);
  await until(async () => (await record("organisations", said.OLIVES)).roles.includes("client"));
  await queued(`and(opportunity[eq]:"${said.DEAL}",title[eq]:"Welcome call")`);
});

test("T11 the contract opens its renewal by itself", async () => {
  const output = await typed("The contract");
  assert.match(output, /Will renew for 12 months/);
  const contract = await record("contracts", said.CONTRACT);
  assert.equal(contract.stage, "in_force");
  await told("contract.stage.in_force", said.CONTRACT);
  const [renewal] = await until(async () => {
    const list = await find("renewals", `contract[eq]:"${said.CONTRACT}"`);
    return list.length > 0 && list;
  });
  await told("renewal.created", renewal.id);
  const task = await queued(`renewal[eq]:"${renewal.id}"`);
  assert.equal(task.due, contract.last_notice_on);
  await queued(`title[prefix]:"Maintenance twice a year"`);
});

test("C7 C3 serving, and a case against the clock", async () => {
  await typed("Serving them");
  const used = await anna.get(`/x/clients/entitlements?organisation=${said.OLIVES}`);
  assert.equal(used.body.data[0].left, 6, used.text);
  const output = await typed("Something breaks");
  assert.match(output, /The store does not cool/);
  const one = await until(async () => {
    const found = await record("cases", said.CASE);
    return found.first_response_at && found;
  });
  assert.equal(one.status, "resolved");
  await told("case.status.resolved", said.CASE);
  await until(async () => (await find("tasks", `and(case[eq]:"${said.CASE}",state[eq]:"open")`)).length === 0);
  await refused("POST", "/api/v1/cases", { subject: "whose?" }, 422, "/organisation");
});

test("S5 C1 the renewal is decided, and the day says what is next", async () => {
  const output = await typed("The renewal");
  assert.match(output, /of 100/);
  const contract = await until(async () => {
    const found = await record("contracts", said.CONTRACT);
    return found.stage === "renewed" && found;
  });
  assert.equal(contract.renewals_done, 1);
  await told("renewal.stage.renewed", said.RENEWAL);
  await until(async () => (await find("tasks", `and(renewal[eq]:"${said.RENEWAL}",state[eq]:"open")`)).length === 0);
  for (const row of await today()) {
    assert.ok(row.why_this.en && row.why_this.el && row.why_now.en, JSON.stringify(row));
    assert.ok(row.rank !== null || row.missing.length > 0, JSON.stringify(row));
  }
});

test("S5 what the queue says to type does what it says", async () => {
  const row = (await today()).find((one) => one.title.includes("send three references"));
  const words = row.act.command.split(" ").slice(1);
  const done = await service.cli(...words);
  assert.equal(done.code, 0, `${row.act.command}: ${done.stderr}`);
  assert.ok(!(await today()).some((one) => one.title === row.title));
});

test("R2 B1 B2 B4 a unit, its supplier, its budget", async () => {
  const output = await typed("The other half: a unit, its supplier, its budget");
  assert.match(output, /85\.0 %/);
  const order = await record("commitments", said.ORDER);
  assert.equal(order.outstanding.amount, 0);
  await told("cost_entry.created", (await find("cost_entries", `commitment[eq]:"${said.ORDER}"`))[0].id);
  const [alert] = await until(async () => {
    const list = await find("budget_alerts", `budget[eq]:"${said.BUDGET}"`);
    return list.length > 0 && list;
  });
  assert.equal(alert.threshold, 80);
  await queued(`title[prefix]:"Repairs: 85.0 %"`);
});

test("B6 an authority's duty is due, and in the queue", async () => {
  const output = await typed("And an authority");
  assert.match(output, /Report on refrigerants/);
  const [filing] = await find("filings", `duty[eq]:"${said.DUTY}"`);
  await told("filing.created", filing.id);
  const task = await queued(`title[prefix]:"File: Report on refrigerants"`);
  assert.equal(task.due, filing.due_on);
});

test("S5 the evening: what is left, and a log that verifies", async () => {
  const output = await typed("Evening");
  assert.match(output, /verified\s+true/);
  const mine = await admin.get(`/api/v1/events?limit=1000&pattern=${encodeURIComponent("contract.*")}`);
  assert.ok(mine.body.data.some((event) => event.actor === "user:anna-day"), mine.text.slice(0, 400));
});
