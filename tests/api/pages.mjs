// Pages of the documents as shell scripts: what docs.test.mjs and newcomer.test.mjs share.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";

export const TIMEOUT_MS = 240000;

// [{ line, text, file? }]: a block may be indented by nothing; an unmarked block is not run.
export function testedBlocks(markdown) {
  const lines = markdown.split("\n");
  const blocks = [];
  for (let i = 0; i < lines.length; i++) {
    const file = /^<!-- file: ([A-Za-z0-9_./-]+) -->$/.exec(lines[i])?.[1];
    if (lines[i] !== "<!-- tested -->" && !file) continue;
    const fence = file ? /^```[a-z]+$/ : /^```sh$/;
    assert.match(lines[i + 1] ?? "", fence, `line ${i + 1}: a block stands behind ${lines[i]}`);
    const end = lines.indexOf("```", i + 2);
    assert.ok(end > 0, `line ${i + 2}: the block does not end`);
    blocks.push({ line: i + 2, text: lines.slice(i + 2, end).join("\n"), ...(file && { file }) });
    i = end;
  }
  return blocks;
}

// Each block says on stderr where it stands before it runs, so that a failure names its line.
export function script(page, blocks) {
  const written = (file, text) => `mkdir -p '${path.dirname(file)}' && cat > '${file}' <<'END OF FILE'\n${text}\nEND OF FILE`;
  const parts = blocks.map(({ line, text, file }) => `echo '== ${page}:${line}' >&2\n${file ? written(file, text) : text}\n`);
  return `set -euo pipefail\n${parts.join("\n")}`;
}

export function shell(text, folder, env) {
  return new Promise((resolve) => {
    // A group of its own: what a page leaves running ends with its shell.
    const child = spawn("bash", ["-c", text], { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const end = () => {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // nothing is left of it
      }
    };
    const late = setTimeout(() => {
      output += "\n(it took too long)\n";
      end();
    }, TIMEOUT_MS);
    child.stdout.on("data", (bytes) => (output += bytes));
    child.stderr.on("data", (bytes) => (output += bytes));
    child.once("exit", (code) => {
      clearTimeout(late);
      end();
      resolve({ code, output });
    });
  });
}
