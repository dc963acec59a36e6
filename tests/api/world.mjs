// The world outside, as flows' calls find it.
import http from "node:http";

// Who is called: it answers a known key as it did before, and does what it is asked for once for each key.
export class World {
  constructor() {
    this.effects = new Map(); // path → Map(key → times asked)
    this.receipts = new Map(); // key → receipt
    this.hanging = 0;
    this.left = 0; // hanging requests that the caller gave up
    this.trouble = () => null;
  }

  async start() {
    this.server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (bytes) => (body += bytes));
      request.on("end", () => this.answer(request, response, JSON.parse(body)));
    });
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    return this;
  }

  async answer(request, response, body) {
    const key = request.headers["idempotency-key"];
    const asked = this.effects.get(request.url) ?? new Map();
    asked.set(key, (asked.get(key) ?? 0) + 1);
    this.effects.set(request.url, asked);
    if (request.url.startsWith("/refuse/")) return response.writeHead(422).end();
    if (request.url.startsWith("/hang/")) {
      this.hanging++;
      request.socket.on("close", () => this.left++);
      return;
    }
    const trouble = this.trouble(asked.get(key));
    if (trouble === "lost") return request.socket.destroy();
    if (trouble === "busy") return response.writeHead(503).end();
    if (!this.receipts.has(key)) this.receipts.set(key, `${request.url}#${body.n}`);
    if (typeof trouble === "number") await new Promise((resolve) => setTimeout(resolve, trouble));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ receipt: this.receipts.get(key) }));
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
