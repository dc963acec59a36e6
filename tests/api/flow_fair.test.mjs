// Two plugins with flows: one has thousands of runs awake at once, again and again; how long the other's runs take from the instant
// that they wait for to their own commit stays within twice what it takes when all is quiet. Quiet and loud rounds take turns, so
// that a busy machine slows both.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, until } from "./service.mjs";

const ROUNDS = 2;
const WAKES = 60;
const FLOOD = 1500;

const object = (name, fields = "") => `return { objects = { ${name} = { title = "name",
  label = { en = "Wake", el = "Αφύπνιση" }, plural = { en = "Wakes", el = "Αφυπνίσεις" },
  fields = { { "name", "text", required = true, label = { en = "Name", el = "Όνομα" } }, ${fields} } } } }\n`;
const manifest = (name, object) => `return { name = "${name}", version = "1.0.0", api = 1, license = "Apache-2.0",
  label = { en = "${name}", el = "${name}" }, can = { read = { "${object}" }, write = { "${object}" }, http = true } }\n`;
const calm = `
px.flow("wakes", function(flow, input)
  for i = 1, input.times do
    local due = flow:now() + "40ms"
    flow:sleep_until(due)
    flow:step("awake", function() px.store.create("wake", { name = input.name .. "-" .. i, due_at = due }) end)
  end
end)
px.route("POST", "/start", function(request) return { status = 201, json = { id = px.flows.start("wakes", request.json) } } end)
`;
const rowdy = `
px.flow("crowd", function(flow, input)
  repeat
    flow:sleep("1ms")
  until flow:step("enough", function() return (px.store.kv.get("over") or 0) >= input.round end)
end)
px.route("POST", "/start", function(request)
  px.store.tx(function() for i = 1, request.json.count do px.flows.start("crowd", { round = request.json.round }) end end)
  return { status = 201, json = {} }
end)
px.route("POST", "/enough", function(request)
  px.store.kv.set("over", request.json.round)
  return { status = 200, json = {} }
end)
px.route("GET", "/left", function()
  local left = #px.flows.find { state = "waiting", limit = 1 } + #px.flows.find { state = "running", limit = 1 }
  return { status = 200, json = { left = left } }
end)
`;

const plugins = mkdtempSync(path.join(tmpdir(), "proxenos-flow-fair-"));
const write = (name, files) => {
  mkdirSync(path.join(plugins, name));
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(plugins, name, file), text);
};
const due = `{ "due_at", "datetime", label = { en = "Due", el = "Πότε" } }`;
write("calm", { "plugin.lua": manifest("calm", "wake"), "schema.lua": object("wake", due), "main.lua": calm });
write("rowdy", { "plugin.lua": manifest("rowdy", "crowd"), "schema.lua": object("crowd"), "main.lua": rowdy });
const service = new Service({ plugins, enable: ["calm", "rowdy"], options: ["--executors", "2"] });
let client;

before(async () => {
  await service.start();
  client = await service.client("admin");
});
after(async () => {
  await service.remove();
  rmSync(plugins, { recursive: true, force: true });
});

const post = async (where, body) => {
  const answer = await client.post(where, body);
  assert.ok(answer.status < 300, answer.text);
  return answer.body;
};

// From the instant that was waited for to the record's own time, in ms.
async function wakes(name) {
  await post("/x/calm/start", { name, times: WAKES });
  const filter = encodeURIComponent(`name[prefix]:"${name}-"`);
  let rows = [];
  await until(async () => {
    rows = (await client.get(`/api/v1/wakes?limit=1000&filter=${filter}`)).body.data;
    return rows.length === WAKES;
  }, 120000);
  return rows.map((row) => Date.parse(row.created_at) - Date.parse(row.due_at));
}

async function hush(round) {
  await post("/x/rowdy/enough", { round });
  await until(async () => (await client.get("/x/rowdy/left")).body.left === 0, 120000);
}

const share = (list, part) => [...list].sort((a, b) => a - b)[Math.floor(list.length * part)];

test("a crowd of one plugin's runs does not slow the wake-ups of another's", { timeout: 400000 }, async (t) => {
  const quiet = [];
  const loud = [];
  await wakes("warm");
  for (let round = 0; round < ROUNDS; round++) {
    quiet.push(...(await wakes(`quiet${round}`)));
    await post("/x/rowdy/start", { count: FLOOD, round: round + 1 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    loud.push(...(await wakes(`loud${round}`)));
    await hush(round + 1);
  }
  const said = [0.5, 0.9, 0.99].map((part) => `p${part * 100}: ${share(quiet, part)} ms quiet, ${share(loud, part)} ms loud`);
  t.diagnostic(said.join("; "));
  // A millisecond is what the times are told in.
  assert.ok(share(loud, 0.5) <= 2 * share(quiet, 0.5) + 1, said.join("; "));
});
