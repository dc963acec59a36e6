// Event logs as other programs write them, sent through the service to the plugin `sla`, which keeps a report per case; kill -9 at
// random points on the way. XES: http://www.xes-standard.org.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { random } from "./kill.mjs";
import { Client, Service, root, until } from "./service.mjs";

const BATCH = 200;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function bytesOf(file) {
  const bytes = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const plain = (text) => text.replace(/&(\w+);/g, (whole, name) => entities[name] ?? whole);

// [{ case, name, at }], as the file has them. Enough of XES for what these tests read: a trace's name, an event's name and time.
export function readXes(file) {
  const events = [];
  for (const [, trace] of bytesOf(file).matchAll(/<trace>([\s\S]*?)<\/trace>/g)) {
    const value = (text, key) => plain(new RegExp(`key="${key}" value="([^"]*)"`).exec(text)[1]);
    const name = value(trace.split("<event>")[0], "concept:name");
    for (const [, event] of trace.matchAll(/<event>([\s\S]*?)<\/event>/g)) {
      events.push({ case: name, name: value(event, "concept:name"), at: Date.parse(value(event, "time:timestamp")) });
    }
  }
  return events;
}

function csvRow(line) {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare);
}

export function readCsv(file) {
  const [head, ...lines] = bytesOf(file).trim().split(/\r?\n/);
  const columns = csvRow(head);
  const time = (text) => Date.parse(text.replace(" ", "T").replace(/(\.\d{3})\d*/, "$1"));
  return lines.map((line) => {
    const row = Object.fromEntries(csvRow(line).map((cell, i) => [columns[i], cell]));
    return {
      case: row["case:concept:name"],
      name: row["concept:name"],
      at: time(row["time:timestamp"]),
      deadline: time(row["case:deadline"]),
    };
  });
}

// As they would come in: by time, each case in its file's order.
export function asSent(events) {
  const cases = new Map();
  const steps = events.map((event, i) => {
    const so = cases.get(event.case) ?? { number: 0, at: -Infinity };
    so.number++;
    so.at = Math.max(so.at, event.at);
    cases.set(event.case, so);
    return { order: [so.at, i], row: { source: `${event.case}/${so.number}`, case_name: event.case, name: event.name, number: so.number, at: event.at, deadline: event.deadline ?? null } };
  });
  return steps.sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1]).map((step) => step.row);
}

// What the reports must be, computed here.
export function expected(events) {
  const reports = new Map();
  for (const event of events) {
    const one = reports.get(event.case) ?? { case_name: event.case, steps: 0, out_of_order: 0, started: event.at, ended: event.at, longest_wait: 0, late: 0, trail: 7 };
    one.steps++;
    one.longest_wait = Math.max(one.longest_wait, event.at - one.ended);
    one.ended = event.at;
    one.late += event.deadline && event.at > event.deadline ? 1 : 0;
    for (const byte of Buffer.from(event.name)) one.trail = (one.trail * 131 + byte) % 1000000007;
    reports.set(event.case, one);
  }
  return [...reports.values()].sort((a, b) => (a.case_name < b.case_name ? -1 : 1));
}

class Run {
  constructor(rows, kills, seed) {
    this.rows = rows;
    this.service = new Service({ plugins: path.join(root, "tests/fixtures/plugins_sla") });
    const chance = random(seed);
    this.points = Array.from({ length: kills }, () => chance() * rows.length * 2).sort((a, b) => a - b);
    this.acked = 0;
    this.killed = 0;
  }

  // Rows whose batch was answered count; one whose answer was lost is sent again: those that are there already are left alone.
  async send() {
    for (let from = 0; from < this.rows.length; ) {
      const batch = this.rows.slice(from, from + BATCH);
      const answer = await this.ask(() =>
        this.client.request("POST", "/api/v1/steps/bulk?key=source&on_conflict=skip", {
          body: batch.map((row) => JSON.stringify(row)).join("\n"),
          headers: { "content-type": "application/x-ndjson" },
        }),
      );
      const lines = answer?.text.trim().split("\n") ?? [];
      if (answer?.status !== 200 || lines.length < batch.length || !answer.text.endsWith("\n")) continue;
      for (const line of lines) assert.ok(JSON.parse(line).status < 300, line);
      from += batch.length;
      this.acked = from;
    }
  }

  // null: the service was killed meanwhile.
  async ask(what) {
    await this.starting;
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof TypeError) && !/terminated|aborted/.test(String(error))) throw error;
      await pause(5);
      return null;
    }
  }

  async handled() {
    const answer = await this.ask(() => this.client.get("/api/v1/reports/aggregate?measure=sum:steps"));
    return answer?.status === 200 ? (answer.body.data[0]?.sum_steps ?? 0) : null;
  }

  // Kills whenever sent and handled rows together pass the next point.
  async watch() {
    for (;;) {
      const handled = await this.handled();
      if (handled === null) continue;
      while (this.points.length > 0 && this.acked + handled >= this.points[0]) {
        this.points.shift();
        this.killed++;
        this.starting = this.service.kill().then(() => this.service.restart());
        await this.starting;
      }
      if (handled >= this.rows.length) return;
      await pause(5);
    }
  }

  async reports() {
    const all = [];
    for (let after = ""; ; ) {
      const page = await this.client.get(`/api/v1/reports?limit=1000&order=id${after}`);
      assert.equal(page.status, 200, page.text);
      all.push(...page.body.data);
      if (!page.body.next) break;
      after = `&after=${encodeURIComponent(page.body.next)}`;
    }
    const fields = Object.keys(expected([{ case: "x", name: "x", at: 0 }])[0]);
    return all.map((row) => Object.fromEntries(fields.map((field) => [field, row[field]]))).sort((a, b) => (a.case_name < b.case_name ? -1 : 1));
  }

  async run() {
    try {
      await this.service.start();
      this.client = await this.service.client("admin");
      this.client = new Client(this.service, this.client.token, {});
      const began = Date.now();
      await Promise.all([this.send(), this.watch()]);
      const tookMs = Date.now() - began;
      await until(async () => (await this.client.get("/api/v1/subscriptions")).body.data.every((row) => row.backlog === 0));
      const dead = (await this.client.get("/api/v1/dead-letters")).body.data;
      assert.deepEqual(dead, [], "dead letters");
      return { reports: await this.reports(), killed: this.killed, tookMs };
    } finally {
      await this.service.remove();
    }
  }
}

// Sends them all; { reports, killed, tookMs }.
export function through(events, { kills = 0, seed = 1 } = {}) {
  return new Run(asSent(events), kills, seed).run();
}
