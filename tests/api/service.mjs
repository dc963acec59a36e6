// A service of one's own per test: a data folder in /tmp, a port that the system chooses, the program of this build.
import { spawn, execFile } from "node:child_process";
import { mkdtempSync, rmSync, existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const program = process.env.PROXENOS_BIN ?? path.join(root, "build/debug/proxenos");
// Real data is read where it is there; each test says what it leaves out without it.
export const dataFolder = [process.env.PROXENOS_TEST_DATA, path.join(root, "../shared/data")].find(
  (folder) => folder && existsSync(folder),
);

// What is about the platform runs with the party model alone: the whole domain would follow each record of it with work of its own.
// What is about all types, all routes or all rights, and the domain's own tests, run with all plugins.
const WHOLE = /^(domain_.*|day|docs|openapi|rights|noninterference|hostile|adversarial|newcomer|upgrade)\.test\.mjs$/;
const whole = WHOLE.test(path.basename(process.argv[1] ?? "")) || process.env.PROXENOS_TEST_WHOLE === "1";
const PARTIES_ALONE = ["--disable", "clients", "--disable", "business"];

export class Service {
  constructor({ plugins = path.join(root, "plugins"), enable = [], folder = null, options = [] } = {}) {
    this.plugins = plugins;
    this.enable = enable;
    this.options = [...(whole || enable.includes("demo") ? [] : PARTIES_ALONE), ...options]; // further words for `serve`; a later one wins
    this.folder = folder ?? mkdtempSync(path.join(tmpdir(), "proxenos-test-"));
    this.log = "";
  }

  async start() {
    const words = ["serve", "--data", this.folder, "--listen", "127.0.0.1:0", "--plugins", this.plugins];
    for (const name of this.enable) words.push("--enable", name);
    words.push(...this.options);
    this.process = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((resolve) => this.process.once("exit", (code, signal) => resolve({ code, signal })));
    this.process.stdout.on("data", (bytes) => (this.log += bytes));
    await new Promise((resolve, reject) => {
      const fail = setTimeout(() => reject(new Error(`the service does not start:\n${this.log}`)), 60000);
      const look = () => {
        const found = /url=(https?:\/\/[^ ]+)/.exec(this.log);
        if (found) {
          clearTimeout(fail);
          this.url = found[1];
          resolve();
        }
      };
      this.process.stderr.on("data", (bytes) => {
        this.log += bytes;
        look();
      });
      this.process.once("exit", () => {
        clearTimeout(fail);
        reject(new Error(`the service ended:\n${this.log}`));
      });
    });
    return this;
  }

  // Orderly: SIGTERM; the exit code.
  async stop() {
    this.process.kill("SIGTERM");
    const { code } = await this.ended;
    return code;
  }

  // As a power cut for the process: kill -9.
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async restart() {
    this.log = "";
    return this.start();
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  // The command line on the same data folder: { code, stdout, stderr }.
  async cli(...words) {
    try {
      const { stdout, stderr } = await run(program, [...words, "--data", this.folder, "--plugins", this.plugins], {
        maxBuffer: 64 << 20,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      if (typeof error.code !== "number") throw error;
      return { code: error.code, stdout: error.stdout, stderr: error.stderr };
    }
  }

  // A new user with this role and a token of his: a client for the API.
  async client(role, name = `${role}-${Math.random().toString(36).slice(2, 8)}`) {
    const added = await this.cli("user", "add", name, "--role", role);
    if (added.code !== 0) throw new Error(`user add: ${added.stderr}`);
    const made = await this.cli("token", "create", "--user", name);
    if (made.code !== 0) throw new Error(`token create: ${made.stderr}`);
    return new Client(this, made.stdout.trim(), { name, password: added.stdout.trim() });
  }

  anyone() {
    return new Client(this, null, {});
  }

  initialPassword() {
    return readFileSync(path.join(this.folder, "initial-password"), "utf8").trim();
  }
}

export class Client {
  constructor(service, token, user) {
    this.service = service;
    this.token = token;
    this.user = user;
  }

  async request(method, target, { body, headers = {}, raw = false } = {}) {
    const all = { ...headers };
    if (this.token) all.authorization = `Bearer ${this.token}`;
    let payload = body;
    if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array)) {
      payload = JSON.stringify(body);
      all["content-type"] ??= "application/json";
    }
    const response = await fetch(this.service.url + target, { method, headers: all, body: payload });
    if (raw) return response;
    const text = await response.text();
    const json = /json/.test(response.headers.get("content-type") ?? "") && !/ndjson/.test(response.headers.get("content-type"));
    return { status: response.status, headers: response.headers, text, body: json && text ? JSON.parse(text) : null };
  }

  get(target, options) {
    return this.request("GET", target, options);
  }
  post(target, body, headers) {
    return this.request("POST", target, { body, headers });
  }
  patch(target, body, headers) {
    return this.request("PATCH", target, { body, headers });
  }
  delete(target, headers) {
    return this.request("DELETE", target, { headers });
  }

  // Spools text and starts an import; waits for its end.
  async import(object, text, options = {}) {
    const uploaded = await this.request("POST", "/api/v1/uploads", {
      body: text,
      headers: { "content-type": "application/octet-stream" },
    });
    const started = await this.post("/api/v1/jobs", { kind: "import", object, file: uploaded.body.file, ...options });
    if (started.status !== 202) return started;
    return this.job(started.body.id);
  }

  async job(id) {
    for (;;) {
      const job = await this.get(`/api/v1/jobs/${id}`);
      if (job.status !== 200 || ["done", "failed", "cancelled"].includes(job.body.state)) return job;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export async function until(what, timeoutMs = 60000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await what();
    if (value) return value;
    if (Date.now() > end) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
