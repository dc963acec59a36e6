// The live OpenAPI document: a linter finds no error, and a generated client compiles and works.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync, symlinkSync, rmSync } from "node:fs";
import path from "node:path";
import { Service, root } from "./service.mjs";

const here = path.join(root, "tests/api");
const tool = (name) => path.join(here, "node_modules/.bin", name);

const program = `
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const client = createClient<paths>({ baseUrl: process.env.URL!, headers: { Authorization: "Bearer " + process.env.TOKEN } });

const made = await client.POST("/api/v1/matters", { body: { name: "generated", effort: 1 } });
if (!made.data) throw new Error("not made: " + JSON.stringify(made.error));
const id: string = made.data.id;
const read = await client.GET("/api/v1/matters/{id}", { params: { path: { id } } });
if (read.data?.name !== "generated") throw new Error("not read");
const changed = await client.PATCH("/api/v1/matters/{id}", { params: { path: { id } }, body: { effort: 2 } });
if (changed.data?.effort !== 2) throw new Error("not changed");
const page = await client.GET("/api/v1/matters", { params: { query: { limit: 10 } } });
if (!page.data?.data.some((row) => row.id === id)) throw new Error("not listed");
const removed = await client.DELETE("/api/v1/matters/{id}", { params: { path: { id } } });
if (removed.response.status !== 204) throw new Error("not deleted");
const gone = await client.GET("/api/v1/matters/{id}", { params: { path: { id } } });
if (gone.error?.code !== "not_found") throw new Error("still there");
console.log("done");
`;

test("lints without errors; a generated client compiles and does CRUD", async (t) => {
  const service = await new Service({ plugins: path.join(root, "tests/fixtures/plugins") }).start();
  const folder = mkdtempSync(path.join(here, ".generated-"));
  t.after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await service.remove();
  });
  const client = await service.client("admin");
  const document = await client.get("/openapi.json");
  assert.equal(document.status, 200);
  const file = path.join(folder, "openapi.json");
  writeFileSync(file, document.text);
  const lint = execFileSync(tool("redocly"), ["lint", "--format=json", file], {
    encoding: "utf8",
    env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  assert.equal(JSON.parse(lint).totals.errors, 0, lint);
  execFileSync(tool("openapi-typescript"), [file, "-o", path.join(folder, "schema.ts")], { stdio: "ignore" });
  writeFileSync(path.join(folder, "client.ts"), program);
  writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
  symlinkSync(path.join(here, "node_modules"), path.join(folder, "node_modules"));
  writeFileSync(
    path.join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { target: "es2022", module: "nodenext", moduleResolution: "nodenext", strict: true, skipLibCheck: true, types: [], lib: ["es2022", "dom"] },
      files: ["client.ts", "globals.d.ts"],
    }),
  );
  writeFileSync(path.join(folder, "globals.d.ts"), "declare const process: { env: Record<string, string | undefined> };");
  execFileSync(tool("tsc"), ["-p", folder], { stdio: "inherit" });
  const output = execFileSync(process.execPath, [path.join(folder, "client.js")], {
    encoding: "utf8",
    env: { ...process.env, URL: service.url, TOKEN: client.token },
  });
  assert.match(output, /done/);
});
