// TLS from files: HTTPS works, SIGHUP takes a new certificate without a restart, a broken one leaves the old in force; beyond
// loopback nothing is served in the clear unless one insists.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { Service, program, root, until } from "./service.mjs";

const plugins = path.join(root, "tests/fixtures/plugins_kill");
const folder = mkdtempSync(path.join(tmpdir(), "proxenos-tls-"));
const file = (name) => path.join(folder, name);

function certify(name) {
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)], { stdio: "pipe" });
}

function put(name) {
  copyFileSync(file(`${name}.pem`), file("in-force.pem"));
  copyFileSync(file(`${name}.key`), file("in-force.key"));
}

certify("first");
certify("second");
put("first");
const service = new Service({ plugins, options: ["--tls-certificate", file("in-force.pem"), "--tls-key", file("in-force.key")] });

before(() => service.start());
after(async () => {
  await service.remove();
  rmSync(folder, { recursive: true, force: true });
});

// { status, name of the certificate } of a GET /healthz that trusts the two certificates and nothing else.
function ask(options = {}) {
  const { port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const request = https.get(
      { host: "127.0.0.1", port, path: "/healthz", agent: false, ca: [readFileSync(file("first.pem")), readFileSync(file("second.pem"))], ...options },
      (response) => {
        const name = response.socket.getPeerCertificate().subject.CN;
        const protocol = response.socket.getProtocol();
        response.resume().on("end", () => resolve({ status: response.statusCode, name, protocol, headers: response.headers }));
      },
    );
    request.on("error", reject);
  });
}

test("HTTPS with the certificate from the file, TLS 1.2 and 1.3 alone", async () => {
  assert.match(service.url, /^https:/);
  const answer = await ask();
  assert.equal(answer.status, 200);
  assert.equal(answer.name, "first");
  assert.equal(answer.protocol, "TLSv1.3");
  assert.equal((await ask({ maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
  await assert.rejects(ask({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }));
  await assert.rejects(ask({ ca: undefined }), /self.signed/);
});

test("plain HTTP and rubbish on the TLS port get nothing, and hurt nobody", async () => {
  const { port } = new URL(service.url);
  for (const bytes of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff".padEnd(2000, "\0"), "\0".repeat(100)]) {
    const received = await new Promise((resolve) => {
      let text = "";
      const socket = net.connect(Number(port), "127.0.0.1", () => socket.write(Buffer.from(bytes, "latin1")));
      socket.on("data", (piece) => (text += piece.toString("latin1")));
      socket.on("error", () => resolve(text));
      socket.on("close", () => resolve(text));
      setTimeout(() => socket.destroy(), 1000);
    });
    assert.ok(!received.includes("200 OK"), received);
  }
  assert.equal((await ask()).status, 200);
});

test("SIGHUP takes the new certificate; open connections go on", async () => {
  const { port } = new URL(service.url);
  const old = tls.connect({ host: "127.0.0.1", port, ca: readFileSync(file("first.pem")) });
  await new Promise((resolve, reject) => old.once("secureConnect", resolve).once("error", reject));
  put("second");
  service.process.kill("SIGHUP");
  await until(async () => (await ask()).name === "second", 10000);
  const answered = new Promise((resolve) => old.once("data", (piece) => resolve(piece.toString())));
  old.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await answered, /^HTTP\/1\.1 200 /);
  old.destroy();
});

test("SIGHUP with a broken file says so and keeps the certificate in force", async () => {
  writeFileSync(file("in-force.pem"), "-----BEGIN CERTIFICATE-----\nrubbish\n");
  service.process.kill("SIGHUP");
  await until(() => /level=(warn|error).*(certificate|tls)/i.test(service.log), 10000);
  assert.equal((await ask()).name, "second");
  copyFileSync(file("first.pem"), file("in-force.pem")); // now the key belongs to another
  service.process.kill("SIGHUP");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal((await ask()).name, "second");
  assert.equal(await service.stop(), 0, service.log);
});

// Starts `serve` with these words and tells how it ended, or kills it when it listens.
async function serves(...words) {
  const data = mkdtempSync(path.join(tmpdir(), "proxenos-test-"));
  const child = spawn(program, ["serve", "--data", data, "--plugins", plugins, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stderr.on("data", (bytes) => (log += bytes));
  const listening = until(() => log.includes("url=") || child.exitCode !== null, 30000);
  await listening;
  const up = child.exitCode === null;
  if (up) child.kill("SIGTERM");
  const code = await ended;
  rmSync(data, { recursive: true, force: true });
  return { up, code, log };
}

test("beyond loopback without TLS: refused, unless one insists", async () => {
  const refused = await serves("--listen", "0.0.0.0:0");
  assert.ok(!refused.up, refused.log);
  assert.notEqual(refused.code, 0);
  assert.match(refused.log, /--insecure/);
  for (const address of ["[::]:0", "127.evil.example:0"]) assert.ok(!(await serves("--listen", address)).up, address);
  const insisted = await serves("--listen", "0.0.0.0:0", "--insecure");
  assert.ok(insisted.up && insisted.code === 0, insisted.log);
  put("first");
  const secured = await serves("--listen", "0.0.0.0:0", "--tls-certificate", file("in-force.pem"), "--tls-key", file("in-force.key"));
  assert.ok(secured.up && secured.code === 0, secured.log);
});

test("a certificate without its key, or of another, does not start", async () => {
  const alone = await serves("--tls-certificate", file("first.pem"), "--listen", "127.0.0.1:0");
  assert.ok(!alone.up);
  assert.match(alone.log, /belong together/);
  const mixed = await serves("--tls-certificate", file("first.pem"), "--tls-key", file("second.key"), "--listen", "127.0.0.1:0");
  assert.ok(!mixed.up);
  assert.match(mixed.log, /tls|key/i);
  const missing = await serves("--tls-certificate", file("none.pem"), "--tls-key", file("none.key"), "--listen", "127.0.0.1:0");
  assert.ok(!missing.up);
  assert.match(missing.log, /none\.pem|none\.key/);
});
