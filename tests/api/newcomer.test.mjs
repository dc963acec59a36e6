// A newcomer's path, timed: the commands of docs/plugins/first-plugin.md, word for word, from an empty folder to a record over HTTP.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { script, shell, testedBlocks } from "./pages.mjs";
import { program, root } from "./service.mjs";

const page = "docs/plugins/first-plugin.md";
const SECONDS_MAX = 120; // an author's patience, on a machine that is busy with other tests

test("from nothing to a plugin's record over HTTP, as the book says", { timeout: 240000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-newcomer-"));
  try {
    const markdown = readFileSync(path.join(root, page), "utf8");
    const headings = markdown.split("\n").map((text, i) => ({ line: i + 1, text })).filter(({ text }) => text.startsWith("## "));
    const blocks = testedBlocks(markdown);
    // Each block says when it began; so does the end.
    const timed = script(page, [...blocks, { line: 0, text: "true" }]).replaceAll(/^echo '== [^']*:(\d+)' >&2$/gm, "echo \"== $1 $(date +%s.%N)\" >&2");
    mkdirSync(path.join(folder, "bin"));
    mkdirSync(path.join(folder, "work"));
    symlinkSync(program, path.join(folder, "bin/px"));
    const env = { ...process.env, PATH: `${path.join(folder, "bin")}:${process.env.PATH}` };
    for (const name of Object.keys(env)) if (name.startsWith("PROXENOS_")) delete env[name];
    const { code, output } = await shell(timed, path.join(folder, "work"), env);
    assert.equal(code, 0, output);
    assert.match(output, /not ok 3 - .*urgent note/, "the scaffold's test fails first");
    assert.match(output, /# 3 of 3 passed/, "then it passes");
    assert.match(output, /visits +0\.1\.0 +running/);
    assert.match(output, /"text":"Fire in the cellar","urgent":true|"text":"Fire in the cellar"/);
    assert.match(output, /1 open note\n/);
    const marks = [...output.matchAll(/^== (\d+) ([\d.]+)$/gm)].map(([, line, at]) => ({ line: Number(line), at: Number(at) }));
    assert.equal(marks.length, blocks.length + 1);
    const steps = new Map();
    for (let i = 0; i + 1 < marks.length; i++) {
      const heading = headings.filter(({ line }) => line < marks[i].line).at(-1).text.slice(3);
      steps.set(heading, (steps.get(heading) ?? 0) + marks[i + 1].at - marks[i].at);
    }
    const total = marks.at(-1).at - marks[0].at;
    for (const [heading, seconds] of steps) console.log(`${seconds.toFixed(2).padStart(7)} s  ${heading}`);
    console.log(`${total.toFixed(2).padStart(7)} s  in all`);
    assert.ok(total < SECONDS_MAX);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
