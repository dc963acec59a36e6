// Compartments for tests: a plugin whose records may lie in one, people with tokens of their own hands.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import assert from "node:assert/strict";
import { Client } from "./service.mjs";

const label = (en, el) => `{ en = "${en}", el = "${el}" }`;
const schema = `return { objects = {
  firm = { title = "name", track = true, compartment = "optional", label = ${label("Firm", "Εταιρεία")}, plural = ${label("Firms", "Εταιρείες")},
    fields = {
      { "name", "text", required = true, max = 200, search = true, label = ${label("Name", "Όνομα")} },
      { "code", "text", unique = true, max = 40, label = ${label("Code", "Κωδικός")} },
      { "size", "integer", label = ${label("Size", "Μέγεθος")} },
      { "sector", "enum", of = { "energy", "finance", "health" }, label = ${label("Sector", "Κλάδος")} },
      { "parent", "ref", to = "firm", on_delete = "restrict", label = ${label("Parent", "Μητρική")} },
      { "friends", "refs", to = "firm", label = ${label("Friends", "Φίλοι")} } },
    duplicates = { block = { { "name:3" }, { "code" } }, compare = { { "name", how = "words", weight = 6, against = 1 }, { "code", weight = 5, against = 0 } },
      threshold = 3, sure = 9, on_create = "warn" } },
  memo = { title = "name", track = true, compartment = "optional", label = ${label("Memo", "Σημείωμα")}, plural = ${label("Memos", "Σημειώματα")},
    fields = {
      { "name", "text", required = true, max = 200, search = true, label = ${label("Name", "Όνομα")} },
      { "about", "ref", to = "firm", on_delete = "cascade", label = ${label("About", "Αφορά")} },
      { "also", "ref", to = "firm", on_delete = "clear", label = ${label("Also", "Επίσης")} },
      { "stage", "enum", of = { "draft", "sent", "filed" }, label = ${label("Stage", "Στάδιο")} } },
    states = { field = "stage", initial = "draft", moves = { draft = { "sent" }, sent = { "draft", { "filed", four_eyes = true } } } } } } }\n`;
const manifest = `return { name = "walls", version = "1.0.0", api = 1, license = "Apache-2.0", default = true,
  label = ${label("Walls", "Τοίχοι")}, can = { read = { "firm", "memo" }, write = { "firm", "memo" }, emit = { "walls.*" },
  http = true, compartments = { "deal" } } }\n`;
const main = `
px.route("GET", "/names", {}, function(request)
  local names = {}
  for firm in px.store.each("firm", { order = "name" }) do names[#names + 1] = firm.name end
  return { status = 200, json = { names = names } }
end)
px.on("firm.created", { key = "id", retry = { times = 1 } }, function(event)
  if event.after.name:sub(1, 5) == "boom " then error("boom: " .. event.after.name) end
  if event.after.name:sub(1, 5) == "echo " then px.store.create("memo", { name = "heard " .. event.after.name }) end
end)
`;

export function wallPlugins() {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-walls-"));
  mkdirSync(path.join(folder, "walls"));
  writeFileSync(path.join(folder, "walls/plugin.lua"), manifest);
  writeFileSync(path.join(folder, "walls/schema.lua"), schema);
  writeFileSync(path.join(folder, "walls/main.lua"), main);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

// A user who logs in himself and makes his token himself: what others make for him opens no compartment.
export async function person(service, role, name) {
  const lent = await service.client(role, name);
  const own = await login(service, name, lent.user.password);
  const me = await own.get("/api/v1/me");
  own.id = me.body.user;
  own.lent = lent;
  return own;
}

export async function login(service, name, password) {
  const anyone = service.anyone();
  const entered = await anyone.post("/api/v1/login", { name, password });
  assert.equal(entered.status, 200, entered.text);
  const headers = { cookie: entered.headers.get("set-cookie").split(";")[0], "x-csrf-token": entered.body.csrf };
  const token = await anyone.post("/api/v1/tokens", { name: "own" }, headers);
  assert.equal(token.status, 201, token.text);
  return new Client(service, token.body.token, { name, password });
}

export async function makeCompartment(maker, name, keepers, members = [], more = {}) {
  const made = await maker.post("/api/v1/compartments", {
    name,
    purpose: "a transaction",
    members: [
      ...keepers.map((one) => ({ user: one.id, keeper: true })),
      ...members.map((one) => ({ user: one.id })),
    ],
    ...more,
  });
  assert.equal(made.status, 201, made.text);
  return made.body.id;
}
