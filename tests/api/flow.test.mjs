// Durable flows from outside: 200 at once, each with steps, timers, a signal, an approval and an outside call; the service killed at
// random instants, and each run ends as its straight run would. The long run: scripts/soak flowkill.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";
import { World } from "./world.mjs";

const LIVING = 200; // runs at once
const RUNS_MAX = 900; // of a block: one list holds them all
const BLOCK = 200; // kills on one data folder

const main = (port) => `
px.flow("visit", function(flow, input)
  local n = input.n
  local function mark(name)
    return flow:step(name, function() return px.store.create("mark", { name = n .. ":" .. name }).id end)
  end
  local subject = mark("begun")
  flow:sleep(tostring(flow:random(200)) .. "ms")
  local both = flow:all {
    pay = function()
      return flow:call("pay", { retry = { times = 1000, first = "20ms", max = "200ms" }, timeout = "20s" }, function()
        local answer = px.net.fetch { url = "http://127.0.0.1:${port}/pay/" .. n, json = { n = n } }
        if answer.status >= 500 then error("it is busy") end
        return answer.json().receipt
      end)
    end,
    nap = function() flow:sleep(tostring(flow:random(100)) .. "ms") mark("nap") return "woken" end,
  }
  local word = flow:wait("go", { timeout = "30m" })
  local decision = flow:approve { role = "voter", quorum = 2, subject = subject, object = "mark" }
  mark("ended")
  return { pay = both.pay, nap = both.nap, word = word, state = decision.state, votes = #decision.votes, by = decision.by }
end)
px.route("POST", "/start", function(request)
  for n = request.json.from, request.json.to do
    if #px.flows.find { flow = "visit", key = tostring(n), limit = 1 } == 0 then
      px.flows.start("visit", { n = n }, { key = tostring(n) })
    end
  end
  return { status = 201, json = {} }
end)
px.route("POST", "/go", function(request)
  for _, n in ipairs(request.json.all) do
    for _, run in ipairs(px.flows.find { flow = "visit", key = tostring(n), limit = 1 }) do
      if run.state == "running" or run.state == "waiting" then px.flows.signal(run.id, "go", "now", { dedup = "go" }) end
    end
  end
  return { status = 200, json = {} }
end)
px.route("GET", "/runs", function()
  return { status = 200, json = { runs = px.flows.find { flow = "visit", limit = 1000 } } }
end)
`;
const label = (en, el) => `{ en = "${en}", el = "${el}" }`;
const schema = `return { objects = { mark = { title = "name", label = ${label("Mark", "Σημάδι")}, plural = ${label("Marks", "Σημάδια")},
  fields = { { "name", "text", required = true, unique = true, label = ${label("Name", "Όνομα")} } } } } }\n`;
const manifest = (port) => `return { name = "visits", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = ${label("Visits", "Επισκέψεις")}, can = { read = { "mark", "approval" }, write = { "mark" }, http = true,
  net = { "http://127.0.0.1:${port}" } } }\n`;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One data folder under kills.
class Block {
  constructor(t, seed) {
    this.t = t;
    this.state = seed + 1;
    this.made = 0; // runs that were asked for and answered
    this.going = true;
    this.makersVotes = 0;
    this.chance = (most) => (this.state = (this.state * 48271) % 2147483647) % most;
  }

  async open() {
    this.world = await new World().start();
    this.world.trouble = (times) => (times > 4 ? null : [null, null, "lost", "busy", this.chance(100)][this.chance(5)]);
    this.plugins = mkdtempSync(path.join(tmpdir(), "proxenos-flow-plugins-"));
    mkdirSync(path.join(this.plugins, "visits"));
    writeFileSync(path.join(this.plugins, "visits/plugin.lua"), manifest(this.world.port));
    writeFileSync(path.join(this.plugins, "visits/schema.lua"), schema);
    writeFileSync(path.join(this.plugins, "visits/main.lua"), main(this.world.port));
    const options = ["--outgoing-allow", `127.0.0.1:${this.world.port}`];
    this.service = await new Service({ plugins: this.plugins, enable: ["visits"], options }).start();
    this.admin = await this.service.client("admin", "root");
    const grants = { mark: { verbs: ["read", "approve"] }, approval: { verbs: ["read"] } };
    assert.equal((await this.admin.post("/api/v1/roles", { name: "voter", grants })).status, 201);
    this.voters = [];
    for (const name of ["anna", "ben", "carl", "dora"]) this.voters.push(await this.service.client("voter", name));
  }

  async close() {
    await this.service.remove();
    this.world.stop();
    rmSync(this.plugins, { recursive: true, force: true });
  }

  async pending() {
    const page = await this.admin.get(`/api/v1/approvals?limit=1000&fields=id&filter=${encodeURIComponent('state[eq]:"pending"')}`);
    return page.body.data;
  }

  async runs() {
    return (await this.admin.get("/x/visits/runs")).body.runs;
  }

  // The maker of every run is anna, who may therefore never vote.
  async fill() {
    const living = (await this.runs()).filter((run) => ["running", "waiting", "blocked"].includes(run.state)).length;
    const to = Math.min(RUNS_MAX, this.made + LIVING - living);
    if (to <= this.made) return;
    const started = await this.voters[0].post("/x/visits/start", { from: this.made + 1, to });
    if (started.status === 201) this.made = to;
  }

  async every(ms, work) {
    while (this.going) {
      await work().catch(() => {}); // the service is being killed
      await pause(this.chance(ms));
    }
  }

  async votes(user) {
    for (const one of (await this.pending()).slice(0, 200).filter(() => this.chance(20) === 0).slice(0, 10)) {
      const vote = await user.post(`/api/v1/approvals/${one.id}/approve`, {});
      this.makersVotes += user === this.voters[0] && vote.status === 200 ? 1 : 0;
    }
  }

  async signals() {
    const all = Array.from({ length: 5 }, () => 1 + this.chance(Math.max(this.made, 1)));
    await this.voters[1].post("/x/visits/go", { all });
  }

  async kills(count) {
    const work = [...this.voters.map((user) => this.every(100, () => this.votes(user))), this.every(60, () => this.signals())];
    for (let i = 0; i < count; i++) {
      if (i % 4 === 0) await this.fill();
      await pause(this.chance(120));
      await this.service.kill();
      await this.service.restart();
    }
    this.going = false;
    await Promise.all(work);
  }

  async finish() {
    let runs = [];
    const all = Array.from({ length: this.made }, (_, i) => i + 1);
    await until(async () => {
      await this.voters[1].post("/x/visits/go", { all });
      for (const one of await this.pending()) for (const user of this.voters.slice(1)) await user.post(`/api/v1/approvals/${one.id}/approve`, {});
      runs = await this.runs();
      return runs.every((run) => run.state !== "running" && run.state !== "waiting");
    }, 180000);
    return runs;
  }

  async check(runs) {
    assert.equal(runs.length, this.made);
    assert.equal(this.makersVotes, 0, "the maker has voted");
    for (const run of runs) {
      const n = Number(run.key);
      assert.equal(run.state, "done", JSON.stringify(run.error));
      const { by, ...result } = run.result;
      assert.deepEqual(result, { pay: `/pay/${n}#${n}`, nap: "woken", word: "now", state: "approved", votes: 2 });
      assert.equal(new Set(by).size, 2, "two votes of one person");
      assert.ok(!by.includes("user:anna"), "the maker has voted");
      assert.equal(this.world.effects.get(`/pay/${n}`)?.size, 1, `/pay/${n} has been asked for with several keys`);
    }
    assert.equal(new Set([...this.world.effects.values()].flatMap((asked) => [...asked.keys()])).size, this.made, "runs share a key");
    const { body } = await this.admin.get(`/api/v1/marks/aggregate?measure=count`);
    assert.equal(body.data[0].count, 3 * this.made);
    for (let i = 0; i < 20; i++) await this.checkTimeline(runs[this.chance(runs.length)]);
    const verified = await this.service.cli("audit", "verify", "--format", "json");
    assert.equal(verified.code, 0, verified.stdout);
  }

  // At most one result for each command of a run.
  async checkTimeline(run) {
    const shown = (await this.admin.get(`/api/v1/flows/${run.id}?limit=1000`)).body;
    const commands = shown.timeline.filter((one) => one.seq !== undefined && !one.kind.endsWith("arrived"));
    assert.ok(commands.length >= 7, JSON.stringify(shown.timeline));
    assert.equal(new Set(commands.map((one) => one.seq)).size, commands.length, JSON.stringify(commands));
  }
}

const wanted = Number(process.env.PROXENOS_FLOW_KILLS ?? 200);
const first = Number(process.env.PROXENOS_TEST_SEED ?? Date.now() % 1000000);
for (let done = 0, seed = first; done < wanted; done += BLOCK, seed++) {
  const kills = Math.min(BLOCK, wanted - done);
  test(`flows survive ${kills} kills at random instants, seed ${seed}`, { timeout: 900000 }, async (t) => {
    const block = new Block(t, seed);
    await block.open();
    t.after(() => block.close());
    const began = Date.now();
    await block.kills(kills);
    const runs = await block.finish();
    await block.check(runs);
    const turns = runs.reduce((sum, run) => sum + run.turns, 0);
    const asked = [...block.world.effects.values()].flatMap((keys) => [...keys.values()]).reduce((sum, times) => sum + times, 0);
    t.diagnostic(`seed ${seed}: ${kills} kills, ${runs.length} runs, ${turns} turns, ${runs.length} effects asked for ${asked} times, ${Math.round((Date.now() - began) / 1000)} s`);
  });
}
