// HTTP/1.1 by hand: bytes that no client library would send, and what came back taken apart strictly.
import net from "node:net";

// One response from the front of `bytes`: { status, headers, body, rest }, null when it is not whole.
export function takeResponse(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [line, ...fields] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
  if (!status) throw new Error(`this is no response: ${line}`);
  const headers = new Map(fields.map((field) => [field.slice(0, field.indexOf(":")).toLowerCase(), field.slice(field.indexOf(":") + 1).trim()]));
  const rest = bytes.subarray(end + 4);
  if (status === 100) return { status, headers, body: "", rest };
  if (/chunked/.test(headers.get("transfer-encoding") ?? "")) return takeChunks(status, headers, rest);
  const length = status === 204 || status === 304 ? 0 : Number(headers.get("content-length") ?? NaN);
  if (Number.isNaN(length)) throw new Error(`a response without length: ${line}`);
  if (rest.length < length) return null;
  return { status, headers, body: rest.subarray(0, length).toString(), rest: rest.subarray(length) };
}

function takeChunks(status, headers, bytes) {
  let body = "";
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return null;
    const size = parseInt(bytes.subarray(at, line).toString(), 16);
    if (Number.isNaN(size)) throw new Error("a chunk without size");
    if (bytes.length < line + 2 + size + 2) return null;
    body += bytes.subarray(line + 2, line + 2 + size).toString();
    at = line + 2 + size + 2;
    if (size === 0) return { status, headers, body, rest: bytes.subarray(at) };
  }
}

// Sends `bytes` on a connection of its own and listens until the service closes it or says nothing for `quietMs`:
// { responses, closed, rest }.
export function speak(url, bytes, { quietMs = 400 } = {}) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let timer;
    const socket = net.connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    const finish = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      const responses = [];
      try {
        for (let next = takeResponse(received); next; next = takeResponse(received)) {
          responses.push(next);
          received = next.rest;
        }
        resolve({ responses, closed, rest: received });
      } catch (error) {
        reject(error);
      }
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), quietMs);
    };
    socket.on("data", (piece) => {
      received = Buffer.concat([received, piece]);
      wait();
    });
    socket.on("end", () => finish(true));
    // A service that refuses and closes while we still write: what it said before counts.
    socket.on("error", () => finish(true));
    wait();
  });
}

// `work` on each of `list`, `width` at a time.
export async function each(list, width, work) {
  const rest = [...list];
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (rest.length > 0) await work(rest.shift());
    }),
  );
}
