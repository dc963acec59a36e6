// Saved views: kept, shared, used with more beside them; never wider than their reader; told when they no longer fit.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service } from "./service.mjs";

const service = new Service({ enable: ["relations"] });
let admin;
const people = {};
const enc = encodeURIComponent;
const names = (answer) => {
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data.map((row) => row.name);
};
const list = async (client, query) => names(await client.get(`/api/v1/organisations?${query}`));

async function make(path, body, client = admin) {
  const made = await client.post(`/api/v1/${path}`, body);
  assert.equal(made.status, 201, made.text);
  return made.body;
}

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  const grants = { user: { verbs: ["read"] }, team: { verbs: ["read"] } };
  const verbs = ["read", "create", "update", "delete", "export"];
  await make("roles", { name: "sales", grants: { ...grants, organisation: { verbs, rows: "all", fields: { revenue: "hidden" } } } });
  await make("roles", { name: "narrow", grants: { ...grants, organisation: { verbs, rows: "own" } } });
  for (const [name, role] of [["ada", "sales"], ["bob", "sales"], ["cy", "narrow"]]) {
    people[name] = await service.client(role, name);
    people[name].id = (await admin.get(`/api/v1/users?filter=${enc(`name[eq]:"${name}"`)}`)).body.data[0].id;
  }
  for (const [name, country, industry] of [["Alpha", "GR", "energy"], ["Beta", "CY", "retail"], ["Gamma", "GR", "retail"], ["Delta", "DE", "energy"]])
    await make("organisations", { name, country, industry, owner: name === "Gamma" ? people.cy.id : people.ada.id });
});
after(() => service.remove());

const greek = { name: "Greek", object: "organisation", query: { filter: { country: "GR" }, order: "-name", fields: ["name", "country"] } };

test("a view is kept and used; what is asked beside it adds to it", async () => {
  const made = await make("views", { ...greek, label: { en: "Greek", el: "Ελληνικές" } }, people.ada);
  assert.equal(made.owner, people.ada.id);
  assert.equal(made.shared, "nobody");
  assert.deepEqual(await list(people.ada, "view=Greek"), ["Gamma", "Alpha"]);
  assert.deepEqual(await list(people.ada, `view=${made.id}&order=name`), ["Alpha", "Gamma"]);
  assert.deepEqual(await list(people.ada, `view=Greek&filter=${enc('industry[eq]:"energy"')}`), ["Alpha"]);
  // Even a filter that says or does not get around the view's.
  assert.deepEqual(await list(people.ada, `view=Greek&filter=${enc('or(country[eq]:"DE",industry[eq]:"retail")')}`), ["Gamma"]);
  const page = await people.ada.get("/api/v1/organisations?view=Greek&count=exact&limit=1");
  assert.equal(page.body.count, 2);
  assert.deepEqual(Object.keys(page.body.data[0]).sort(), ["country", "id", "name", "version"]);
  const next = await people.ada.get(`/api/v1/organisations?view=Greek&limit=1&after=${page.body.next}`);
  assert.deepEqual(names(next), ["Alpha"]);
  const file = await people.ada.get("/api/v1/organisations/export?view=Greek&format=ndjson");
  assert.deepEqual(file.text.trim().split("\n").map((line) => JSON.parse(line).name), ["Gamma", "Alpha"]);
  // Only of its own object type.
  assert.equal((await people.ada.get("/api/v1/people?view=Greek")).status, 404);
});

test("sums come from a view too", async () => {
  await make("views", { name: "By industry", object: "organisation", query: { filter: { country: "GR" }, group: "industry", measures: "count" } }, people.ada);
  const sums = await people.ada.get(`/api/v1/organisations/aggregate?view=${enc("By industry")}`);
  assert.deepEqual(sums.body.data, [{ industry: "energy", count: 1 }, { industry: "retail", count: 1 }], sums.text);
  const whole = await people.ada.get(`/api/v1/organisations/aggregate?view=${enc("By industry")}&group=country`);
  assert.deepEqual(whole.body.data, [{ country: "GR", count: 2 }], whole.text);
});

test("a wrong view is refused with its place", async () => {
  for (const [change, status, code, pointer] of [
    [{ query: { filter: { contry: "GR" } } }, 400, "unknown_field", "/query/filter/contry"],
    [{ query: { filter: "country[eq]:" } }, 400, "filter", null],
    [{ query: { order: "phone_book" } }, 400, "unknown_field", "/query/order"],
    [{ query: { fields: ["nothing"] } }, 400, "unknown_field", "/query/fields"],
    [{ query: { filtre: {} } }, 400, "invalid", "/query"],
    [{ query: "country" }, 400, "invalid", "/query"],
    [{ query: { limit: 3 } }, 400, "invalid", "/query"],
    [{ object: "organization" }, 404, "unknown_object", "/object"],
    [{ query: { filter: { revenue: { gt: 1 } } } }, 400, "unknown_field", "/query/filter/revenue"], // which Ada may not see
    [{ name: "default" }, 400, "invalid", "/name"],
    [{ shared: "everyone" }, 403, "forbidden", "/shared"],
    [{ shared: "role", role: "sales" }, 403, "forbidden", "/shared"],
    [{ shared: "role" }, 422, "required", "/role"],
    [{ shared: "team" }, 422, "required", "/team"],
    [{ owner: people.bob.id }, 403, "forbidden", null],
  ]) {
    const refused = await people.ada.post("/api/v1/views", { ...greek, name: "Wrong", ...change });
    assert.equal(refused.body.code, code, `${JSON.stringify(change)}: ${refused.text}`);
    assert.equal(refused.status, status, refused.text);
    if (pointer) assert.equal(refused.body.errors?.[0]?.pointer, pointer, refused.text);
  }
  const twice = await people.ada.post("/api/v1/views", greek);
  assert.equal(twice.status, 409, twice.text);
  assert.equal((await people.ada.get("/api/v1/organisations?view=Nothing")).status, 404);
});

test("sharing: a team of one's own, a role, everyone; a view never widens its reader", async () => {
  assert.equal((await people.bob.get("/api/v1/organisations?view=Greek")).status, 404); // Ada's alone
  const team = await make("teams", { name: "North", members: [people.ada.id, people.bob.id] });
  const other = await make("teams", { name: "South", members: [people.cy.id] });
  const mine = (await people.ada.get("/api/v1/me/views?view=Greek")).body.data[0];
  assert.equal((await people.ada.patch(`/api/v1/views/${mine.id}`, { shared: "team", team: other.id })).status, 403);
  assert.equal((await people.ada.patch(`/api/v1/views/${mine.id}`, { shared: "team", team: team.id })).status, 200);
  assert.deepEqual(await list(people.bob, "view=Greek"), ["Gamma", "Alpha"]);
  assert.equal((await people.cy.get("/api/v1/organisations?view=Greek")).status, 404);
  // Seen, not changed; gone when one is no longer in the team.
  assert.equal((await people.bob.patch(`/api/v1/views/${mine.id}`, { name: "Taken" })).status, 403);
  assert.equal((await people.bob.delete(`/api/v1/views/${mine.id}`)).status, 403);
  await admin.patch(`/api/v1/teams/${team.id}`, { members: [people.ada.id] });
  assert.equal((await people.bob.get("/api/v1/organisations?view=Greek")).status, 404);
  // Everyone: each sees through it what is his.
  await make("views", { ...greek, name: "All Greek", shared: "everyone" });
  assert.deepEqual(await list(people.cy, `view=${enc("All Greek")}`), ["Gamma"]);
  assert.deepEqual(await list(people.bob, `view=${enc("All Greek")}`), ["Gamma", "Alpha"]);
  // By role; with a field that some of its readers may not see.
  await make("views", { name: "Rich", object: "organisation", query: { filter: { revenue: { is: "null" } } }, shared: "role", role: "sales" });
  const rich = await people.bob.get("/api/v1/organisations?view=Rich");
  assert.equal(rich.status, 409, rich.text);
  assert.equal(rich.body.code, "view_broken");
  assert.equal((await people.cy.get("/api/v1/organisations?view=Rich")).status, 404);
  const shown = (await people.bob.get("/api/v1/me/views?object=organisation")).body.data;
  assert.deepEqual(shown.map((view) => view.name), ["All Greek", "Rich"]);
  assert.equal(shown[0].broken, null);
  assert.equal(shown[0].mine, false);
  assert.equal(shown[1].broken.code, "unknown_field");
  // One's own name comes first; two that others share must be told apart.
  await make("views", { ...greek, query: { filter: { country: "CY" } }, shared: "everyone" });
  assert.deepEqual(await list(people.ada, "view=Greek"), ["Gamma", "Alpha"]);
  assert.deepEqual(await list(people.bob, "view=Greek"), ["Beta"]);
  const boss = await service.client("admin", "boss");
  await make("views", { ...greek, shared: "everyone" }, boss);
  const two = await people.bob.get("/api/v1/organisations?view=Greek");
  assert.equal(two.status, 409, two.text);
  assert.equal(two.body.code, "conflict");
});

test("the default view is the owner's own", async () => {
  assert.equal((await list(people.ada, "view=default&order=name")).length, 4);
  const mine = (await people.ada.get("/api/v1/me/views?view=Greek")).body.data.find((view) => view.mine);
  await people.ada.patch(`/api/v1/views/${mine.id}`, { is_default: true });
  assert.deepEqual(await list(people.ada, "view=default"), ["Gamma", "Alpha"]);
  assert.equal((await list(people.bob, "view=default&order=name")).length, 4);
});

test("a schema change that breaks a view is told, not thrown", async () => {
  const made = await admin.post("/api/v1/schema/objects/organisation/fields", { name: "x_tier", type: "text" });
  assert.equal(made.status, 201, made.text);
  await make("views", { name: "Tiers", object: "organisation", query: { filter: { x_tier: "gold" } } });
  assert.deepEqual(await list(admin, "view=Tiers"), []);
  const gone = await admin.delete("/api/v1/schema/objects/organisation/fields/x_tier");
  assert.ok(gone.status < 300, gone.text);
  const used = await admin.get("/api/v1/organisations?view=Tiers");
  assert.equal(used.status, 409, used.text);
  assert.equal(used.body.code, "view_broken");
  assert.match(used.body.detail, /x_tier/);
  const shown = (await admin.get("/api/v1/me/views?object=organisation&limit=100")).body.data.find((view) => view.name === "Tiers");
  assert.equal(shown.broken.code, "unknown_field");
  assert.equal(shown.broken.pointer, "/filter/x_tier");
  assert.equal((await admin.get("/api/v1/views")).status, 200);
});

test("the command line and scripts use the same views", async () => {
  const saved = await service.cli("view", "save", "organisation", "From here", "--filter", 'country[eq]:"DE"', "--share", "everyone", "--en", "Ours");
  assert.equal(saved.code, 0, saved.stderr);
  const again = await service.cli("view", "save", "organisation", "From here", "--filter", 'country[in]:["DE","CY"]', "--order", "name");
  assert.equal(again.code, 0, again.stderr);
  const rows = await service.cli("record", "list", "organisation", "--view", "From here", "--format", "csv", "--fields", "name");
  assert.deepEqual(rows.stdout.trim().split(/\r?\n/).slice(1).map((line) => line.split(",").pop()), ["Beta", "Delta"], rows.stderr);
  const shown = await service.cli("view", "list", "--object", "organisation");
  assert.match(shown.stdout, /From here/);
  assert.match((await service.cli("view", "show", "From here", "--format", "json")).stdout, /country/);
  const script = await admin.post("/api/v1/shell", {
    code: `local out = {} for _, o in ipairs(px.store.find("organisation", { view = "All Greek", filter = { industry = "retail" } })) do out[#out + 1] = o.name end return table.concat(out, ",")`,
  });
  assert.match(script.text, /Gamma/);
  assert.doesNotMatch(script.text, /Alpha/);
  assert.equal((await service.cli("view", "delete", "From here")).code, 0);
  assert.equal((await service.cli("view", "show", "From here")).code, 1);
});

test("a territory tells what it covers, and what other rules would gain and lose", async () => {
  const territory = await make("territories", { name: "Hellas", members: [people.cy.id], rules: { organisation: { country: "GR" } } });
  const covered = await admin.get(`/api/v1/territories/${territory.id}/coverage`);
  assert.equal(covered.status, 200, covered.text);
  assert.deepEqual(covered.body.objects, [{ object: "organisation", count: 2 }]);
  assert.deepEqual(covered.body.users.map((user) => user.name), ["cy"]);
  const preview = await admin.post(`/api/v1/territories/${territory.id}/preview`, { rules: { organisation: { industry: "retail" } } });
  assert.deepEqual(preview.body.objects, [{ object: "organisation", count: 2, wanted: 2, gained: 1, lost: 1 }], preview.text);
  const wrong = await admin.post(`/api/v1/territories/${territory.id}/preview`, { rules: { organisation: { contry: "GR" } } });
  assert.equal(wrong.body.code, "unknown_field");
  assert.equal((await people.ada.get(`/api/v1/territories/${territory.id}/coverage`)).status, 403);
  const printed = await service.cli("territory", "show", "Hellas");
  assert.match(printed.stdout, /organisation/);
  assert.match((await service.cli("territory", "preview", "Hellas", '{"organisation":{"industry":"retail"}}')).stdout, /gained/);
  assert.equal(await service.stop(), 0);
});
