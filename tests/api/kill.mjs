// Q1: clients write while handlers run; kill -9 at random instants; after each restart what was acknowledged is there and each
// handler's effect is there exactly once. The same code runs a few cycles per push (kill.test.mjs) and many in scripts/soak.
import assert from "node:assert/strict";
import path from "node:path";
import { Service, Client, root, until } from "./service.mjs";

const CLIENTS = 6;
const BUCKETS = 5;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// mulberry32: small, seedable, good enough to choose operations and instants.
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// What the clients were told, by the deal's name. `acked` is the last acknowledged state ({ version, stage, amount } or null for
// none yet, { gone: true } for a deletion), `asked` the change under way whose answer has not come: it may have happened or not.
export class Ledger {
  constructor() {
    this.deals = new Map();
    this.acks = 0;
    this.unanswered = 0;
  }

  ask(name, asked) {
    const deal = this.deals.get(name) ?? { name, id: null, acked: null, bucket: asked.bucket };
    deal.asked = asked;
    this.deals.set(name, deal);
    return deal;
  }

  ack(deal, state) {
    deal.acked = state;
    deal.asked = null;
    this.acks++;
  }

  // The answer says that nothing was changed.
  refuse(deal) {
    deal.asked = null;
    if (!deal.acked) this.deals.delete(deal.name);
  }

  // Compares with what the service holds, then takes that as the new truth.
  check(rows) {
    const found = new Map();
    for (const row of rows) {
      assert.ok(!found.has(row.name), `${row.name} is there twice`);
      found.set(row.name, row);
      assert.ok(this.deals.has(row.name), `nobody has asked for ${row.name}`);
    }
    for (const deal of this.deals.values()) {
      this.checkDeal(deal, found.get(deal.name));
    }
  }

  checkDeal(deal, row) {
    const { acked, asked } = deal;
    const told = JSON.stringify({ acked, asked, row });
    if (asked) this.unanswered++;
    if (!row) {
      const mayBeGone = !acked || acked.gone || asked?.gone;
      assert.ok(mayBeGone, `an acknowledged deal is lost: ${deal.name} ${told}`);
      if (!acked || asked?.gone) this.deals.delete(deal.name);
      deal.asked = null;
      return;
    }
    assert.ok(!acked?.gone, `an acknowledged deletion is lost: ${deal.name} ${told}`);
    const same = (state) => state && row.stage === state.stage && row.amount === state.amount;
    const isAcked = acked && row.version === acked.version && same(acked);
    const isAsked = asked && !asked.gone && row.version === (acked?.version ?? 0) + 1 && same(asked);
    assert.ok(isAcked || isAsked, `${deal.name} is not as acknowledged: ${told}`);
    assert.ok(!deal.id || deal.id === row.id, `${deal.name} has another id`);
    deal.id = row.id;
    deal.acked = { version: row.version, stage: row.stage, amount: row.amount };
    deal.asked = null;
  }
}

// One client: one request after the other, on deals that only it changes.
class Writer {
  constructor(index, client, ledger, chance) {
    Object.assign(this, { index, client, ledger, chance, made: 0, running: false });
  }

  pick(list) {
    return list[Math.floor(this.chance() * list.length)];
  }

  fresh() {
    const name = `w${this.index}-${++this.made}`;
    return { name, amount: Math.floor(this.chance() * 1000), bucket: `b${Math.floor(this.chance() * BUCKETS)}` };
  }

  mine() {
    return this.pick(this.recent.filter((deal) => deal.acked && !deal.acked.gone && !deal.asked));
  }

  async run() {
    this.running = true;
    this.recent = [...this.ledger.deals.values()].filter((deal) => deal.name.startsWith(`w${this.index}-`)).slice(-40);
    try {
      while (this.running) await this.step();
    } catch (error) {
      // The connection broke: the service was killed. Anything else is a finding.
      if (!(error instanceof TypeError) && !/terminated|aborted|JSON/.test(String(error))) throw error;
    }
  }

  step() {
    const dice = this.chance();
    const deal = this.mine();
    if (!deal || dice < 0.2) return this.create();
    if (dice < 0.25) return this.bulk();
    if (dice < 0.3) return this.atomic();
    if (dice < 0.35 && deal.acked.stage === "open") return this.remove(deal);
    if (dice < 0.8 && deal.acked.stage === "open") return this.change(deal, { stage: "won" });
    return this.change(deal, { amount: deal.acked.amount + 1 });
  }

  begin(row) {
    const deal = this.ledger.ask(row.name, { stage: "open", amount: row.amount, bucket: row.bucket });
    this.recent.push(deal);
    if (this.recent.length > 80) this.recent.splice(0, 40);
    return deal;
  }

  acknowledge(deal, id, version) {
    const { asked } = deal;
    deal.id = id;
    this.ledger.ack(deal, { version, stage: asked.stage, amount: asked.amount });
  }

  // 503 (busy, stopping) and the like: said not to have happened.
  async create() {
    const row = this.fresh();
    const deal = this.begin(row);
    const answer = await this.client.post("/api/v1/deals", row);
    if (answer.status === 201) return this.acknowledge(deal, answer.body.id, answer.body.version);
    assert.equal(answer.status, 503, answer.text);
    return this.ledger.refuse(deal);
  }

  async change(deal, fields) {
    deal.asked = { ...deal.acked, ...fields };
    const answer = await this.client.patch(`/api/v1/deals/${deal.id}`, fields, { "if-match": `"${deal.acked.version}"` });
    if (answer.status === 200) return this.acknowledge(deal, deal.id, answer.body.version);
    assert.equal(answer.status, 503, answer.text);
    return this.ledger.refuse(deal);
  }

  async remove(deal) {
    deal.asked = { gone: true };
    const answer = await this.client.delete(`/api/v1/deals/${deal.id}`);
    if (answer.status === 204) return this.ledger.ack(deal, { gone: true });
    assert.equal(answer.status, 503, answer.text);
    return this.ledger.refuse(deal);
  }

  // Each line that arrived is an acknowledgement of its row, also when the stream broke after it.
  async bulk() {
    const rows = Array.from({ length: 2 + Math.floor(this.chance() * 20) }, () => this.fresh());
    const deals = rows.map((row) => this.begin(row));
    const response = await this.client.request("POST", "/api/v1/deals/bulk", {
      body: rows.map((row) => JSON.stringify(row)).join("\n"),
      headers: { "content-type": "application/x-ndjson" },
      raw: true,
    });
    let rest = "";
    for await (const piece of response.body) {
      const lines = (rest + Buffer.from(piece).toString()).split("\n");
      rest = lines.pop();
      for (const line of lines.filter((text) => text !== "")) {
        const { row, status, id, version } = JSON.parse(line);
        if (status === 201) this.acknowledge(deals[row - 1], id, version);
        else this.ledger.refuse(deals[row - 1]);
      }
    }
  }

  // All rows or none: the batch is remembered, and a restart may show the whole of it or nothing.
  async atomic() {
    const rows = Array.from({ length: 2 + Math.floor(this.chance() * 8) }, () => this.fresh());
    const deals = rows.map((row) => this.begin(row));
    this.batch = rows.map((row) => row.name);
    const answer = await this.client.post("/api/v1/deals/bulk?atomic=true", rows.map((row) => JSON.stringify(row)).join("\n"), {
      "content-type": "application/x-ndjson",
    });
    const lines = answer.text.trim().split("\n").map((line) => JSON.parse(line));
    for (const [i, deal] of deals.entries()) {
      if (lines[i]?.status === 201) this.acknowledge(deal, lines[i].id, lines[i].version);
      else this.ledger.refuse(deal);
    }
    this.batch = null;
  }
}

async function all(client, path) {
  const rows = [];
  for (let after = ""; ; ) {
    const page = await client.get(`${path}?limit=1000&order=id${after}`);
    assert.equal(page.status, 200, page.text);
    rows.push(...page.body.data);
    if (!page.body.next) return rows;
    after = `&after=${encodeURIComponent(page.body.next)}`;
  }
}

function checkBatches(writers, rows) {
  const names = new Set(rows.map((row) => row.name));
  for (const writer of writers.filter((one) => one.batch)) {
    const there = writer.batch.filter((name) => names.has(name)).length;
    assert.ok(there === 0 || there === writer.batch.length, `an atomic batch is there in part: ${there} of ${writer.batch.length}`);
    writer.batch = null;
  }
}

const sum = (rows, field) => rows.reduce((total, row) => total + row[field], 0);

function countBy(rows, field) {
  const counts = new Map();
  for (const row of rows) counts.set(row[field], (counts.get(row[field]) ?? 0) + 1);
  return counts;
}

// Waits until the handlers have nothing left, then counts what they did.
async function checkEffects(client, ledger, totals) {
  await until(async () => {
    const { body } = await client.get("/api/v1/subscriptions");
    return body.data.length === 3 && body.data.every((one) => one.lag === 0 && one.parked === 0);
  }, 120000);
  const dead = await client.get("/api/v1/dead-letters");
  assert.equal(dead.body.data.length, 0, dead.text.slice(0, 2000));
  const won = [...ledger.deals.values()].filter((deal) => deal.acked?.stage === "won");
  const followUps = countBy(await all(client, "/api/v1/follow_ups"), "deal");
  const traces = countBy(await all(client, "/api/v1/traces"), "deal");
  for (const deal of won) {
    assert.equal(followUps.get(deal.id), 1, `follow-ups of ${deal.name}`);
  }
  assert.equal(followUps.size, won.length, "follow-ups of no won deal");
  for (const deal of ledger.deals.values()) {
    if (deal.acked && !deal.acked.gone) assert.equal(traces.get(deal.id), 1, `traces of ${deal.name}`);
  }
  for (const [id, count] of traces) assert.equal(count, 1, `traces of ${id}`);
  assert.equal(sum(await all(client, "/api/v1/tallies"), "won"), won.length, "the tallies' sum");
  Object.assign(totals, { won: won.length, traces: traces.size });
}

export class KillTest {
  // `say` gets a line per cycle; `cycles` and `seconds` end it, whichever comes first.
  constructor({ cycles = Infinity, seconds = Infinity, seed, longest = 700, say = () => {} }) {
    Object.assign(this, { cycles, seconds, seed, longest, say });
    this.chance = random(seed);
    this.ledger = new Ledger();
    this.done = { cycles: 0, kills: 0, won: 0, traces: 0 };
  }

  async run() {
    this.service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_kill") });
    await this.service.start();
    this.client = await this.service.client("admin");
    this.writers = Array.from(
      { length: CLIENTS },
      (_, i) => new Writer(i, new Client(this.service, this.client.token, this.client.user), this.ledger, random(this.seed + i + 1)),
    );
    const end = Date.now() + this.seconds * 1000;
    while (this.done.cycles < this.cycles && Date.now() < end) await this.cycle();
    assert.equal(await this.service.stop(), 0, this.service.log);
    const verified = await this.service.cli("audit", "verify");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const { acks, unanswered } = this.ledger;
    await this.service.remove();
    return { ...this.done, acks, unanswered, verified: verified.stdout.trim() };
  }

  async kill(afterMs) {
    await pause(afterMs);
    await this.service.kill();
    this.done.kills++;
  }

  async cycle() {
    const running = Promise.all(this.writers.map((writer) => writer.run()));
    await this.kill(this.chance() * this.longest);
    for (const writer of this.writers) writer.running = false;
    await running;
    // Sometimes it dies again while it recovers and handles what was left.
    for (let again = 0; this.chance() < 0.25 && again < 3; again++) {
      await this.service.restart();
      await this.kill(this.chance() * 100);
    }
    await this.service.restart();
    const rows = await all(this.client, "/api/v1/deals");
    checkBatches(this.writers, rows);
    this.ledger.check(rows);
    await checkEffects(this.client, this.ledger, this.done);
    this.done.cycles++;
    const { acks } = this.ledger;
    this.say(`cycle ${this.done.cycles} kills ${this.done.kills} acknowledged ${acks} deals ${rows.length} won ${this.done.won}`);
  }
}
