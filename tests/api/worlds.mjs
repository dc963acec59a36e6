// Q7, noninterference: two services from one beginning. In world A there is a compartment, people inside it and all that they do; in world B
// there is not. The same people outside ask the same things of both, and must be answered alike, once ids, cursors and times are named by the
// order in which they first appear. Programs are random from a seed; what insiders do is mixed between the questions.
import assert from "node:assert/strict";
import { Service } from "./service.mjs";
import { makeCompartment, person, wallPlugins } from "./walls.mjs";

const words = ["alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "lambda"];
const sectors = ["energy", "finance", "health"];
const q = encodeURIComponent;

// mulberry32
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (count) => Math.floor(next() * count);
  return { below, pick: (list) => list[below(list.length)], chance: (part) => next() < part };
}

// What may differ between two runs of the same: ids, sealed positions, hashes and tokens by first appearance; times not at all.
class Names {
  constructor() {
    this.known = new Map();
  }
  name(kind, text) {
    if (!this.known.has(text)) this.known.set(text, `<${kind} ${this.known.size}>`);
    return this.known.get(text);
  }
  plain(text) {
    return text
      .replace(/"request_id":"[^"]*"/g, '"request_id":"R"')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "T")
      .replace(/(T|\d{8}T\d{6}Z)\b/g, "T")
      .replace(/"(seq|cause|position|last_seq|first_seq)":(\d+)/g, (_, key, number) => `"${key}":${this.name("seq", `seq ${number}`)}`)
      // A scan's progress in thousandths: told when it takes long, so by the clock alone.
      .replace(/"progress":\{"done_bytes":\d+,"total_bytes":(0|1000)\}/g, '"progress":P')
      .replace(/"(took_ms|ms|elapsed_ms|bytes_per_second|rows_per_second|progress_ms|pid|port)":[\d.]+/g, '"$1":N')
      .replace(/[A-Za-z0-9_-]{20,}={0,2}/g, (sealed) => (/^[a-z_]+$/.test(sealed) ? sealed : this.name("sealed", sealed)))
      .replace(/"next":"(\d)([0-9a-hjkmnp-tv-z]{13})"/g, (_, rank, id) => `"next":"${rank} ${this.name("id", id)}"`)
      .replace(/\b[0-9a-hjkmnp-tv-z]{13}\b/g, (id) => this.name("id", id));
  }
}

export class TwoWorlds {
  constructor({ seed, say = () => {}, leak = false }) {
    Object.assign(this, { seed, say, leak, asked: 0, inside: 0, serial: 0 });
    this.plugins = wallPlugins();
    this.worlds = ["A", "B"].map((name) => ({
      name,
      service: new Service({ plugins: this.plugins.folder, enable: ["walls"] }),
      people: {},
      ids: new Map(), // a name of the program → this world's id
      names: new Names(),
      last: {}, // cursors, tokens and ETags that the last answers gave
    }));
    this.handles = []; // of public records: { handle, object }
    this.hidden = []; // of records in the compartment
    this.files = []; // of files that somebody outside attached
  }

  async start() {
    for (const world of this.worlds) {
      await world.service.start();
      world.people.root = await person(world.service, "admin", "root");
      for (const name of ["kate", "karl", "mia", "oscar"]) world.people[name] = await person(world.service, "manager", name);
      world.people.aud = await person(world.service, "auditor", "aud");
      world.people.user = await person(world.service, "user", "uma");
      const role = await world.people.root.post("/api/v1/roles", { name: "emergency", break_glass: true, grants: { "*": { verbs: ["read"] } } });
      assert.equal(role.status, 201, role.text);
      world.people.bea = await person(world.service, "emergency", "bea");
      const south = await world.people.root.post("/api/v1/territories", { name: "south", rules: { firm: { size: { gt: 20 } } }, members: [world.people.oscar.id] });
      assert.equal(south.status, 201, south.text);
      world.ids.set("south", south.body.id);
      world.streams = {};
      for (const who of ["oscar", "root", "aud"]) world.streams[who] = await openStream(world.people[who]);
      for (const [name, one] of Object.entries(world.people)) world.ids.set(name, one.id);
    }
    const [a] = this.worlds;
    const { root, kate, karl, mia, oscar, aud } = a.people;
    this.deal = await makeCompartment(root, "deal", [kate, karl], this.leak ? [mia, oscar, aud] : [mia], { break_glass: false });
    a.ids.set("deal", this.deal);
    const asked = await kate.post(`/api/v1/compartments/${this.deal}/accesses`, { plugin: "walls", reason: "to test" });
    assert.equal((await karl.post(`/api/v1/compartment_accesses/${asked.body.id}/confirm`, {})).status, 200);
    this.hidden.push({ handle: "deal", object: "compartment" });
  }

  async stop() {
    for (const world of this.worlds) {
      for (const stream of Object.values(world.streams ?? {})) await stream.close();
      await world.service.remove();
    }
    this.plugins.remove();
  }

  // This world's id; where there is no such record (the hidden ones in B) an id that is nobody's, always the same.
  id(world, handle) {
    if (!world.ids.has(handle)) {
      this.serial++;
      world.ids.set(handle, `0zz${String(this.serial).padStart(10, "0")}`);
    }
    return world.ids.get(handle);
  }

  fill(world, value) {
    if (typeof value === "string") return value.replace(/\{([\w.-]+)\}/g, (_, handle) => this.id(world, handle)).replace(/\$(\w+)/g, (_, name) => world.last[name] ?? "none");
    if (Array.isArray(value)) return value.map((one) => this.fill(world, one));
    if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.fill(world, one)]));
    return value;
  }

  // One question to both worlds by one who is outside.
  async ask({ as, method = "GET", target, body, headers = {}, keep }) {
    const told = [];
    for (const world of this.worlds) {
      const answer = await world.people[as].request(method, this.fill(world, target), {
        body: typeof body === "string" ? this.fill(world, body) : body && this.fill(world, body),
        headers: this.fill(world, headers),
      });
      const { names } = world;
      const shown = names.plain(`${method} ${decodeURIComponent(this.fill(world, target))}`);
      const head = ["content-type", "etag", "location", "link", "retry-after", "content-disposition", "proxenos-duplicates"].map((name) => [name, names.plain(answer.headers.get(name) ?? "")]);
      told.push(JSON.stringify({ as, shown, body: body ?? null, status: answer.status, head, text: names.plain(this.figures(target, answer.text)) }));
      if (keep) keep(world, answer);
    }
    this.asked++;
    this.compare(told);
  }

  // Counts of all work of the machine are no answer about records (docs/decisions/0014): their names are compared.
  figures(target, text) {
    if (target === "/metrics") return text.replace(/ [\d.e+-]+$/gm, " N").replace(/^proxenos_(plugin|subscription|flow)_.*$\n/gm, "");
    if (/^\/api\/v1\/(plugins|subscriptions)/.test(target)) return text.replace(/":[\d.]+(?=[,}\]])/g, '":N');
    return text;
  }

  compare([a, b]) {
    if (a === b) return;
    let at = 0;
    while (a[at] === b[at]) at++;
    const from = Math.max(0, at - 200);
    throw new Error(`seed ${this.seed}: the worlds differ after ${this.asked} questions\nA …${a.slice(from, at + 300)}\nB …${b.slice(from, at + 300)}\nthe question: ${a.slice(0, 400)}`);
  }

  // What happens inside: in world A alone.
  async act(as, method, target, body, headers = {}) {
    const [a] = this.worlds;
    this.inside++;
    const answer = await a.people[as].request(method, this.fill(a, target), { body: body && this.fill(a, body), headers: this.fill(a, headers) });
    assert.ok(answer.status < 500, answer.text);
    return answer;
  }

  async settle() {
    const marker = `marker ${this.seed}-${++this.serial}`;
    await this.ask({ as: "root", method: "POST", target: "/api/v1/firms", body: { name: marker } });
    const told = { oscar: [], root: [], aud: [] };
    for (const world of this.worlds) {
      for (const [who, stream] of Object.entries(world.streams)) told[who].push(world.names.plain(await stream.until(marker)));
    }
    for (const [who, texts] of Object.entries(told)) this.compare(texts.map((text) => JSON.stringify({ as: who, shown: "event stream", text })));
  }

  async program(seed, steps = 60) {
    this.seed = seed;
    const rng = random(seed);
    const outside = new Outside(this, rng);
    const inside = new Inside(this, rng);
    for (let i = 0; i < 4; i++) await outside.create();
    for (let i = 0; i < steps; i++) {
      if (rng.chance(0.35)) await inside.step();
      await outside.step();
    }
    await this.settle();
  }
}

// Server-sent events as text, until something comes.
async function openStream(client) {
  const stop = new AbortController();
  const response = await fetch(`${client.service.url}/api/v1/events`, {
    headers: { accept: "text/event-stream", authorization: `Bearer ${client.token}` },
    signal: stop.signal,
  });
  let text = "";
  let ended = false;
  const reading = (async () => {
    try {
      for await (const piece of response.body) text += Buffer.from(piece).toString();
    } catch {
      // aborted
    }
    ended = true;
  })();
  return {
    async until(what) {
      const end = Date.now() + 20000;
      while (!text.includes(what) && Date.now() < end && !ended) await new Promise((resolve) => setTimeout(resolve, 5));
      const at = text.indexOf(what);
      if (at < 0) return `${ended ? "THE STREAM ENDED" : "NOTHING CAME"} ${text}`;
      const stopAt = text.indexOf("\n\n", at) + 2;
      const given = text.slice(0, stopAt);
      text = text.slice(stopAt);
      return given.replace(/^:.*\n/gm, "");
    },
    async close() {
      stop.abort();
      await reading;
    },
  };
}

class Outside {
  constructor(worlds, rng) {
    Object.assign(this, { worlds, rng });
  }

  who() {
    return this.rng.pick(["oscar", "oscar", "root", "aud", "user"]);
  }
  writer() {
    return this.rng.pick(["oscar", "oscar", "root"]);
  }
  name() {
    return `${this.rng.pick(words)} ${this.rng.pick(words)} ${this.rng.below(30)}`;
  }
  // A record's handle: one's own, or one that is only there inside.
  some(object, hidden = 0.3) {
    const of = (list) => list.filter((one) => one.object === object).map((one) => one.handle);
    const own = of(this.worlds.handles);
    const inside = of(this.worlds.hidden);
    if (inside.length > 0 && (own.length === 0 || this.rng.chance(hidden))) return this.rng.pick(inside);
    return own.length > 0 ? this.rng.pick(own) : "nobody";
  }
  path(object) {
    return { firm: "firms", memo: "memos", compartment: "compartments" }[object];
  }

  fields(object) {
    const body = { name: this.name() };
    if (object === "firm") {
      if (this.rng.chance(0.5)) body.size = this.rng.below(100);
      if (this.rng.chance(0.5)) body.sector = this.rng.pick(sectors);
      if (this.rng.chance(0.4)) body.code = `c${this.rng.below(40)}`;
      if (this.rng.chance(0.3)) body.parent = `{${this.some("firm")}}`;
      if (this.rng.chance(0.2)) body.friends = [`{${this.some("firm")}}`];
    } else {
      if (this.rng.chance(0.6)) body.about = `{${this.some("firm")}}`;
      if (this.rng.chance(0.3)) body.also = `{${this.some("firm")}}`;
    }
    if (this.rng.chance(0.05)) body.compartment = this.rng.pick(["{deal}", "deal", "0000000000001"]);
    return body;
  }

  async create() {
    const object = this.rng.pick(["firm", "firm", "memo"]);
    const handle = `${object}${this.worlds.seed}x${++this.worlds.serial}`;
    let made = true;
    await this.worlds.ask({
      as: this.writer(),
      method: "POST",
      target: `/api/v1/${this.path(object)}`,
      body: this.fields(object),
      keep: (world, answer) => {
        if (answer.status === 201) world.ids.set(handle, answer.body.id);
        else made = false;
      },
    });
    if (made) this.worlds.handles.push({ handle, object });
  }

  ask(as, target) {
    return this.worlds.ask({ as, target });
  }
  send(as, method, target, body, headers, keep) {
    return this.worlds.ask({ as, method, target, body, headers, keep });
  }

  filter(object) {
    const tests = [
      () => `name[like]:"%${this.rng.pick(words)}%"`,
      () => `name[prefix]:"${this.rng.pick(words)}"`,
      () => `compartment[is]:null`,
      () => `compartment[eq]:"{deal}"`,
      () => `created_by[eq]:"user:${this.rng.pick(["oscar", "mia", "kate", "root"])}"`,
    ];
    if (object === "firm") tests.push(() => `size[gt]:${this.rng.below(80)}`, () => `code[eq]:"c${this.rng.below(40)}"`, () => `parent[eq]:"{${this.some("firm", 0.6)}}"`, () => `parent.name[like]:"%${this.rng.pick(words)}%"`, () => `friends[has]:"{${this.some("firm", 0.6)}}"`);
    else tests.push(() => `about.sector[eq]:"${this.rng.pick(sectors)}"`, () => `about[eq]:"{${this.some("firm", 0.6)}}"`, () => `stage[eq]:"draft"`, () => `about[is]:not_null`);
    return this.rng.pick(tests)();
  }

  async step() {
    const { rng } = this;
    const object = rng.pick(["firm", "firm", "memo"]);
    const at = `/api/v1/${this.path(object)}`;
    const one = `${at}/{${this.some(object)}}`;
    const as = this.who();
    const turns = {
      create: [6, () => this.create()],
      list: [5, () => this.ask(as, `${at}?count=exact&limit=${1 + rng.below(8)}&order=${rng.pick(["name,id", "-name,id", "id", "-id"])}&filter=${q(this.filter(object)).replace(/%7B/g, "{").replace(/%7D/g, "}")}`)],
      page: [4, () => this.send(as, "GET", `${at}?limit=3&order=name,id`, undefined, {}, (world, answer) => (world.last.page = answer.body?.next ?? "none"))],
      next: [2, () => this.ask(as, `${at}?limit=3&order=name,id&after=$page`)],
      include: [3, () => this.ask(as, object === "firm" ? `${at}?limit=5&order=id&include=parent` : `${at}?limit=5&order=-id&include=about,also`)],
      get: [6, () => this.send(as, "GET", one, undefined, {}, (world, answer) => (world.last.etag = answer.headers.get("etag") ?? '"0"'))],
      fresh: [2, () => this.send(as, "GET", one, undefined, { "if-none-match": "$etag" })],
      asof: [2, () => this.ask(as, `${one}?as_of=2999-01-01`)],
      manyasof: [1, () => this.ask(as, `${at}?as_of=2999-01-01&ids={${this.some(object)}},{${this.some(object)}}`)],
      search: [5, () => this.ask(as, `/api/v1/search?wait=true&limit=${1 + rng.below(6)}&q=${rng.pick(words)}`)],
      searchbody: [2, () => this.send(as, "POST", `${at}/search`, { filter: { name: { like: `%${rng.pick(words)}%` } }, limit: 4, count: "exact", order: "id" })],
      aggregate: [4, () => this.ask(as, `/api/v1/firms/aggregate?group=sector&measure=count,sum:size,max:size`)],
      aggregatememo: [2, () => this.ask(as, `/api/v1/memos/aggregate?group=about.sector&measure=count`)],
      history: [3, () => this.ask(as, `${one}/history`)],
      why: [2, () => this.ask(as, `${one}/why/name`)],
      events: [4, () => this.send(as, "GET", `/api/v1/events?limit=20`, undefined, {}, (world, answer) => (world.last[`events_${as}`] = answer.body.next))],
      moreevents: [4, () => this.send(as, "GET", `/api/v1/events?limit=1000&after=$events_${as}`, undefined, {}, (world, answer) => (world.last[`events_${as}`] = answer.body.next ?? world.last[`events_${as}`]))],
      exportcsv: [1, () => this.ask(rng.pick(["oscar", "root", "aud"]), `${at}/export?format=csv&order=id`)],
      exportjson: [1, () => this.ask(rng.pick(["oscar", "root", "aud"]), `${at}/export?format=ndjson&order=id`)],
      update: [5, () => this.send(this.writer(), "PATCH", one, this.fields(object), rng.chance(0.3) ? { "if-match": "$etag" } : {})],
      move: [3, () => this.send(this.writer(), "PATCH", `/api/v1/memos/{${this.some("memo")}}`, { stage: rng.pick(["sent", "draft", "filed"]) })],
      remove: [3, () => this.send(this.writer(), "DELETE", one)],
      restore: [1, () => this.send("root", "POST", `${one}/restore`, {})],
      bulk: [1, () => this.send(this.writer(), "POST", `${at}/bulk`, [0, 1, 2].map(() => JSON.stringify(this.fields(object))).join("\n"), { "content-type": "application/x-ndjson" })],
      preview: [2, () => this.preview(object)],
      edit: [1, () => this.send("oscar", "POST", `/api/v1/firms/bulk/edit`, { filter: { name: { like: `%${rng.pick(words)}%` } }, set: { sector: rng.pick(sectors) }, token: "$token" })],
      mergepreview: [2, () => this.send(this.writer(), "POST", `${one}/merge?dry_run=true`, { others: [`{${this.some(object)}}`] })],
      merge: [1, () => this.send(this.writer(), "POST", `${one}/merge`, { others: [`{${this.some(object, 0.1)}}`] }, {}, (world, answer) => (world.last.changeset = answer.body?.changeset ?? "0000000000001"))],
      revert: [1, () => this.send(this.writer(), "POST", `/api/v1/changesets/$changeset/revert${rng.chance(0.5) ? "?dry_run=true" : ""}`, {})],
      changesets: [2, () => this.ask(this.writer(), `/api/v1/changesets?limit=20`)],
      approvals: [2, () => this.ask(as, `/api/v1/approvals?limit=50&order=id`)],
      mine: [2, () => this.ask(as, `/api/v1/me/approvals?limit=50`)],
      jobs: [1, () => this.ask(this.writer(), `/api/v1/jobs`)],
      flows: [1, () => this.ask("root", rng.pick(["/api/v1/flows", "/api/v1/schedules", "/api/v1/mails", "/api/v1/fetches", "/api/v1/egress"]))],
      dead: [2, () => this.ask(rng.pick(["root", "aud"]), "/api/v1/dead-letters")],
      bus: [1, () => this.ask("root", rng.pick(["/api/v1/subscriptions", "/api/v1/plugins", "/api/v1/plugins/walls"]))],
      metrics: [1, () => this.ask("root", "/metrics")],
      schema: [1, () => this.ask(as, rng.pick(["/api/v1/schema", "/openapi.json", "/api/v1/me", "/api/v1/pages", "/api/v1/doctor"]))],
      people: [1, () => this.ask("root", rng.pick(["/api/v1/users", "/api/v1/roles", "/api/v1/tokens", "/api/v1/webhooks"]))],
      walls: [3, () => this.ask(as, rng.pick(["/api/v1/compartments?count=exact", "/api/v1/compartment_accesses?count=exact", "/api/v1/compartments/{deal}", "/api/v1/compartments/{deal}/history"]))],
      cross: [1, () => this.send(as, "POST", "/api/v1/crossings", { compartment: rng.pick(["deal", "{deal}", "nothing"]), reason: "curious", hours: 1 + rng.below(9) })],
      glass: [1, () => this.send(rng.pick(["bea", as]), "POST", "/api/v1/break-glass", rng.pick([{ compartment: "deal", reason: "r" }, { object, record: `{${this.some(object, 0.8)}}`, reason: "r" }]))],
      propose: [1, () => this.send(as, "POST", "/api/v1/compartments/{deal}/accesses", { user: "{oscar}", reason: "me" })],
      files: [3, () => this.ask(as, `${one}/files`)],
      attach: [2, () => this.attach(this.writer(), one)],
      fetchfile: [2, () => this.ask(as, `${one}/files/{${this.rng.pick(this.worlds.files.concat("nofile"))}}`)],
      unattach: [1, () => this.send(this.writer(), "DELETE", `${one}/files/{${this.rng.pick(this.worlds.files.concat("nofile"))}}`)],
      alike: [3, () => this.ask(as, `/api/v1/firms/{${this.some("firm")}}/duplicates`)],
      checked: [2, () => this.send(as, "POST", "/api/v1/firms/duplicates", { name: this.name(), code: `c${rng.below(40)}` })],
      scan: [2, () => this.scan(this.writer())],
      groups: [1, () => this.ask(this.writer(), "/api/v1/firms/duplicates?limit=20")],
      dismiss: [1, () => this.send(this.writer(), "POST", "/api/v1/firms/duplicates/dismiss", { records: [`{${this.some("firm")}}`, `{${this.some("firm")}}`] })],
      view: [1, () => this.send("root", "POST", "/api/v1/views", { name: `view ${++this.worlds.serial}`, object: "firm", query: { filter: { name: { like: `%${rng.pick(words)}%` } }, order: "id" }, shared: "everyone" })],
      views: [1, () => this.ask(as, rng.pick(["/api/v1/me/views", "/api/v1/views?order=id"]))],
      territory: [2, () => this.ask("root", "/api/v1/territories/{south}/coverage")],
      territories: [1, () => this.send("root", "POST", "/api/v1/territories/{south}/preview", { rules: { firm: { size: { gt: rng.below(60) } } } })],
      erasable: [1, () => this.send("root", "POST", `${one}/erase`, {})],
      custom: [1, () => this.ask("root", rng.pick(["/api/v1/schema/objects", "/api/v1/schema/firm"]))],
      plugin: [2, () => this.ask(as, "/x/walls/names")],
      bad: [1, () => this.ask(as, rng.pick([`${at}?filter=x`, `${at}?order=nothing`, `${at}/zzz`, `/api/v1/nothing`, `${at}?after=abc`]))],
    };
    const all = Object.values(turns).flatMap(([weight, turn]) => Array(weight).fill(turn));
    await rng.pick(all)();
  }

  // A scan of what each may read: its result, then its groups.
  async scan(as) {
    const told = [];
    for (const world of this.worlds.worlds) {
      const started = await world.people[as].post("/api/v1/firms/duplicates/scan", {});
      assert.equal(started.status, 202, started.text);
      const job = await world.people[as].job(started.body.id);
      told.push(JSON.stringify({ as, shown: "scan", text: world.names.plain(job.text) }));
    }
    this.worlds.asked++;
    this.worlds.compare(told);
    await this.ask(as, "/api/v1/firms/duplicates?limit=50");
  }

  attach(as, one) {
    const handle = `file${this.worlds.seed}x${++this.worlds.serial}`;
    this.worlds.files.push(handle);
    const headers = { "content-type": "text/plain", "content-disposition": `attachment; filename="${this.rng.pick(words)}.txt"` };
    return this.send(as, "POST", `${one}/files`, `text ${this.rng.below(5)}`, headers, (world, answer) => {
      if (answer.status === 201) world.ids.set(handle, answer.body.id);
    });
  }

  preview() {
    const filter = { name: { like: `%${this.rng.pick(words)}%` } };
    return this.send("oscar", "POST", `/api/v1/firms/bulk/edit`, { filter, set: { sector: this.rng.pick(sectors) } }, {}, (world, answer) => (world.last.token = answer.body?.token ?? "none"));
  }
}

const rngName = (rng) => `${rng.pick(words)} ${rng.pick(words)}`;

class Inside {
  constructor(worlds, rng) {
    Object.assign(this, { worlds, rng });
  }

  pick(object, fallback) {
    const list = this.worlds.hidden.filter((one) => one.object === object);
    return list.length > 0 ? this.rng.pick(list).handle : fallback;
  }
  open(object) {
    const list = this.worlds.handles.filter((one) => one.object === object);
    return list.length > 0 ? this.rng.pick(list).handle : "nobody";
  }
  name() {
    return `${this.rng.pick(["", "echo ", "boom "])}${this.rng.pick(words)} ${this.rng.pick(words)}`;
  }

  async make(object, body) {
    const made = await this.worlds.act("mia", "POST", `/api/v1/${object === "firm" ? "firms" : "memos"}`, { compartment: "{deal}", ...body });
    if (made.status !== 201) return;
    const handle = `hidden${object}${this.worlds.seed}x${++this.worlds.serial}`;
    this.worlds.worlds[0].ids.set(handle, made.body.id);
    this.worlds.hidden.push({ handle, object });
  }

  async step() {
    const { rng, worlds } = this;
    const firm = this.pick("firm");
    const memo = this.pick("memo");
    const turns = [
      () => this.make("firm", { name: this.name(), code: `c${rng.below(40)}`, size: rng.below(1000), sector: rng.pick(sectors) }),
      () => this.make("firm", { name: this.name(), parent: `{${rng.chance(0.5) ? this.open("firm") : (firm ?? "nobody")}}`, friends: [`{${this.open("firm")}}`] }),
      () => this.make("memo", { name: this.name(), about: `{${this.open("firm")}}`, also: `{${this.open("firm")}}` }),
      () => this.make("memo", { name: this.name(), about: `{${firm ?? "nobody"}}` }),
      () => firm && worlds.act("kate", "PATCH", `/api/v1/firms/{${firm}}`, { name: this.name(), size: rng.below(1000) }),
      () => memo && worlds.act("mia", "PATCH", `/api/v1/memos/{${memo}}`, { stage: rng.pick(["sent", "filed", "draft"]) }),
      () => rng.chance(0.3) && firm && worlds.act("mia", "DELETE", `/api/v1/firms/{${firm}}`),
      () => worlds.act("mia", "POST", "/api/v1/firms/bulk/edit", { filter: { compartment: "{deal}" }, set: { size: rng.below(9) } }),
      () => firm && worlds.act("kate", "POST", `/api/v1/firms/{${firm}}/merge`, { others: [`{${this.pick("firm")}}`] }),
      () => worlds.act("kate", "POST", `/api/v1/compartments/{deal}/accesses`, { user: "{uma}", reason: "soon" }),
      () => worlds.act("mia", "POST", "/api/v1/firms/bulk", `{"name":"${rng.pick(words)} in bulk","compartment":"{deal}"}`, { "content-type": "application/x-ndjson" }),
      () => this.refuseCrossings(),
      () => firm && worlds.act("mia", "POST", `/api/v1/firms/{${firm}}/files`, `text ${rng.below(5)}`, { "content-type": "text/plain", "content-disposition": 'attachment; filename="inside.txt"' }),
      () => rng.chance(0.4) && this.imports(),
      () => worlds.act("mia", "GET", "/api/v1/firms/export?format=csv"),
      () => worlds.act("mia", "GET", `/api/v1/search?q=${rng.pick(words)}`),
    ];
    await rng.pick(turns)();
  }

  async imports() {
    const csv = `name,code,compartment,size\n${rngName(this.rng)} imported,i${this.rng.below(9)},${this.worlds.deal},1\nwrong,,${this.worlds.deal},x\n`;
    const file = await this.worlds.act("mia", "POST", "/api/v1/uploads", csv, { "content-type": "application/octet-stream" });
    const job = await this.worlds.act("mia", "POST", "/api/v1/jobs", { kind: "import", object: "firm", file: file.body.file, map: { columns: { name: "name", code: "code", compartment: "compartment", size: "size" } } });
    if (job.status === 202) await this.worlds.worlds[0].people.mia.job(job.body.id);
  }

  async refuseCrossings() {
    const asked = await this.worlds.act("kate", "GET", `/api/v1/compartment_accesses?filter=${q('and(kind[eq]:"crossing",state[eq]:"asked")')}`);
    for (const one of asked.body.data) await this.worlds.act("kate", "POST", `/api/v1/compartment_accesses/${one.id}/refuse`, { comment: "no" });
  }
}
