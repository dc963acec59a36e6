// Rights over every way out of the store: own, team, subteams, territory and all rows; masked and hidden fields; no channel tells what another hides.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins") });
const secret = { contact: "SECRETCONTACT", finding: "SECRETFINDING", card: "4111111111111111" };
const names = ["mine", "mates", "strangers", "others"];
const readers = ["own", "team", "subteams", "territory", "all"].flatMap((rows) => [`${rows}m`, `${rows}o`]);
let admin;
const users = {};
const ids = {};
const fileIds = {}; // by record

async function makeRole(name, matter) {
  const approval = { verbs: ["read", "approve"], rows: "all" };
  const made = await admin.post("/api/v1/roles", { name, grants: name === "nothing" ? {} : { matter, approval } });
  assert.equal(made.status, 201, made.text);
  return made.body.id;
}

async function makeUser(name, role) {
  users[name] = await service.client(role, name);
  const found = await admin.get(`/api/v1/users?filter=${encodeURIComponent(`name[eq]:"${name}"`)}`);
  users[name].id = found.body.data[0].id;
}

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  const verbs = ["read", "create", "update", "delete", "export"];
  for (const rows of ["own", "team", "subteams", "territory", "all"]) {
    await makeRole(`${rows}-masked`, { verbs, rows, write_rows: rows, classes: { pii: "masked", phi: "hidden", pan: "hidden" } });
    await makeRole(`${rows}-open`, { verbs, rows, write_rows: rows, classes: { pii: "writable", phi: "writable", pan: "writable" } });
    await makeUser(`${rows}m`, `${rows}-masked`);
    await makeUser(`${rows}o`, `${rows}-open`);
  }
  await makeRole("nothing", { verbs: [] });
  await makeUser("nobody", "nothing");
  await makeUser("mate", "own-open");
  await makeUser("stranger", "own-open");
  await makeUser("other", "own-open");
  const team = await admin.post("/api/v1/teams", {
    name: "team",
    members: [...readers, "mate"].map((name) => users[name].id),
  });
  assert.equal(team.status, 201, team.text);
  const below = await admin.post("/api/v1/teams", { name: "below", leader: users.stranger.id, parent: team.body.id });
  assert.equal(below.status, 201, below.text);
  // A territory is told apart by what the record holds; the team of the same people plays no part in it.
  const territory = await admin.post("/api/v1/territories", {
    name: "others",
    teams: [team.body.id],
    rules: { matter: { name: { prefix: "oth" }, effort: { gt: 0 } } },
  });
  assert.equal(territory.status, 201, territory.text);
  // Each reader has a record of his own beside one of a mate's and one of a stranger's.
  const make = async (name, owner) => {
    const made = await admin.post("/api/v1/matters", { name, owner, effort: name.length, fee: { amount: 100, currency: "EUR" }, ...secret });
    assert.equal(made.status, 201, made.text);
    return made.body.id;
  };
  ids.mates = await make("mates", users.mate.id);
  ids.strangers = await make("strangers", users.stranger.id);
  ids.others = await make("others", users.other.id);
  for (const name of readers) ids[name] = await make(`mine-${name}`, users[name].id);
  for (const [name, id] of Object.entries(ids)) {
    const file = names.includes(name) ? name : `mine-${name}`;
    const added = await admin.request("POST", `/api/v1/matters/${id}/files`, {
      body: `of ${file}`,
      headers: { "content-type": "text/plain", "content-disposition": `attachment; filename="${file}"` },
    });
    assert.equal(added.status, 201, added.text);
    fileIds[id] = added.body.id;
  }
});

after(() => service.remove());

// What a reader may see of the three kinds of records.
const rowsOf = {
  own: ["mine"],
  team: ["mine", "mates"],
  subteams: ["mine", "mates", "strangers"],
  territory: ["mine", "others"],
  all: names,
};
const kindOf = (reader, name) => (name === `mine-${reader}` ? "mine" : name.startsWith("mine-") ? "team's" : name);

function visibleKinds(reader, list) {
  return list.map((name) => kindOf(reader, name)).filter((kind) => kind !== "team's").sort();
}

// Each way out gives the names that it shows, and its whole text.
const channels = {
  list: async (client) => {
    const page = await client.get("/api/v1/matters?limit=100");
    return { names: page.body.data.map((row) => row.name), text: page.text };
  },
  "list with fields": async (client) => {
    const page = await client.get("/api/v1/matters?limit=100&fields=name");
    return { names: page.body.data.map((row) => row.name), text: page.text };
  },
  search: async (client) => {
    const page = await client.post("/api/v1/matters/search", { filter: { effort: { gt: 0 } }, limit: 100 });
    return { names: page.body.data.map((row) => row.name), text: page.text };
  },
  get: async (client) => {
    const found = [];
    let text = "";
    for (const id of Object.values(ids)) {
      const one = await client.get(`/api/v1/matters/${id}`);
      text += one.text;
      if (one.status === 200) found.push(one.body.name);
      else assert.equal(one.status, 404);
    }
    return { names: found, text };
  },
  "as of today": async (client) => {
    const found = [];
    let text = "";
    for (const id of Object.values(ids)) {
      const one = await client.get(`/api/v1/matters/${id}?as_of=${new Date().toISOString()}`);
      text += one.text;
      if (one.status === 200) found.push(one.body.name);
      else assert.equal(one.status, 404);
    }
    const list = await client.get(`/api/v1/matters?as_of=${new Date().toISOString()}&ids=${Object.values(ids)}`);
    assert.deepEqual(list.body.data.map((row) => row.name), found);
    return { names: found, text: text + list.text };
  },
  history: async (client) => {
    const found = [];
    let text = "";
    for (const id of Object.values(ids)) {
      const changes = await client.get(`/api/v1/matters/${id}/history`);
      const why = await client.get(`/api/v1/matters/${id}/why/name`);
      text += changes.text + why.text;
      assert.equal(why.status, changes.status);
      if (changes.status === 200) found.push(why.body.value);
      else assert.equal(changes.status, 404);
    }
    return { names: found, text };
  },
  "search by words": async (client) => {
    const found = await client.get("/api/v1/search?q=m&wait=true");
    assert.equal(found.status, 200, found.text);
    const all = [];
    let text = found.text;
    for (const word of names) {
      const page = await client.get(`/api/v1/search?q=${word}&limit=100&wait=true`);
      all.push(...page.body.data.map((hit) => hit.title));
      text += page.text;
    }
    return { names: all, text };
  },
  aggregate: async (client) => {
    const rows = await client.get("/api/v1/matters/aggregate?group=name&measure=count");
    return { names: rows.body.data.map((row) => row.name), text: rows.text };
  },
  "export csv": async (client) => {
    const file = await client.get("/api/v1/matters/export?format=csv&order=name");
    assert.equal(file.status, 200, file.text);
    const header = file.text.split("\r\n")[0].split(",");
    const at = header.findIndex((column) => column.replaceAll('"', "") === "name");
    return { names: file.text.trim().split("\r\n").slice(1).map((line) => line.split(",")[at]), text: file.text };
  },
  "export ndjson": async (client) => {
    const file = await client.get("/api/v1/matters/export?format=ndjson");
    return { names: file.text.trim().split("\n").map((line) => JSON.parse(line).name), text: file.text };
  },
  events: async (client) => {
    const page = await client.get("/api/v1/events?object=matter&limit=1000");
    const changes = page.body.data.filter((event) => !event.type.includes(".file_"));
    return { names: changes.map((event) => event.data.after.name), text: page.text };
  },
  "event stream": async (client) => {
    const response = await client.request("GET", "/api/v1/events?object=matter", {
      headers: { accept: "text/event-stream", "last-event-id": (await client.get("/api/v1/events?limit=1")).body.next ?? "" },
      raw: true,
    });
    const reader = response.body.getReader();
    let text = "";
    const end = Date.now() + 3000;
    while (Date.now() < end) {
      const piece = await Promise.race([reader.read(), new Promise((resolve) => setTimeout(() => resolve(null), 700))]);
      if (!piece || piece.done) break;
      text += Buffer.from(piece.value).toString();
    }
    await reader.cancel();
    const events = text.split("\n").filter((line) => line.startsWith("data:")).map((line) => JSON.parse(line.slice(5)));
    return { names: events.filter((event) => event.data?.after?.name).map((event) => event.data.after.name), text };
  },
  files: async (client) => {
    const found = [];
    let text = "";
    for (const id of Object.values(ids)) {
      const list = await client.get(`/api/v1/matters/${id}/files`);
      const one = await client.get(`/api/v1/matters/${id}/files/${fileIds[id]}`);
      text += list.text + one.text;
      assert.equal(one.status, list.status);
      if (list.status === 200) found.push(list.body.data[0].name);
      else assert.equal(list.status, 404);
    }
    return { names: found, text };
  },
  "plugin route": async (client) => {
    const page = await client.get("/x/matters/names");
    assert.equal(page.status, 200, page.text);
    return { names: page.body.names, text: page.text };
  },
};

for (const rows of Object.keys(rowsOf)) {
  for (const kind of ["masked", "open"]) {
    const reader = `${rows}${kind[0]}`;
    for (const [name, channel] of Object.entries(channels)) {
      test(`${reader}: ${name} shows ${rows} rows, ${kind} fields`, async () => {
        const shown = await channel(users[reader]);
        if (name !== "event stream") {
          assert.deepEqual(visibleKinds(reader, shown.names), [...rowsOf[rows]].sort());
        } else {
          for (const kindShown of visibleKinds(reader, shown.names)) assert.ok(rowsOf[rows].includes(kindShown));
        }
        if (kind === "masked") {
          for (const value of Object.values(secret)) assert.ok(!shown.text.includes(value), `${name} tells ${value}`);
          assert.ok(!shown.text.includes('"finding"'), `${name} names a hidden field`);
        }
      });
    }
  }
}

// A masked or hidden field cannot be asked about; a hidden one answers as one that does not exist.
const questions = {
  filter: (field) => ["GET", `/api/v1/matters?filter=${encodeURIComponent(`${field}[eq]:"x"`)}`],
  "filter over a reference": (field) => ["GET", `/api/v1/matters?filter=${encodeURIComponent(`parent.${field}[eq]:"x"`)}`],
  order: (field) => ["GET", `/api/v1/matters?order=${field}`],
  "search body": (field) => ["POST", "/api/v1/matters/search", { filter: { [field]: "x" } }],
  group: (field) => ["GET", `/api/v1/matters/aggregate?group=${field}&measure=count`],
  measure: (field) => ["GET", `/api/v1/matters/aggregate?measure=max:${field}`],
  why: (field) => ["GET", `/api/v1/matters/${ids.allm}/why/${field}`],
  "export filter": (field) => ["GET", `/api/v1/matters/export?filter=${encodeURIComponent(`${field}[eq]:"x"`)}`],
};
for (const [name, question] of Object.entries(questions)) {
  test(`${name}: hidden is unknown, masked is refused`, async () => {
    const ask = async (field) => {
      const [method, target, body] = question(field);
      return users.allm.request(method, target, { body });
    };
    const hidden = await ask("finding");
    const unknown = await ask("findinx");
    assert.equal(hidden.status, unknown.status);
    assert.equal(hidden.status, 400, hidden.text);
    assert.equal(hidden.body.code, unknown.body.code);
    assert.ok(!unknown.text.includes('"finding"'), "the nearest name tells a hidden field");
    const masked = await ask("contact");
    if (name === "why") assert.equal(masked.body.value, "•••");
    else assert.ok(masked.status >= 400, masked.text);
  });
}

test("fields asked for: a hidden one is unknown", async () => {
  const asked = await users.allm.get("/api/v1/matters?fields=name,finding");
  assert.equal(asked.status, 400);
  assert.equal(asked.body.code, "unknown_field");
});

test("writing: hidden is unknown, masked is refused, foreign rows are not there", async () => {
  const hidden = await users.allm.patch(`/api/v1/matters/${ids.allm}`, { finding: "x" });
  assert.equal(hidden.body.code, "unknown_field");
  const masked = await users.allm.patch(`/api/v1/matters/${ids.allm}`, { contact: "x" });
  assert.ok(masked.status >= 400);
  const foreign = await users.ownm.patch(`/api/v1/matters/${ids.strangers}`, { name: "taken" });
  const missing = await users.ownm.patch("/api/v1/matters/0000000000001", { name: "taken" });
  assert.equal(foreign.status, 404);
  assert.equal(foreign.body.detail.replace(ids.strangers, "ID"), missing.body.detail.replace("0000000000001", "ID"));
  const removed = await users.ownm.delete(`/api/v1/matters/${ids.strangers}`);
  assert.equal(removed.status, 404);
  const still = await admin.get(`/api/v1/matters/${ids.strangers}`);
  assert.equal(still.body.name, "strangers");
});

test("a reference to a record that one may not see is no reference", async () => {
  const refused = await users.owno.post("/api/v1/matters", { name: "child", parent: ids.strangers });
  const missing = await users.owno.post("/api/v1/matters", { name: "child", parent: "0000000000001" });
  assert.equal(refused.status, 422);
  assert.equal(refused.body.code, missing.body.code);
  assert.equal(refused.body.errors?.[0]?.message, missing.body.errors?.[0]?.message);
});

test("who has no verb on a type sees no such type", async () => {
  const list = await users.nobody.get("/api/v1/matters");
  assert.equal(list.status, 404);
  const schema = await users.nobody.get("/api/v1/schema");
  assert.ok(!schema.text.includes("matter"));
  const openapi = await users.nobody.get("/openapi.json");
  assert.ok(!openapi.text.includes("matters"));
});

test("the schema and OpenAPI do not name hidden fields", async () => {
  for (const target of ["/api/v1/schema/matter", "/openapi.json"]) {
    const shown = await users.allm.get(target);
    assert.equal(shown.status, 200);
    assert.ok(!shown.text.includes("finding"), target);
  }
});

test("users, roles and tokens are the administrator's", async () => {
  for (const target of ["/api/v1/users", "/api/v1/roles", "/api/v1/tokens", "/api/v1/webhooks"]) {
    const shown = await users.allo.get(target);
    assert.ok(shown.status === 404 || (shown.status === 200 && shown.body.data.length === 0), `${target} ${shown.status}`);
  }
  for (const target of ["/api/v1/plugins", "/api/v1/subscriptions", "/api/v1/dead-letters", "/api/v1/egress", "/api/v1/flows", "/api/v1/flows/0000000000001", "/api/v1/flows/0000000000001/history", "/api/v1/audit/checkpoint", "/api/v1/plugins/matters/secrets", "/api/v1/schema/objects"]) {
    assert.equal((await users.allo.get(target)).status, 403, target);
  }
  for (const what of ["enable", "disable", "reload", "grant", "rollback", "uninstall"]) {
    assert.equal((await users.allo.post(`/api/v1/plugins/cases/${what}`)).status, 403, what);
  }
  const bundle = await users.allo.request("POST", "/api/v1/plugins", { body: "x", headers: { "content-type": "application/x-tar" } });
  assert.equal(bundle.status, 403, bundle.text);
  for (const what of ["run", "shell"]) {
    assert.equal((await users.allo.post(`/api/v1/${what}`, { source: "", code: "" })).status, 403, what);
  }
  assert.equal((await users.allo.post("/api/v1/flows", { plugin: "matters", flow: "any" })).status, 403);
  assert.equal((await users.allo.post("/api/v1/flows/replay", {})).status, 403);
  for (const what of ["cancel", "retry", "unblock", "signal", "query", "migrate"]) {
    assert.equal((await users.allo.post(`/api/v1/flows/0000000000001/${what}`, {})).status, 403, what);
  }
  const hook = await users.allo.post("/api/v1/webhooks", { name: "out", url: "https://x.example/", events: ["*"] });
  assert.equal(hook.status, 403, hook.text);
  for (const action of ["erase", "access-export"]) {
    assert.equal((await users.allo.post(`/api/v1/matters/0000000000001/${action}`, {})).status, 403, action);
  }
  assert.equal((await users.allo.get("/api/v1/legal_holds")).status, 404);
  const promoted = await users.allo.patch(`/api/v1/users/${users.allo.id}`, { roles: [] });
  assert.ok(promoted.status >= 400);
});

test("a role's grants are checked when they are written", async () => {
  const wrong = await admin.post("/api/v1/roles", { name: "broken", grants: { mater: { verbs: ["read"] } } });
  assert.equal(wrong.status >= 400 && wrong.status < 500, true, wrong.text);
  assert.match(wrong.text, /matter/);
  const verb = await admin.post("/api/v1/roles", { name: "broken", grants: { matter: { verbs: ["reed"] } } });
  assert.equal(verb.status >= 400 && verb.status < 500, true, verb.text);
});

test("every route wants to know who asks", async () => {
  const anyone = service.anyone();
  const document = (await admin.get("/openapi.json")).body;
  let asked = 0;
  for (const [target, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.security?.length === 0) continue;
      const url = target.replace(/\{id\}|\{file\}/g, "0000000000001");
      const body = ["post", "patch"].includes(method) ? {} : undefined;
      const answer = await anyone.request(method.toUpperCase(), url, { body });
      assert.equal(answer.status, 401, `${method} ${target}`);
      asked++;
    }
  }
  assert.ok(asked > 50);
});

test("four eyes: the maker cannot decide, another may, the change happens then", async () => {
  const made = await users.allo.post("/api/v1/matters", { name: "deal" });
  const url = `/api/v1/matters/${made.body.id}`;
  assert.equal((await users.allo.patch(url, { stage: "review" })).status, 200);
  const asked = await users.allo.patch(url, { stage: "closed" });
  assert.equal(asked.status, 202, asked.text);
  assert.equal((await admin.get(url)).body.stage, "review");
  const own = await users.allo.post(`/api/v1/approvals/${asked.body.approval.id}/approve`, {});
  assert.equal(own.status, 403, own.text);
  for (const forger of [users.allo, admin]) {
    const { id } = asked.body.approval;
    for (const forged of [await forger.patch(`/api/v1/approvals/${id}`, { state: "approved" }), await forger.delete(`/api/v1/approvals/${id}`)]) {
      assert.equal(forged.status, 403, forged.text);
    }
    const made = { object: "matter", record: url.split("/").at(-1), field: "stage", to: "closed", requested_by: "x", base_version: 1, content_hash: "0" };
    assert.equal((await forger.post("/api/v1/approvals", made)).status, 403);
  }
  assert.equal((await admin.get(url)).body.stage, "review");
  const decided = await admin.post(`/api/v1/approvals/${asked.body.approval.id}/approve`, { reason: "seen" });
  assert.ok(decided.status < 300, decided.text);
  assert.equal((await admin.get(url)).body.stage, "closed");
});

test("a right taken away is gone with the next request", async () => {
  const client = await service.client("all-open", "shortlived");
  assert.equal((await client.get("/api/v1/matters")).status, 200);
  const found = await admin.get(`/api/v1/users?filter=${encodeURIComponent('name[eq]:"shortlived"')}`);
  await admin.patch(`/api/v1/users/${found.body.data[0].id}`, { state: "disabled" });
  await until(async () => (await client.get("/api/v1/matters")).status === 401, 2000);
});
