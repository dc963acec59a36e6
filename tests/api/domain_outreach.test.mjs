// What is written to whom, from outside: templates per language and audience, prospect lists, outreach with consent, launches.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service } from "./service.mjs";

const service = new Service();
let client;

before(async () => {
  await service.start();
  client = await service.client("manager");
});
after(() => service.remove());

async function make(path, fields) {
  const answer = await client.post(`/api/v1/${path}`, fields);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

test("S7 a template in the listener's language; an unknown merge field is refused with its place", async () => {
  const nikos = await make("people", { name: "Νίκος Ρήγας", language: "el" });
  await make("templates", { name: "Offer", key: "offer", language: "en", body: "{salutation} hello" });
  const greek = await make("templates", { name: "Προσφορά", key: "offer", language: "el", body: "{salutation} χαίρετε" });
  const shown = await client.post("/x/relations/templates/preview", { key: "offer", person: nikos.id });
  assert.equal(shown.status, 200, shown.text);
  assert.equal(shown.body.language, "el");
  assert.match(shown.body.body, /Νίκος Ρήγας, χαίρετε/);
  const changed = await client.patch(`/api/v1/templates/${greek.id}`, { body: "{nmae}" });
  assert.equal(changed.status, 422, changed.text);
  assert.equal(changed.body.errors[0].pointer, "/body");
  assert.match(changed.text, /line 1, column 1: there is no merge field \{nmae\}/);
  assert.equal((await client.patch(`/api/v1/templates/${greek.id}`, { body: "Γεια, {given_name}" })).status, 200);
  const missing = await client.post("/x/relations/templates/preview", { key: "offer", person: nikos.id });
  assert.deepEqual(missing.body.missing, ["given_name"]);
});
