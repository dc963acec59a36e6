// Rates, health of bonds and the attention queue over HTTP, as a manager would ask for them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service } from "./service.mjs";

let service, manager;

before(async () => {
  service = await new Service().start();
  manager = await service.client("manager");
});
after(() => service.remove());

async function made(path, body) {
  const answer = await manager.post(`/api/v1/${path}`, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data ?? answer.body;
}

test("S5 rates: made, changed, asked for; a bad one is refused with its place", async () => {
  const rate = await made("exchange_rates", { base: "EUR", currency: "USD", rate: "1.25", on: "2026-01-02", source: "ECB" });
  const asked = "/x/relations/convert?amount=10000&currency=USD&to=EUR";
  let answer = await manager.get(`${asked}&on=2026-01-05`);
  assert.equal(answer.body.to.amount, 8000, answer.text);
  assert.equal(answer.body.rate_on, "2026-01-02");
  answer = await manager.patch(`/api/v1/exchange_rates/${rate.id}`, { rate: "1.6" });
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await manager.get(`${asked}&on=2026-01-05`)).body.to.amount, 6250);
  answer = await manager.get(`${asked}&on=2026-01-01`);
  assert.equal(answer.status, 404);
  assert.match(answer.body.detail, /USD\/EUR/);
  answer = await manager.post("/api/v1/exchange_rates", { base: "EUR", currency: "usd", rate: "1.2", on: "2026-01-02", source: "ECB" });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.errors[0].pointer, "/currency");
  answer = await manager.post("/api/v1/exchange_rates", { base: "EUR", currency: "GBP", rate: "-1", on: "2026-01-02", source: "ECB" });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.errors[0].code, "rule");
});
