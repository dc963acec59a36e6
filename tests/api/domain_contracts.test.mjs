// Contracts, renewals and obligations through HTTP and the command line, as a person would use them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Service, until } from "./service.mjs";

let service, client, party;

const iso = (day) => day.toISOString().slice(0, 10);
const inDays = (days) => iso(new Date(Date.now() + days * 86400000));

async function make(path, fields) {
  const made = await client.post(`/api/v1/${path}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
}

async function change(path, record, fields) {
  const changed = await client.patch(`/api/v1/${path}/${record.id}`, fields);
  assert.equal(changed.status, 200, changed.text);
  return changed.body;
}

async function first(path, filter) {
  const found = await client.get(`/api/v1/${path}?filter=${encodeURIComponent(filter)}`);
  assert.equal(found.status, 200, found.text);
  return found.body.data[0];
}

async function inForce(fields) {
  let contract = await make("contracts", { side: "supplier", party: party.id, starts_on: inDays(-300), ...fields });
  for (const stage of ["negotiation", "in_signature", "signed"]) contract = await change("contracts", contract, { stage });
  return until(() => first("contracts", `and(id[eq]:"${contract.id}",stage[eq]:"in_force")`));
}

before(async () => {
  service = await new Service().start();
  client = await service.client("admin");
  party = await make("organisations", { name: "Samos Wine" });
});
after(() => service.remove());

test("T11 a contract is entered, changed and read back; its last day of notice is computed", async () => {
  let contract = await make("contracts", { name: "Cleaning", side: "supplier", party: party.id, starts_on: "2027-01-01",
    ends_on: "2028-02-29", notice_count: 3, notice_unit: "months", auto_renew: true, renewal_term_months: 12 });
  assert.equal(contract.last_notice_on, "2027-11-29");
  assert.equal(contract.stage, "draft");
  contract = await change("contracts", contract, { notice_count: 90, notice_unit: "days" });
  const read = await client.get(`/api/v1/contracts/${contract.id}`);
  assert.equal(read.body.last_notice_on, "2027-12-01");
  const empty = await change("contracts", contract, { notice_count: null });
  assert.equal(empty.last_notice_on, null);
  await until(() => first("contracts", `and(id[eq]:"${contract.id}",notice_state[eq]:"unknown")`));
});

test("T11 bad input is refused with code and place", async () => {
  const ends = await client.post("/api/v1/contracts", { name: "x", side: "client", party: party.id, starts_on: "2027-01-01", ends_on: "2026-01-01" });
  assert.equal(ends.status, 422, ends.text);
  assert.match(ends.text, /ends on or after the day it starts/);
  const side = await client.post("/api/v1/contracts", { name: "x", side: "customer", party: party.id });
  assert.equal(side.body.errors[0].code, "enum");
  assert.equal(side.body.errors[0].pointer, "/side");
  const clause = await client.post("/api/v1/contracts", { name: "x", side: "client", party: party.id, auto_renew: true });
  assert.equal(clause.status, 422, clause.text);
});

test("T11 a contract whose notice date has passed says so, and never renews silently", async () => {
  const contract = await inForce({ name: "Cloud", ends_on: inDays(20), notice_count: 30, notice_unit: "days", auto_renew: true,
    renewal_term_months: 12 });
  assert.equal(contract.notice_state, "passed");
  assert.ok(contract.next_notice_on > inDays(300));
  const late = await client.patch(`/api/v1/contracts/${contract.id}`, { stage: "notice_given" });
  assert.equal(late.status, 422, late.text);
  assert.equal(late.body.errors[0].pointer, "/stage");
  assert.match(late.body.errors[0].message ?? late.text, /the last day to give notice was/);
  const renewal = await until(() => first("renewals", `and(contract[eq]:"${contract.id}",stage[eq]:"missed")`));
  assert.equal(renewal.would_end_on > inDays(380), true);
  await until(() => first("tasks", `and(contract[eq]:"${contract.id}",title[prefix]:"The last day to give notice has passed")`));
  const told = await client.get(`/x/relations/contracts/${contract.id}/notice`);
  assert.match(told.body.headline, /it will renew for 12 months/);
});

test("T11 the renewal opens itself, is decided by a person, and its task ends", async () => {
  const contract = await inForce({ name: "Guards", ends_on: inDays(60), notice_count: 30, notice_unit: "days", auto_renew: true,
    renewal_term_months: 12, value: { amount: 1200000, currency: "EUR" } });
  const renewal = await until(() => first("renewals", `contract[eq]:"${contract.id}"`));
  assert.equal(renewal.stage, "open");
  const task = await until(() => first("tasks", `renewal[eq]:"${renewal.id}"`));
  assert.equal(task.due, contract.last_notice_on);
  const nowhere = await client.patch(`/api/v1/renewals/${renewal.id}`, { stage: "renewed", new_ends_on: contract.starts_on });
  assert.equal(nowhere.status, 422, nowhere.text);
  await change("renewals", renewal, { stage: "in_talks" });
  await change("renewals", renewal, { stage: "renewed", new_ends_on: inDays(425) });
  const renewed = await until(() => first("contracts", `and(id[eq]:"${contract.id}",stage[eq]:"renewed")`));
  assert.equal(renewed.ends_on, inDays(425));
  assert.equal(renewed.renewals_done, 1);
  await until(() => first("tasks", `and(id[eq]:"${task.id}",state[eq]:"done")`));
  const report = await client.get("/x/relations/reports/renewals");
  const series = Object.fromEntries(report.body.series.map((one) => [one.name, one.points]));
  assert.equal(series.renewed.at(-1).y, 1, report.text);
});

test("T11 what falls due is listed, over HTTP and by the command", async () => {
  await inForce({ name: "Lease of cars", ends_on: inDays(100), notice_count: 30, notice_unit: "days", auto_renew: false });
  await inForce({ name: "Nobody knows", ends_on: inDays(50) });
  const listed = await client.get("/x/relations/renewals?days=90");
  assert.equal(listed.status, 200, listed.text);
  assert.ok(listed.body.due.some((row) => row.name === "Lease of cars" && row.party_name === "Samos Wine"));
  assert.ok(listed.body.unknown.some((row) => row.name === "Nobody knows" && row.last_notice_on === null));
  const bad = await client.get("/x/relations/renewals?days=often");
  assert.equal(bad.status, 422);
  assert.match(bad.text, /days is a whole number/);
  const command = await service.cli("renewals", "days=90");
  assert.equal(command.code, 0, command.stderr);
  assert.match(command.stdout, /Lease of cars/);
  const wrong = await service.cli("renewals", "days=often");
  assert.notEqual(wrong.code, 0);
});

test("T11 B5 an obligation has a task; done without evidence is refused", async () => {
  const contract = await make("contracts", { name: "Energy", side: "supplier", party: party.id });
  const owed = await make("contract_obligations", { title: "Meter readings", contract: contract.id, owed_by: "them", due_on: inDays(10) });
  await until(() => first("tasks", `and(obligation[eq]:"${owed.id}",state[eq]:"open")`));
  const refused = await client.patch(`/api/v1/contract_obligations/${owed.id}`, { state: "done", done_on: inDays(0) });
  assert.equal(refused.status, 422, refused.text);
  await change("contract_obligations", owed, { state: "done", done_on: inDays(0), evidence: "their mail" });
  await until(() => first("tasks", `and(obligation[eq]:"${owed.id}",state[eq]:"done")`));
});

test("T11 B5 a price follows its index by an act, and is unknown while the index is", async () => {
  const contract = await make("contracts", { name: "Waste", side: "supplier", party: party.id, value: { amount: 1000000, currency: "EUR" } });
  const index = await make("price_indexes", { code: "CPI", name: "Consumer prices" });
  await make("price_index_values", { price_index: index.id, month: "2024-01", value: "100" });
  await make("contract_indexations", { contract: contract.id, price_index: index.id, base_month: "2024-01", cap: "3", next_on: "2025-03-01" });
  const target = `/x/relations/contracts/${contract.id}/indexation`;
  assert.equal((await client.get(target)).body.unknown, "index");
  assert.equal((await client.post(target, {})).status, 422);
  await make("price_index_values", { price_index: index.id, month: "2025-01", value: "105" });
  const proposed = await client.get(target);
  assert.deepEqual(proposed.body.value, { amount: 1030000, currency: "EUR" }, proposed.text);
  const done = await client.post(target, {});
  assert.equal(done.status, 200, done.text);
  assert.equal((await client.get(`/api/v1/contracts/${contract.id}`)).body.value.amount, 1030000);
});

test("T11 a contract's document is made in Greek, as HTML and as PDF, and kept", async () => {
  await make("document_templates", { name: "Σύμβαση", code: "contract", language: "el", body: { title: "Σύμβαση {reference}",
    footer: "{party}", blocks: [{ kind: "heading", text: "1. Αντικείμενο" }, { text: "Με την {party}, έως {ends_on}." },
      { kind: "table", columns: ["Τι", "Πόσο"], rows: [["Ώρες", "{notice_count}"]] }, { kind: "break" }, { kind: "signatures" }] } });
  const contract = await make("contracts", { name: "Wine", reference: "Σ-7", side: "supplier", party: party.id, ends_on: "2027-03-31", notice_count: 30 });
  await make("contract_signatories", { contract: contract.id, name: "Άννα <Α>", capacity: "διευθύντρια" });
  const html = await client.get(`/x/relations/contracts/${contract.id}/document?format=html&language=el`);
  assert.equal(html.status, 200, html.text);
  assert.match(html.text, /Με την Samos Wine, έως 2027-03-31\./);
  assert.match(html.text, /Άννα &lt;Α&gt;/);
  const answer = await client.request("GET", `/x/relations/contracts/${contract.id}/document?format=pdf&language=el`, { raw: true });
  assert.equal(answer.headers.get("content-type"), "application/pdf");
  const file = path.join(service.folder, "contract.pdf");
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  const text = execFileSync("pdftotext", ["-layout", file, "-"], { encoding: "utf8" });
  for (const words of ["Σύμβαση Σ-7", "1. Αντικείμενο", "Με την Samos Wine, έως 2027-03-31.", "Άννα <Α>"]) assert.ok(text.includes(words), text);
  assert.match(text, /2 ?\/ ?2/);
  assert.match(execFileSync("pdfinfo", [file], { encoding: "utf8" }), /Pages: +2\n/);
  const kept = await client.get(`/api/v1/contract_versions?filter=${encodeURIComponent(`contract[eq]:"${contract.id}"`)}`);
  assert.equal(kept.body.data.length, 1, "the same content is one version");
  const bad = await client.get(`/x/relations/contracts/${contract.id}/document?format=docx`);
  assert.equal(bad.status, 422);
});
