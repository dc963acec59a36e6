// px.net.fetch from a plugin's route: grants, the address guard, retries, the egress log, and what bad input gets.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

// Ports are named in the plugin's manifest.
const PORT = 7997;
const TRAP = 7998;
const service = new Service({
  plugins: path.join(root, "tests/fixtures/plugins_net"),
  options: ["--outgoing-allow", `127.0.0.1:${PORT}`],
});
let admin;
let receiver;
let trap;
let trapped = 0;
let answers = []; // functions (request, response, body), the last one again and again
let asked = [];

const listen = (server, port) => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));

before(async () => {
  receiver = http.createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => (body += bytes));
    request.on("end", () => {
      asked.push({ method: request.method, url: request.url, headers: request.headers, body });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer(request, response, body);
    });
  });
  await listen(receiver, PORT);
  trap = net.createServer((socket) => {
    trapped++;
    socket.destroy();
  });
  await listen(trap, TRAP);
  await service.start();
  admin = await service.client("admin");
});
after(async () => {
  await service.remove();
  receiver.close();
  receiver.closeAllConnections();
  trap.close();
});

const url = (where = "/") => `http://127.0.0.1:${PORT}${where}`;
async function fetched(request, ...with_answers) {
  answers = with_answers.length > 0 ? with_answers : [(_, response) => response.end("ok")];
  asked = [];
  const answer = await admin.post("/x/caller/fetch", request);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

test("a request goes out, its answer comes back", async () => {
  const got = await fetched(
    { url: url("/a?b=c"), json: { name: "Ωμέγα" }, headers: { "X-One": "1" }, idempotency_key: "k1" },
    (_, response) => response.writeHead(201, { "content-type": "application/json", "x-two": ["a", "b"] }).end('{"id":7}'),
  );
  assert.equal(got.status, 201);
  assert.equal(got.json.id, 7);
  assert.equal(got.headers["x-two"], "a, b");
  const [request] = asked;
  assert.equal(request.method, "POST");
  assert.equal(request.url, "/a?b=c");
  assert.equal(request.body, '{"name":"Ωμέγα"}');
  assert.equal(request.headers["content-type"], "application/json");
  assert.equal(request.headers["x-one"], "1");
  assert.equal(request.headers["idempotency-key"], "k1");
  assert.match(request.headers["user-agent"], /^Proxenos\//);
});

test("a status is an answer, not an error", async () => {
  const got = await fetched({ url: url() }, (_, response) => response.writeHead(500).end("broken"));
  assert.deepEqual([got.status, got.body], [500, "broken"]);
});

test("beyond the grants nothing is called, and the line is named", async () => {
  for (const where of [`http://127.0.0.1:${TRAP}/`, `http://127.0.0.1:${TRAP}/apix`, "https://example.com/", `http://localhost:${PORT}/`]) {
    const got = await fetched({ url: where });
    assert.equal(got.code, "capability", where);
    assert.match(got.detail, /can\.net/);
    assert.match(got.field, /^main\.lua:\d+$/);
  }
  assert.equal(trapped, 0);
});

test("an address inside is refused at the connect, granted or not", async () => {
  for (const where of [`http://127.0.0.1:${TRAP}/api/x`, "http://169.254.169.254/latest/meta-data/"]) {
    const got = await fetched({ url: where, timeout: "5s" });
    assert.equal(got.code, "address_refused", where);
    assert.match(got.detail, /outgoing_allow/);
  }
  assert.equal(trapped, 0);
});

test("a redirect is an answer; followed, it is judged as a new request", async () => {
  const to = (where, status = 302) => (_, response) => response.writeHead(status, { location: where }).end();
  const plain = await fetched({ url: url() }, to(url("/next")));
  assert.deepEqual([plain.status, asked.length], [302, 1]);
  const followed = await fetched({ url: url(), redirects: 2 }, to("/next"), (_, response) => response.end("there"));
  assert.deepEqual([followed.status, followed.body, asked.length], [200, "there", 2]);
  const refusals = {
    [`http://127.0.0.1:${TRAP}/api/x`]: "address_refused",
    [`http://127.0.0.1:${TRAP}/`]: "capability",
    "file:///etc/passwd": "invalid",
    "http://169.254.169.254/": "address_refused",
  };
  for (const [where, code] of Object.entries(refusals)) {
    for (const status of [301, 302, 303, 307, 308]) {
      const got = await fetched({ url: url(), redirects: 5 }, to(where, status));
      assert.equal(got.code, code, `${status} ${where}`);
    }
  }
  const loop = await fetched({ url: url(), redirects: 10 }, to("/"));
  assert.equal(loop.code, "limit");
  assert.equal(trapped, 0);
});

test("what may pass is tried again, as asked for", async () => {
  const busy = (_, response) => response.writeHead(503).end();
  const got = await fetched({ url: url(), retry: { times: 3, first: "10ms" } }, busy, busy, (_, response) => response.end("at last"));
  assert.deepEqual([got.status, asked.length], [200, 3]);
  const given_up = await fetched({ url: url(), retry: { times: 2, first: "10ms" } }, busy);
  assert.deepEqual([given_up.status, asked.length], [503, 3]);
  const final = await fetched({ url: url(), retry: { times: 2, first: "10ms" } }, (_, response) => response.writeHead(404).end());
  assert.deepEqual([final.status, asked.length], [404, 1]);
  const began = Date.now();
  const told = await fetched(
    { url: url(), retry: { times: 1, first: "10ms" } },
    (_, response) => response.writeHead(429, { "retry-after": "1" }).end(),
    (_, response) => response.end(),
  );
  assert.equal(told.status, 200);
  assert.ok(Date.now() - began >= 950, "Retry-After was not kept to");
});

test("a peer that is slow, endless or silent is bounded", async () => {
  const silent = await fetched({ url: url(), timeout: "200ms" }, () => {});
  assert.equal(silent.code, "timeout");
  const endless = await fetched({ url: url(), timeout: "20s" }, (request, response) => {
    const timer = setInterval(() => response.write("x".repeat(65536)), 1);
    request.socket.on("close", () => clearInterval(timer));
  });
  assert.equal(endless.code, "limit");
  const drip = await fetched({ url: url(), timeout: "500ms" }, (request, response) => {
    const timer = setInterval(() => response.write("x"), 100);
    request.socket.on("close", () => clearInterval(timer));
  });
  assert.equal(drip.code, "timeout");
});

test("bad input is named", async () => {
  const cases = [
    [{}, "invalid", /neither https:\/\/ nor http:\/\//],
    [{ url: url(), methd: "GET" }, "invalid", /no option "methd"/],
    [{ url: url(), timeout: "soon" }, "invalid", /timeout is a duration/],
    [{ url: url(), timeout: "3h" }, "invalid", /at most 600 s/],
    [{ url: url(), method: "TRACE" }, "invalid", /capitals save CONNECT and TRACE/],
    [{ url: url(), headers: { "X-A": "a\r\nHost: b" } }, "invalid", /line end/],
    [{ url: url(), headers: { Host: "b.example" } }, "invalid", /set by the client/],
    [{ url: url(), body: "a", json: {} }, "invalid", /exclude each other/],
    [{ url: url(), body: "a", retry: { times: 2 } }, "invalid", /idempotency_key/],
    [{ url: url(), retry: { times: 1000 } }, "invalid", /at most 20/],
    [{ url: `http://user:pass@127.0.0.1:${PORT}/` }, "invalid", /passwords do not belong/],
    [{ url: `http://127.0.0.1:${PORT}/a/../b` }, "invalid", /\. or \.\./],
  ];
  for (const [request, code, detail] of cases) {
    const got = await fetched(request);
    assert.equal(got.code, code, JSON.stringify([request, got]));
    assert.match(got.detail, detail);
  }
  assert.equal(asked.length, 0);
});

test("the egress log has what left and what was refused, and no secret of it", async () => {
  await fetched({ url: url("/secret-path?token=hunter2"), headers: { Authorization: "Bearer hunter2" } });
  await until(async () => {
    const { body } = await admin.get("/api/v1/egress?limit=1");
    return body.data[0]?.status === 200 && body.data[0].answer_bytes === 2;
  }, 5000);
  const { body, text } = await admin.get("/api/v1/egress?limit=1000");
  const [newest] = body.data;
  assert.equal(newest.who, "caller");
  assert.equal(newest.method, "GET");
  assert.equal(newest.host, `http://127.0.0.1:${PORT}`);
  assert.equal(newest.address, "127.0.0.1");
  assert.equal(newest.answer_bytes, 2);
  assert.ok(body.data.some((row) => row.code === "address_refused" && row.address === "169.254.169.254"));
  assert.ok(!/hunter2|secret-path/.test(text));
  const older = await admin.get(`/api/v1/egress?before=${newest.id}&limit=1`);
  assert.equal(older.body.data[0].id, newest.id - 1);
  for (const query of ["before=x", "before=0", "limit=0", "limit=1001", "befor=1"]) {
    assert.equal((await admin.get(`/api/v1/egress?${query}`)).status, 400, query);
  }
  const listed = await service.cli("egress", "list", "--limit", "3");
  assert.match(listed.stdout, /caller\s+GET\s+http:\/\/127\.0\.0\.1:7997/);
  const metrics = await service.anyone().get("/metrics");
  assert.match(metrics.text, /proxenos_net_requests_total [1-9]/);
  assert.match(metrics.text, /proxenos_net_refused_total [1-9]/);
  const plugin = (await admin.get("/api/v1/plugins/caller")).body;
  assert.ok(plugin.metrics.net_requests > 10);
  const figure = (name) => Number(new RegExp(`^proxenos_plugins_${name}\\{plugin="caller"\\} (\\d+)$`, "m").exec(metrics.text)[1]);
  assert.equal(figure("net_requests_total"), plugin.metrics.net_requests);
  assert.equal(figure("net_failed_total"), plugin.metrics.net_failed);
  assert.equal(figure("net_sent_bytes_total"), plugin.metrics.net_sent_bytes);
  assert.equal(figure("net_received_bytes_total"), plugin.metrics.net_answer_bytes);
  assert.ok(figure("net_sent_bytes_total") > 0 && figure("net_received_bytes_total") > 0);
});

test("the service stops while a request hangs, and says no to a wrong setting", async () => {
  answers = [() => {}];
  const hanging = admin.post("/x/caller/fetch", { url: url(), timeout: "60s" }).catch(() => null);
  await until(() => asked.some((one) => one.url === "/"), 5000);
  const began = Date.now();
  assert.equal(await service.stop(), 0);
  assert.ok(Date.now() - began < 15000);
  await hanging;
  const wrong = new Service({ options: ["--outgoing-allow", "10.0.0.0/40"] });
  await assert.rejects(wrong.start(), /outgoing_allow: "10\.0\.0\.0\/40" is neither/);
  await wrong.remove();
});
