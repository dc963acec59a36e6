// Server-sent events read by the npm package `eventsource`, which reconnects by itself: ten restarts, orderly and by kill -9, and no
// event is missing or comes twice.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import path from "node:path";
import { EventSource } from "eventsource";
import { Service, root, until } from "./service.mjs";

const RESTARTS = 10;
const BURST = 20;
let service;
let client;

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

before(async () => {
  const listen = `127.0.0.1:${await freePort()}`; // the same after each restart: the client knows one address
  service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_kill"), options: ["--listen", listen] });
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

const create = async (name) => {
  const made = await client.post("/api/v1/deals", { name, amount: 1, bucket: "b" });
  assert.equal(made.status, 201, made.text);
};

test("eventsource reads on through ten restarts without a gap", async () => {
  const names = [];
  let opened = 0;
  const source = new EventSource(`${service.url}/api/v1/events?object=deal&pattern=deal.created`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${client.token}` } }),
  });
  const take = (event) => names.push(JSON.parse(event.data).data.after.name);
  source.addEventListener("open", () => opened++);
  source.addEventListener("message", take);
  source.addEventListener("deal.created", take);
  try {
    await until(() => opened === 1);
    const expected = [];
    const send = async (name) => {
      expected.push(name);
      await create(name);
    };
    // This client takes an id from events alone: it must have seen one before it can come back.
    await send("first");
    await until(() => names.length === 1);
    for (let round = 0; round < RESTARTS; round++) {
      await (round % 2 === 0 ? service.kill() : service.stop());
      await service.restart();
      // Some come while it is away.
      for (let i = 0; i < 5; i++) await send(`${round}-away-${i}`);
      await until(() => opened >= round + 2, 20000);
      for (let i = 0; i < BURST; i++) await send(`${round}-${i}`);
      // The next restart in the middle of what it is being sent, or when it has all.
      if (round % 3 === 0) await until(() => names.length === expected.length, 20000);
    }
    await until(() => names.length >= expected.length, 20000);
    assert.deepEqual(names, expected);
    assert.equal(source.readyState, EventSource.OPEN);
  } finally {
    source.close();
  }
});
