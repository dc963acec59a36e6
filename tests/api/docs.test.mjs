// The examples of README.md, docs/guides and docs/plugins are tests: each ```sh block behind a line `<!-- tested -->` is run as it
// stands, each block behind `<!-- file: PATH -->` is written to that path, in order, one shell a page, in a scratch folder beside a service of its own. In the shell, as a reader would have it: `px` is the
// program, PROXENOS_DATA the service's data folder, URL its address; `plugins/` are those that come with it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { TIMEOUT_MS, script, shell, testedBlocks } from "./pages.mjs";
import { Service, program, root } from "./service.mjs";

const pagesOf = (folder) =>
  readdirSync(path.join(root, folder)).filter((name) => name.endsWith(".md")).sort().map((name) => `${folder}/${name}`);
const pages = ["README.md", ...pagesOf("docs/guides"), ...pagesOf("docs/plugins")];

for (const page of pages) {
  const blocks = testedBlocks(readFileSync(path.join(root, page), "utf8"));
  if (blocks.length === 0) continue;
  test(`${page}: ${blocks.length} blocks run as they stand`, { timeout: TIMEOUT_MS + 60000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "proxenos-docs-"));
    // The receiver of the page on webhooks listens there.
    const options = ["--outgoing-allow", "127.0.0.1:47788"];
    const service = new Service({ enable: ["demo"], options });
    writeFileSync(path.join(service.folder, "proxenos.lua"), "return { config = { demo = { parties = 200 } } }\n", { mode: 0o600 });
    await service.start();
    try {
      mkdirSync(path.join(folder, "bin"));
      symlinkSync(program, path.join(folder, "bin/px"));
      symlinkSync(path.join(root, "plugins"), path.join(folder, "plugins"));
      const { code, output } = await shell(script(page, blocks), folder, {
        ...process.env,
        PATH: `${path.join(folder, "bin")}:${process.env.PATH}`,
        PROXENOS_DATA: service.folder,
        URL: service.url,
      });
      assert.equal(code, 0, `the page's commands do not run as they stand:\n${output}\n${service.log.slice(-2000)}`);
    } finally {
      await service.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

// Of the documents beside the guides, the links alone can be held.
test("links between the documents lead somewhere", () => {
  const folders = ["", "docs", "docs/guides", "docs/plugins", "docs/reference", "docs/decisions"];
  const dead = [];
  for (const folder of folders) {
    for (const name of readdirSync(path.join(root, folder)).filter((name) => name.endsWith(".md"))) {
      const text = readFileSync(path.join(root, folder, name), "utf8");
      for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        const found = /^[a-z]+:/.test(target) || existsSync(path.join(root, folder, target));
        if (!found) dead.push(`${path.join(folder, name)}: ${target}`);
      }
    }
  }
  assert.deepEqual(dead, []);
});

test("a block that fails is seen, and where", async () => {
  const blocks = testedBlocks("# Page\n\n<!-- tested -->\n```sh\ntrue\n```\n\n```sh\nexit 9\n```\n<!-- tested -->\n```sh\nfalse\necho after\n```\n");
  assert.deepEqual(blocks.map(({ line }) => line), [4, 12]);
  const { code, output } = await shell(script("page.md", blocks), tmpdir(), process.env);
  assert.equal(code, 1);
  assert.match(output, /== page\.md:12\n$/);
});
