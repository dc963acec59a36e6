// outgoing_proxy: all calls but mail go through it by CONNECT; it is told addresses that were judged here, never a secret, and names only
// where the operator named them. The proxy, its peers and who tries to get around it are Node's.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "proxenos-proxy-"));
const file = (name) => path.join(folder, name);
const port = (server) => server.address().port;
const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
const password = "λέξη:hunter2";

execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:erp.corp.example", "-keyout", file("key"), "-out", file("pem")], { stdio: "pipe" });
writeFileSync(file("password"), `${password}\n`);

let asked = []; // of the proxy: { target, headers, status }
let got = []; // by the peers
let refusal = 0; // what the proxy answers instead
const sockets = new Set();

// Names that the proxy alone knows lead to the peer over TLS.
const proxy = http.createServer((request, response) => {
  asked.push({ target: `${request.method} ${request.url}`, headers: request.headers });
  response.writeHead(501).end();
});
proxy.on("connect", (request, socket, head) => {
  asked.push({ target: request.url, headers: request.headers });
  sockets.add(socket);
  socket.on("error", () => {});
  const given = Buffer.from((request.headers["proxy-authorization"] ?? "").replace(/^Basic /, ""), "base64").toString();
  const status = given !== `clerk:${password}` ? 407 : refusal;
  if (status) return socket.end(`HTTP/1.1 ${status} No\r\nX-Proxy: yes\r\n\r\n`);
  const [host, to] = request.url.split(":");
  const peer = net.connect(host === "erp.corp.example" ? port(secure) : Number(to), "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n");
    peer.write(head);
    peer.pipe(socket).pipe(peer);
  });
  peer.on("error", () => socket.destroy());
});
const answer = (request, response) => {
  let body = "";
  request.on("data", (bytes) => (body += bytes));
  request.on("end", () => {
    got.push({ url: request.url, headers: request.headers, body });
    if (request.url === "/inside") return response.writeHead(302, { location: "http://169.254.169.254/latest" }).end();
    response.end("hello");
  });
};
const plain = http.createServer(answer);
const secure = https.createServer({ key: readFileSync(file("key")), cert: readFileSync(file("pem")) }, answer);
let service;
let admin;

before(async () => {
  for (const server of [proxy, plain, secure]) await listen(server);
  cpSync(path.join(root, "tests/fixtures/plugins_net/caller"), file("plugins/caller"), { recursive: true });
  const grants = ["http://*", "https://*", "https://*:8443", `http://127.0.0.1:${port(proxy)}`, `https://localhost:${port(secure)}`];
  for (const host of ["localhost", "127.0.0.1"]) grants.push(`http://${host}:${port(plain)}`);
  writeFileSync(file("plugins/caller/plugin.lua"), `return {
    name = "caller", version = "1.0.0", api = 1, default = true, can = { http = true, net = { ${grants.map((grant) => `"${grant}/*"`).join(", ")} } },
  }\n`);
  service = new Service({
    plugins: file("plugins"),
    options: [
      "--outgoing-proxy", `http://127.0.0.1:${port(proxy)}`, "--outgoing-proxy-user", "clerk", "--outgoing-proxy-password-file", file("password"),
      "--outgoing-ca", file("pem"), "--outgoing-allow", `127.0.0.1:${port(plain)}`, "--outgoing-allow", `127.0.0.1:${port(secure)}`,
      "--outgoing-allow", "erp.corp.example:8443",
    ],
  });
  await service.start();
  admin = await service.client("admin");
});
after(async () => {
  await service.remove();
  for (const socket of sockets) socket.destroy();
  for (const server of [proxy, plain, secure]) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true, force: true });
});

async function fetched(request) {
  asked = [];
  got = [];
  const { status, body, text } = await admin.post("/x/caller/fetch", request);
  assert.equal(status, 200, text);
  return body;
}

test("webhooks go through it", async () => {
  asked = [];
  got = [];
  const made = await admin.post("/api/v1/webhooks", { name: "out", url: `http://localhost:${port(plain)}/hook`, events: ["webhook.*"] });
  assert.equal(made.status, 400, "localhost is not named");
  const hook = await admin.post("/api/v1/webhooks", { name: "out", url: `http://127.0.0.1:${port(plain)}/hook`, events: ["webhook.*"] });
  assert.equal(hook.status, 201, hook.text);
  const pinged = await admin.post(`/api/v1/webhooks/${hook.body.id}/test`, {});
  assert.equal(pinged.body.delivered, true, pinged.text);
  assert.deepEqual(asked.map((one) => one.target), [`127.0.0.1:${port(plain)}`]);
  assert.equal(got[0].url, "/hook");
  assert.equal((await admin.delete(`/api/v1/webhooks/${hook.body.id}`)).status, 204);
});

test("a call goes through, to the address that its name has here", async () => {
  const secret = { Authorization: "Bearer for-the-peer" };
  const first = await fetched({ url: `http://localhost:${port(plain)}/a?b=c`, method: "POST", body: "text", headers: secret });
  assert.deepEqual([first.status, first.body], [200, "hello"]);
  assert.equal(first.headers["x-proxy"], undefined, "the proxy's headers are none of the answer's");
  assert.deepEqual(asked.map((one) => one.target), [`127.0.0.1:${port(plain)}`]);
  assert.equal(asked[0].headers.authorization, undefined, "the caller's secret is not the proxy's");
  assert.deepEqual([got[0].url, got[0].body, got[0].headers.host], ["/a?b=c", "text", `localhost:${port(plain)}`]);
  assert.equal(got[0].headers.authorization, "Bearer for-the-peer");
  assert.equal(got[0].headers["proxy-authorization"], undefined, "the proxy's log-in is not the peer's");
  const second = await fetched({ url: `https://localhost:${port(secure)}/tls` });
  assert.equal(second.status, 200, JSON.stringify(second));
  assert.deepEqual(asked.map((one) => one.target), [`127.0.0.1:${port(secure)}`]);
});

test("a name goes to the proxy only where the operator has named it, with its port", async () => {
  const named = await fetched({ url: "https://erp.corp.example:8443/orders" });
  assert.equal(named.status, 200, JSON.stringify(named));
  assert.deepEqual(asked.map((one) => one.target), ["erp.corp.example:8443"]);
  for (const url of ["https://erp.corp.example/", "https://crm.corp.example:8443/"]) {
    const unknown = await fetched({ url });
    assert.equal(unknown.code, "network", JSON.stringify(unknown));
    assert.match(unknown.detail, /is not known.*named, with its port, in outgoing_allow/);
    assert.deepEqual(asked, []);
  }
});

test("what points inside is refused before the proxy is asked", async () => {
  const inside = ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://localhost/", `http://127.0.0.1:${port(proxy)}/`, "https://[fd00::1]/"];
  for (const url of inside) {
    const refused = await fetched({ url });
    assert.ok(["address_refused", "invalid"].includes(refused.code), `${url}: ${JSON.stringify(refused)}`);
    assert.deepEqual(asked, [], url);
  }
  const redirected = await fetched({ url: `http://127.0.0.1:${port(plain)}/inside`, redirects: 3 });
  assert.equal(redirected.code, "address_refused", JSON.stringify(redirected));
  assert.deepEqual(got.map((one) => one.url), ["/inside"]);
  assert.ok(asked.every((one) => one.target === `127.0.0.1:${port(plain)}`), JSON.stringify(asked));
});

test("a proxy that says no, or is not there, is told from a peer", async () => {
  refusal = 403;
  // Connections that are open already would not ask again.
  await service.stop();
  await service.restart();
  const refused = await fetched({ url: `https://localhost:${port(secure)}/` });
  assert.equal(refused.code, "network");
  assert.match(refused.detail, new RegExp(`the outgoing proxy answered 403 when it was asked for localhost:${port(secure)}`));
  refusal = 0;
  writeFileSync(file("password"), "another\n");
  await service.stop();
  await service.restart();
  const unknown = await fetched({ url: `https://localhost:${port(secure)}/` });
  assert.match(unknown.detail, /the outgoing proxy answered 407/);
  assert.equal(got.length, 0);
  await service.stop();
  service.options.push("--outgoing-proxy", "http://127.0.0.1:9");
  await service.restart();
  const gone = await fetched({ url: `https://localhost:${port(secure)}/` });
  assert.equal(gone.code, "network");
  assert.match(gone.detail, /the outgoing proxy cannot be reached/);
  assert.equal(got.length, 0, "nothing goes around it");
});

test("its password is shown nowhere; wrong settings are named", async () => {
  const egress = (await admin.get("/api/v1/egress?limit=1000")).text;
  assert.ok(egress.includes(`"host":"http://localhost:${port(plain)}"`) && egress.includes('"address":"127.0.0.1"'), egress);
  for (const text of [egress, service.log]) assert.ok(!/hunter2|λέξη/.test(text));
  const cases = [
    [["--outgoing-proxy", "http://clerk:hunter2@proxy.example:3128"], /outgoing_proxy is http:\/\/host:port/],
    [["--outgoing-proxy", "https://proxy.example:3128"], /outgoing_proxy is http:\/\/host:port/],
    [["--outgoing-proxy", "socks5://proxy.example"], /outgoing_proxy is http:\/\/host:port/],
    [["--outgoing-proxy-user", "clerk"], /belongs to outgoing_proxy/],
    [["--outgoing-proxy-password-file", "/nonexistent"], /password of the outgoing proxy cannot be read from \/nonexistent/],
  ];
  for (const [words, expected] of cases) {
    const wrong = new Service({ options: words });
    await assert.rejects(wrong.start(), (error) => expected.test(error.message) && !error.message.includes("hunter2"));
    await wrong.remove();
  }
});
