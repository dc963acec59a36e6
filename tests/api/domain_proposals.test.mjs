// Proposals through HTTP: lines and totals, approvals by other people, sent, accepted, a contract.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service, until } from "./service.mjs";

let service, client, first, second, party;

const inDays = (days) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);

async function make(path, fields) {
  const made = await client.post(`/api/v1/${path}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
}

const change = (path, record, fields) => client.patch(`/api/v1/${path}/${record.id}`, fields);

async function found(path, filter) {
  const answer = await client.get(`/api/v1/${path}?filter=${encodeURIComponent(filter)}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data[0];
}

async function offered(fields, price) {
  const proposal = await make("proposals", { name: "Support", organisation: party.id, currency: "EUR", valid_until: inDays(30), ...fields });
  await make("proposal_lines", { proposal: proposal.id, description: "Hours", quantity: "10.5", discount: "10",
    unit_price: { amount: price ?? 10001, currency: "EUR" } });
  return until(() => found("proposals", `and(id[eq]:"${proposal.id}",total[is]:not_null)`));
}

async function asked(proposal) {
  const changed = await change("proposals", proposal, { stage: "in_approval" });
  assert.equal(changed.status, 200, changed.text);
  return until(() => found("approvals", `and(record[eq]:"${proposal.id}",state[eq]:"pending")`));
}

const vote = (who, approval, word = "approve") => who.post(`/api/v1/approvals/${approval.id}/${word}`, {});

before(async () => {
  service = await new Service().start();
  client = await service.client("admin");
  first = await service.client("manager");
  second = await service.client("manager");
  party = await make("organisations", { name: "Samos Wine" });
});
after(() => service.remove());

test("T10 a proposal is summed, approved by another, sent, accepted, and becomes a contract", async () => {
  const proposal = await offered();
  assert.deepEqual(proposal.total, { amount: 94509, currency: "EUR" });
  const early = await change("proposals", proposal, { stage: "sent" });
  assert.equal(early.status, 422, early.text);
  assert.equal(early.body.errors[0].code, "state");
  const alone = await change("proposals", proposal, { stage: "in_approval" }).then(() => change("proposals", proposal, { stage: "approved" }));
  assert.equal(alone.status, 422, alone.text);
  assert.equal(alone.body.errors[0].pointer, "/stage");
  const approval = await until(() => found("approvals", `and(record[eq]:"${proposal.id}",state[eq]:"pending")`));
  assert.equal((await vote(client, approval)).status, 403, "who asked does not decide");
  const voted = await vote(first, approval);
  assert.equal(voted.status, 200, voted.text);
  await until(() => found("proposals", `and(id[eq]:"${proposal.id}",stage[eq]:"approved")`));
  assert.equal((await change("proposals", proposal, { stage: "sent" })).status, 200);
  assert.equal((await change("proposals", proposal, { stage: "accepted" })).status, 200);
  const contract = await until(() => found("contracts", `and(party[eq]:"${party.id}",stage[eq]:"draft")`));
  assert.deepEqual(contract.value, { amount: 94509, currency: "EUR" });
});

test("T10 the matrix asks for two; a change makes their approval void", async () => {
  await make("approval_rules", { name: "Large", from_value: { amount: 5000000, currency: "EUR" }, role: "manager", quorum: 2 });
  const proposal = await offered({ name: "All of it" }, 1000000);
  const needed = await client.get(`/x/clients/proposals/${proposal.id}/approvals`);
  assert.equal(needed.body.needed[0].quorum, 2, needed.text);
  const approval = await asked(proposal);
  assert.equal((await vote(first, approval)).status, 200);
  await make("proposal_lines", { proposal: proposal.id, description: "Travel", quantity: "1", unit_price: { amount: 100, currency: "EUR" } });
  await until(() => found("proposals", `and(id[eq]:"${proposal.id}",stage[eq]:"draft",revision[eq]:2)`));
  assert.notEqual((await vote(second, approval)).status, 200);
  const again = await asked(proposal);
  assert.equal((await vote(first, again)).status, 200);
  assert.equal((await vote(second, again)).status, 200);
  await until(() => found("proposals", `and(id[eq]:"${proposal.id}",stage[eq]:"approved")`));
});

test("T10 mixed currencies and a day that has passed are refused", async () => {
  const proposal = await offered({ valid_until: inDays(-3) });
  const mixed = await client.post("/api/v1/proposal_lines", { proposal: proposal.id, description: "x", quantity: "1",
    unit_price: { amount: 1, currency: "USD" } });
  assert.equal(mixed.status, 422, mixed.text);
  assert.equal(mixed.body.errors[0].pointer, "/unit_price");
  const late = await change("proposals", proposal, { stage: "in_approval" });
  assert.equal(late.status, 422, late.text);
  assert.equal(late.body.errors[0].pointer, "/valid_until");
});
