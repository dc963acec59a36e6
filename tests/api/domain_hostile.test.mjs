// Every route of the domain's plugins with malformed bodies, parameters and queries: refused, never an error of the program.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Service } from "./service.mjs";

const service = new Service();
const root = new URL("../../plugins/", import.meta.url);
let admin;
let records;

const routes = ["relations", "clients", "business"].flatMap((plugin) =>
  readdirSync(new URL(`${plugin}/`, root)).filter((file) => file.endsWith(".lua")).flatMap((file) =>
    [...readFileSync(new URL(`${plugin}/${file}`, root), "utf8").matchAll(/^px\.route\("(\w+)", "([^"]+)"/gm)]
      .map(([, method, path]) => ({ method, path: `/x/${plugin}${path}` }))));

before(async () => {
  await service.start();
  admin = await service.client("admin");
  const make = async (path, body) => (await admin.post(`/api/v1/${path}`, body)).body.id;
  records = { organisations: await make("organisations", { name: "Firm", roles: ["client"] }), people: await make("people", { name: "Anna", email: "anna@example.com" }) };
});
after(() => service.remove());

const NAMES = `id ids organisation organisations person people relationship questionnaire score comment title at starts_at ends_at attendees users
 template key subject body values language text language data content ics file lines order orders amount currency product quantity price date on
 invoice entry invoices needs name description step factors changes facts limit from to by after unit kind owner party user currency object record`.split(/\s+/);
const filled = (value) => Object.fromEntries(NAMES.map((name) => [name, value]));
const BODIES = [null, 7, "text", [], [1], filled(7), filled("x"), filled([1]), filled({ a: 1 }), filled(true), filled([{}]), filled(-1.5)];
const query = (value) => "?" + NAMES.map((name) => `${name}=${encodeURIComponent(value)}`).join("&");
const QUERIES = ["", query("x"), query("-1"), query("1.5"), query("99999999999999999999"), query("2026-02-31"), "?from=9999-12-31&to=0001-01-01", query("%ff\u0000'")];

test("S6 no route answers malformed input with an error of its own", { timeout: 60000 }, async () => {
  assert.ok(routes.length > 80, `${routes.length} routes`);
  const failed = [];
  for (const { method, path } of routes) {
    const ids = path.includes("people") ? [records.people, "x"] : [records.organisations, "x"];
    for (const id of ids) {
      const at = path.replace(/:object\b/, "organisation").replace(/:\w+/g, id);
      for (const input of method === "GET" ? QUERIES : BODIES) {
        const answer = method === "GET" ? await admin.get(at + input) : await admin[method.toLowerCase()](at, input);
        if (answer.status === 500) failed.push(`${method} ${at} ${JSON.stringify(input)?.slice(0, 60)}: ${answer.text.slice(0, 300)}`);
      }
    }
  }
  assert.deepEqual(failed, []);
});
