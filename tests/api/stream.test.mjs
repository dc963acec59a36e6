// Server-sent events: a reader that was cut off by a kill goes on behind the last event it saw, without a gap and without a repeat.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_kill") });
let client;

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(() => service.remove());

// Reads until `stop` or the connection breaks; keeps what came and the last id.
class Reader {
  constructor(query) {
    this.query = query;
    this.names = [];
    this.last = null;
  }

  async open() {
    const headers = { accept: "text/event-stream" };
    if (this.last) headers["last-event-id"] = this.last;
    this.aborted = new AbortController();
    const response = await fetch(`${service.url}/api/v1/events?${this.query}`, {
      headers: { ...headers, authorization: `Bearer ${client.token}` },
      signal: this.aborted.signal,
    });
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type"), /^text\/event-stream/);
    this.done = this.read(response.body).catch(() => {});
  }

  async read(body) {
    let rest = "";
    for await (const piece of body) {
      const blocks = (rest + Buffer.from(piece).toString()).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.take(block);
    }
  }

  take(block) {
    const field = (name) => block.split("\n").filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join("\n");
    if (field("data") === "") return; // a heartbeat
    const event = JSON.parse(field("data"));
    this.last = field("id");
    this.names.push(event.data.after.name);
  }

  close() {
    this.aborted.abort();
    return this.done;
  }
}

const create = async (name) => assert.equal((await client.post("/api/v1/deals", { name, amount: 1, bucket: "b" })).status, 201);

test("a stream goes on behind Last-Event-ID across kill -9", async () => {
  const reader = new Reader("object=deal&pattern=deal.created");
  const expected = [];
  await reader.open();
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 25; i++) {
      expected.push(`${round} live ${i}`);
      await create(expected.at(-1));
    }
    if (round % 2 === 0) await until(() => reader.names.length === expected.length, 10000);
    // Written while nobody listens: by a reader that is away, and by one that lost its service.
    await (round % 2 === 0 ? reader.close() : service.kill().then(() => reader.done));
    if (round % 2 === 1) await service.restart();
    for (let i = 0; i < 10; i++) {
      expected.push(`${round} away ${i}`);
      await create(expected.at(-1));
    }
    await reader.open();
    await until(() => reader.names.length >= expected.length, 10000);
  }
  assert.deepEqual(reader.names, expected);
  await reader.close();
});

test("an id that was given to another, or to nobody, is refused", async () => {
  const other = await service.client("admin");
  const ids = (await client.get("/api/v1/events?limit=1")).body;
  for (const id of ["AAAA", "-1", "x".repeat(5000), ids.next.slice(0, -2)]) {
    const answer = await other.get("/api/v1/events", { headers: { accept: "text/event-stream", "last-event-id": id } });
    assert.equal(answer.status, 400, `${id}: ${answer.text.slice(0, 300)}`);
    assert.equal(answer.body.code, "cursor");
  }
});

test("streams end with the service's orderly stop, and it stops at once", async () => {
  const readers = Array.from({ length: 20 }, () => new Reader("object=deal"));
  for (const reader of readers) await reader.open();
  const began = Date.now();
  assert.equal(await service.stop(), 0, service.log);
  await Promise.all(readers.map((reader) => reader.done));
  assert.ok(Date.now() - began < 10000, `${Date.now() - began} ms`);
});
