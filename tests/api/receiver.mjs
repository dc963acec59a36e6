// A receiver of webhooks, as somebody outside would write one: every delivery is checked with the `standardwebhooks` package
// (v1) and with Node's own crypto (v1a, Ed25519) before it counts.
import { createServer } from "node:http";
import { createPublicKey, verify } from "node:crypto";
import { Webhook } from "standardwebhooks";

// "whpk_…" as Node wants it: the raw key behind the fixed start of an Ed25519 SubjectPublicKeyInfo.
function publicKey(text) {
  const raw = Buffer.from(text.replace(/^whpk_/, ""), "base64");
  const start = Buffer.from("302a300506032b6570032100", "hex");
  return createPublicKey({ key: Buffer.concat([start, raw]), format: "der", type: "spki" });
}

// Throws when the signature is not good.
export function checkAsymmetric(key, headers, body) {
  const content = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  const signatures = headers["webhook-signature"].split(" ").filter((one) => one.startsWith("v1a,"));
  const good = signatures.some((one) => verify(null, content, publicKey(key), Buffer.from(one.slice(4), "base64")));
  if (!good) throw new Error("no v1a signature fits");
}

export class Receiver {
  constructor() {
    this.deliveries = []; // {at, path, headers, body, event}
    this.keys = null; // {secret, public_key}: set to have each delivery checked
    this.wrong = []; // what was not signed as it should be
    this.answer = () => ({ status: 204 });
  }

  async start(port = 0) {
    this.server = createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", async () => {
        const body = Buffer.concat(chunks).toString();
        const delivery = { at: Date.now(), path: request.url, headers: request.headers, body };
        try {
          delivery.event = JSON.parse(body);
          if (this.keys) this.check(delivery);
        } catch (error) {
          this.wrong.push(`${error.message}: ${body}`);
        }
        this.deliveries.push(delivery);
        const { status, headers = {}, text = "", afterMs = 0 } = await this.answer(delivery, this.deliveries.length);
        if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
        response.writeHead(status, headers);
        response.end(status === 204 ? undefined : text);
      });
    });
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/hook`;
    return this;
  }

  check({ headers, body }) {
    new Webhook(this.keys.secret).verify(body, headers);
    checkAsymmetric(this.keys.public_key, headers, body);
  }

  // Of those that were answered with success, by type.
  types() {
    return this.deliveries.map((one) => one.event.type);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
