// The long run of Q1 behind scripts/soak: blocks of cycles, each on a fresh data folder with its own seed. What is done is kept
// after each block, so that a run that was broken off goes on; the whole output goes to docs/evidence.
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { KillTest } from "./kill.mjs";
import { root } from "./service.mjs";

const BLOCK = 50;
const cycles = Number(process.argv[2] ?? 200);
const git = (...words) => execFileSync("git", ["-C", root, ...words], { encoding: "utf8" }).trim();
const changed = git("status", "--porcelain", "--", "core", "include", "plugins", "tests").length > 0;
const commit = git("rev-parse", "--short=12", "HEAD") + (changed ? " with changes that are not committed" : "");
const kept = path.join(root, "build/soak", `Q1-${cycles}.json`);
const evidence = path.join(root, "docs/evidence", `Q1-${cycles}.txt`);

function begin() {
  if (existsSync(kept)) {
    const run = JSON.parse(readFileSync(kept, "utf8"));
    if (run.commit === commit) return run;
    console.log(`begins again: the last run was of ${run.commit}`);
  }
  const seed = Number(process.env.PROXENOS_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  return { commit, seed, date: new Date().toISOString(), blocks: [], lines: [] };
}

const run = begin();
const total = (field) => run.blocks.reduce((sum, block) => sum + block[field], 0);
console.log(`Q1 seed ${run.seed}, ${total("cycles")} of ${cycles} cycles done`);
while (total("cycles") < cycles) {
  const seed = run.seed + run.blocks.length;
  const lines = [`block ${run.blocks.length + 1} seed ${seed}`];
  const say = (line) => {
    lines.push(line);
    console.log(line);
  };
  const started = Date.now();
  const done = await new KillTest({ seed, cycles: Math.min(BLOCK, cycles - total("cycles")), longest: 1500, say }).run();
  lines.push(`audit verify:\n${done.verified}`, `took ${Math.round((Date.now() - started) / 1000)} s`);
  run.blocks.push(done);
  run.lines.push(...lines);
  mkdirSync(path.dirname(kept), { recursive: true });
  writeFileSync(kept, JSON.stringify(run));
}
const summary = ["cycles", "kills", "acks", "unanswered", "won", "traces"].map((field) => `${field} ${total(field)}`).join(", ");
const text = [
  "Q1: kill -9 while clients write and handlers run (scripts/soak Q1, tests/api/kill.mjs, release build)",
  `commit ${run.commit}`,
  `date ${run.date}`,
  `seed ${run.seed} (block n uses seed + n - 1)`,
  `machine ${cpus().length} x ${cpus()[0].model}, Linux ${release()}`,
  `result ${summary}`,
  "lost acknowledged writes 0, missing effects 0, doubled effects 0, dead letters 0",
  "",
  ...run.lines,
];
mkdirSync(path.dirname(evidence), { recursive: true });
writeFileSync(evidence, text.join("\n") + "\n");
rmSync(kept);
console.log(`${summary}\nkept in ${path.relative(root, evidence)}`);
