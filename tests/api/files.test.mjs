// Files of records, as a user meets them: what is taken, what is refused, who sees what, and what a crash, a merge, a revert and a
// backup leave.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Service, root, until } from "./service.mjs";

const service = new Service({ plugins: path.join(root, "tests/fixtures/plugins") });
let admin, owner, stranger, reader, record;

const pdf = Buffer.from("%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n");
const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const contentPath = (hash, folder = service.folder) => path.join(folder, "files", hash.slice(0, 2), hash.slice(2, 4), hash);
const named = (name) => `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;

function put(client, id, name, bytes, type, headers = {}) {
  return client.request("POST", `/api/v1/matters/${id}/files`, {
    body: bytes,
    headers: { "content-type": type, "content-disposition": named(name), ...headers },
  });
}

async function makeMatter(client, name) {
  const made = await client.post("/api/v1/matters", { name, effort: 1, fee: { amount: 100, currency: "EUR" } });
  assert.equal(made.status, 201, made.text);
  return made.body.id;
}

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  const role = async (name, verbs, rows) => {
    const made = await admin.post("/api/v1/roles", { name, grants: { matter: { verbs, rows, write_rows: rows } } });
    assert.equal(made.status, 201, made.text);
  };
  await role("own", ["read", "create", "update", "delete"], "own");
  await role("look", ["read"], "all");
  owner = await service.client("own", "owner");
  stranger = await service.client("own", "stranger");
  reader = await service.client("look", "reader");
  record = await makeMatter(owner, "with files");
});

after(() => service.remove());

test("a file comes back as it went in, with its name, as a download and nothing else", async () => {
  const made = await put(owner, record, "Σύμβαση 2026.pdf", pdf, "application/pdf");
  assert.equal(made.status, 201, made.text);
  assert.equal(made.body.name, "Σύμβαση 2026.pdf");
  assert.equal(made.body.bytes, pdf.length);
  assert.equal(made.body.hash, hashOf(pdf));
  assert.equal(made.body.added_by, "user:owner");
  assert.equal(made.headers.get("location"), `/api/v1/matters/${record}/files/${made.body.id}`);
  const got = await owner.request("GET", made.headers.get("location"), { raw: true });
  assert.equal(got.status, 200);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), pdf);
  assert.equal(got.headers.get("etag"), `"${hashOf(pdf)}"`);
  assert.equal(got.headers.get("content-length"), String(pdf.length));
  assert.equal(got.headers.get("content-type"), "application/pdf");
  assert.equal(got.headers.get("x-content-type-options"), "nosniff");
  assert.match(got.headers.get("content-security-policy"), /default-src 'none'.*sandbox/);
  assert.equal(
    got.headers.get("content-disposition"),
    `attachment; filename="_______ 2026.pdf"; filename*=UTF-8''${encodeURIComponent("Σύμβαση 2026.pdf")}`,
  );
  const list = await owner.get(`/api/v1/matters/${record}/files`);
  assert.deepEqual(list.body, { data: [made.body], next: null });
  const unchanged = await owner.request("GET", made.headers.get("location"), { headers: { "if-none-match": got.headers.get("etag") } });
  assert.equal(unchanged.status, 304);
  const head = await owner.request("HEAD", made.headers.get("location"));
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), String(pdf.length));
  assert.equal(statSync(contentPath(made.body.hash)).size, pdf.length);
});

test("a part of a file is answered with that part", async () => {
  const made = await put(owner, record, "letters.txt", "abcdefghij", "text/plain");
  const at = `/api/v1/matters/${record}/files/${made.body.id}`;
  const ranges = {
    "bytes=2-4": [206, "cde", "bytes 2-4/10"],
    "bytes=7-": [206, "hij", "bytes 7-9/10"],
    "bytes=-3": [206, "hij", "bytes 7-9/10"],
    "bytes=0-99": [206, "abcdefghij", "bytes 0-9/10"],
    "bytes=1-2,4-5": [200, "abcdefghij", null],
    "bytes=5-2": [200, "abcdefghij", null],
    "lines=1-2": [200, "abcdefghij", null],
  };
  for (const [range, [status, text, content]] of Object.entries(ranges)) {
    const got = await owner.request("GET", at, { headers: { range } });
    assert.equal(got.status, status, range);
    assert.equal(got.text, text, range);
    assert.equal(got.headers.get("content-range"), content, range);
  }
  const past = await owner.request("GET", at, { headers: { range: "bytes=10-" } });
  assert.equal(past.status, 416);
  assert.equal(past.body.code, "range_unmet");
  assert.equal(past.headers.get("content-range"), "bytes */10");
  const other = await owner.request("GET", at, { headers: { range: "bytes=2-4", "if-range": '"another"' } });
  assert.equal(other.status, 200);
  const same = await owner.request("GET", at, { headers: { range: "bytes=2-4", "if-range": `"${made.body.hash}"` } });
  assert.equal(same.status, 206);
});

test("a file that is not what it says is refused, with the place", async () => {
  const zip = Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(60)]);
  const cases = [
    // name, bytes, type, status, code, pointer
    ["a.pdf", "no pdf at all", "application/pdf", 415, "file_type", "body"],
    ["a.png", pdf, "image/png", 415, "file_type", "body"],
    ["a.docx", zip, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 415, "file_type", "body"],
    ["a.txt", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]), "text/plain", 415, "file_type", "body"],
    ["a.txt", "#!/bin/sh\nrm -rf /\n", "text/plain", 415, "file_type", "body"],
    ["a.txt", "MZ then text", "text/plain", 415, "file_type", "body"],
    ["a.csv", Buffer.from([0xc3, 0xe5, 0xe9, 0xdc]), "text/csv", 415, "file_type", "body"],
    ["a.txt", "a\0b", "text/plain", 415, "file_type", "body"],
    ["a.txt", " <SCRIPT>alert(1)</SCRIPT>", "text/plain", 415, "file_type", "body"],
    ["a.xml", "<?xml version='1.0'?><!-- --><svg xmlns='http://www.w3.org/2000/svg'/>", "application/xml", 415, "file_type", "body"],
    ["a.json", "<a/>", "application/json", 415, "file_type", "body"],
    ["a.ics", "BEGIN:VCARD\r\n", "text/calendar", 415, "file_type", "body"],
    ["a.txt", "", "text/plain", 415, "file_type", "body"],
    ["a.svg", "<svg/>", "image/svg+xml", 415, "file_type", "Content-Type"],
    ["a.html", "<html/>", "text/html", 415, "file_type", "Content-Type"],
    ["a.bin", "x", "application/x-unknown", 415, "file_type", "Content-Type"],
    ["a.xyz", "x", "application/octet-stream", 415, "file_type", "name"],
    ["a.pdf.exe", pdf, "application/pdf", 415, "file_type", "name"],
    ["a.bat", "del *", "text/plain", 415, "file_type", "name"],
    ["a.pdf", "text", "text/plain", 415, "file_type", "name"],
    ["a\u202efdp.txt", "text", "text/plain", 400, "invalid", "name"],
    ["a\u0007.txt", "text", "text/plain", 400, "invalid", "name"],
    ["..", "text", "text/plain", 400, "invalid", "name"],
    [`${"α".repeat(128)}.txt`, "text", "text/plain", 413, "limit", "name"],
  ];
  for (const [name, bytes, type, status, code, pointer] of cases) {
    const refused = await put(owner, record, name, bytes, type);
    assert.equal(refused.status, status, `${name} ${type}: ${refused.text}`);
    assert.equal(refused.body.code, code, refused.text);
    assert.equal(refused.body.errors[0].pointer, pointer, refused.text);
  }
  const heads = [
    ["text/plain", undefined, 400, "Content-Disposition"],
    ["text/plain", "attachment", 400, "Content-Disposition"],
    ["text/plain", 'attachment; filename="a.txt"; filename="b.txt"', 400, "Content-Disposition"],
    ["text/plain", "attachment; filename*=ISO-8859-7''a.txt", 400, "Content-Disposition"],
    ["multipart/form-data; boundary=x", 'attachment; filename="a.txt"', 415, "Content-Type"],
  ];
  for (const [type, disposition, status, pointer] of heads) {
    const headers = { "content-type": type, ...(disposition ? { "content-disposition": disposition } : {}) };
    const refused = await owner.request("POST", `/api/v1/matters/${record}/files`, { body: "text", headers });
    assert.equal(refused.status, status, `${type} ${disposition}: ${refused.text}`);
    assert.equal(refused.body.errors[0].pointer, pointer, refused.text);
  }
  assert.deepEqual(readdirSync(path.join(service.folder, "files")).filter((name) => name.startsWith(".upload")), []);
  // A path is dropped from a name, a leading dot too; what the name says stands in for a type that says nothing.
  const clean = await put(owner, record, "C:\\secret\\../..Τιμολόγιο.csv", "α;β\r\n1;2\r\n", "application/octet-stream");
  assert.equal(clean.status, 201, clean.text);
  assert.equal(clean.body.name, "Τιμολόγιο.csv");
  assert.equal(clean.body.media_type, "text/csv");
});

test("who may not see the record sees no file of it, in no way; who may read it may not change its files", async () => {
  const made = await put(owner, record, "SECRETNAME.pdf", pdf, "application/pdf");
  const files = `/api/v1/matters/${record}/files`;
  const missing = "0000000000000";
  const same = (got, id) => got.text.replaceAll(id, "ID").replace(/"request_id":"[^"]*"/, "");
  for (const [method, behind] of [["GET", ""], ["GET", `/${made.body.id}`], ["HEAD", `/${made.body.id}`], ["DELETE", `/${made.body.id}`]]) {
    const hidden = await stranger.request(method, files + behind);
    const never = await stranger.request(method, `/api/v1/matters/${missing}/files${behind}`);
    assert.equal(hidden.status, 404, `${method} ${behind}`);
    assert.equal(same(hidden, record), same(never, missing), `${method} ${behind}`);
  }
  const hidden = await put(stranger, record, "x.txt", "x", "text/plain");
  const never = await put(stranger, missing, "x.txt", "x", "text/plain");
  assert.equal(hidden.status, 404);
  assert.equal(same(hidden, record), same(never, missing));
  // Nor by way of a record of one's own.
  const own = await makeMatter(stranger, "own");
  for (const method of ["GET", "DELETE"]) {
    assert.equal((await stranger.request(method, `/api/v1/matters/${own}/files/${made.body.id}`)).status, 404, method);
  }
  for (const target of [`/api/v1/matters/${record}/history`, "/api/v1/events?after=0&limit=1000", "/api/v1/search?q=SECRETNAME&wait=true"]) {
    const got = await stranger.get(target, { headers: { accept: "application/json" } });
    assert.ok(!got.text.includes("SECRETNAME") && !got.text.includes(made.body.id), target);
  }
  assert.equal((await reader.get(files)).status, 200);
  assert.equal((await reader.get(`${files}/${made.body.id}`)).status, 200);
  assert.equal((await reader.delete(`${files}/${made.body.id}`)).status, 403);
  assert.equal((await put(reader, record, "x.txt", "x", "text/plain")).status, 403);
  // No other door: there is no object type behind it.
  for (const target of ["attachments", "attachment", "files", "file_attachments"]) assert.equal((await admin.get(`/api/v1/${target}`)).status, 404);
});

test("history tells of files under the record, and a removed one is gone", async () => {
  const id = await makeMatter(owner, "history");
  const made = await put(owner, id, "minutes.txt", "said", "text/plain");
  const at = `/api/v1/matters/${id}/files/${made.body.id}`;
  assert.equal((await owner.delete(at)).status, 204);
  assert.equal((await owner.delete(at)).status, 404);
  assert.equal((await owner.get(at)).status, 404);
  assert.deepEqual((await owner.get(`/api/v1/matters/${id}/files`)).body.data, []);
  const history = await owner.get(`/api/v1/matters/${id}/history`);
  const [, added, removed] = history.body.data;
  assert.deepEqual([added.type, removed.type], ["matter.file_added", "matter.file_removed"]);
  assert.deepEqual(added.data, { file: made.body.id, media_type: "text/plain", bytes: 4, hash: made.body.hash, name: "minutes.txt" });
  assert.equal(removed.actor, "user:owner");
  assert.equal((await owner.get(`/api/v1/matters/${id}`)).body.version, 1);
  // The record as it was is still to be had.
  const past = await owner.get(`/api/v1/matters/${id}?as_of=${new Date().toISOString()}`);
  assert.equal(past.body.name, "history");
});

test("an upload sent again with its key is one file", async () => {
  const id = await makeMatter(owner, "twice");
  const first = await put(owner, id, "once.txt", "once", "text/plain", { "idempotency-key": "k1" });
  const again = await put(owner, id, "once.txt", "once", "text/plain", { "idempotency-key": "k1" });
  assert.equal(again.status, 201, again.text);
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  assert.deepEqual(again.body, first.body);
  const other = await put(owner, id, "once.txt", "other", "text/plain", { "idempotency-key": "k1" });
  assert.equal(other.body.code, "idempotency_mismatch");
  assert.equal((await owner.get(`/api/v1/matters/${id}/files`)).body.data.length, 1);
});

test("a list has pages", async () => {
  const id = await makeMatter(owner, "pages");
  for (let i = 0; i < 5; i++) assert.equal((await put(owner, id, `${i}.txt`, `text ${i}`, "text/plain")).status, 201);
  const names = [];
  for (let next = ""; next !== null; ) {
    const page = await owner.get(`/api/v1/matters/${id}/files?limit=2${next ? `&after=${next}` : ""}`);
    names.push(...page.body.data.map((file) => file.name));
    next = page.body.next;
  }
  assert.deepEqual(names, ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
  assert.equal((await owner.get(`/api/v1/matters/${id}/files?limit=0`)).status, 400);
  assert.equal((await owner.get(`/api/v1/matters/${id}/files?after=x`)).body.code, "cursor");
});

test("a merge moves files, a revert moves them back, a deleted record brings its own back", async () => {
  const keep = await makeMatter(owner, "keep");
  const other = await makeMatter(owner, "other");
  await put(owner, keep, "kept.txt", "of the kept one", "text/plain");
  const moved = await put(owner, other, "moved.txt", "of the other one", "text/plain");
  const list = async (id) => (await owner.get(`/api/v1/matters/${id}/files`)).body?.data?.map((file) => file.name);
  const merged = await owner.post(`/api/v1/matters/${keep}/merge`, { others: [other], delete: true });
  assert.equal(merged.status, 200, merged.text);
  assert.equal(merged.body.files, 1);
  assert.deepEqual(await list(keep), ["kept.txt", "moved.txt"]);
  assert.equal((await owner.get(`/api/v1/matters/${keep}/files/${moved.body.id}`)).text, "of the other one");
  const events = (await owner.get(`/api/v1/matters/${keep}/history`)).body.data;
  assert.equal(events.find((event) => event.data.moved_from === other)?.data.name, "moved.txt");
  const back = await owner.post(`/api/v1/changesets/${merged.body.changeset}/revert`, {});
  assert.equal(back.status, 200, back.text);
  assert.deepEqual(await list(keep), ["kept.txt"]);
  assert.deepEqual(await list(other), ["moved.txt"]);
  const filter = { name: "other" };
  const preview = await owner.post("/api/v1/matters/bulk/delete", { filter });
  const deleted = await owner.post("/api/v1/matters/bulk/delete", { filter, token: preview.body.token });
  assert.equal(deleted.status, 200, deleted.text);
  assert.equal((await owner.get(`/api/v1/matters/${other}/files/${moved.body.id}`)).status, 404);
  assert.equal((await owner.post(`/api/v1/changesets/${deleted.body.changeset}/revert`, {})).status, 200);
  assert.equal((await owner.get(`/api/v1/matters/${other}/files/${moved.body.id}`)).text, "of the other one");
});

test("a field of type file names one of the record's own files, and keeps it", async () => {
  const id = await makeMatter(owner, "with a scan");
  const made = await put(owner, id, "scan.pdf", pdf, "application/pdf");
  const url = `/api/v1/matters/${id}`;
  const other = (await put(owner, record, "elsewhere.pdf", pdf, "application/pdf")).body.id;
  for (const [value, status, code] of [["scan.pdf", 422, "type"], ["0000000000001", 422, "reference"], [other, 422, "reference"]]) {
    const refused = await owner.patch(url, { scan: value });
    assert.equal(refused.status, status, refused.text);
    assert.equal(refused.body.code, code, refused.text);
    assert.equal(refused.body.errors[0].pointer, "/scan");
  }
  assert.equal((await owner.patch(url, { scan: made.body.id })).status, 200);
  assert.equal((await owner.get(url)).body.scan, made.body.id);
  const kept = await owner.delete(`${url}/files/${made.body.id}`);
  assert.equal(kept.status, 409);
  assert.equal(kept.body.code, "restricted");
  // A merge takes field and file over; its revert gives both back.
  const keep = await makeMatter(owner, "the kept one");
  const merged = await owner.post(`/api/v1/matters/${keep}/merge`, { others: [id], fill: true, delete: true });
  assert.equal(merged.status, 200, merged.text);
  assert.equal(merged.body.record.scan, made.body.id);
  assert.equal((await owner.get(`/api/v1/matters/${keep}/files/${made.body.id}`)).status, 200);
  const back = await owner.post(`/api/v1/changesets/${merged.body.changeset}/revert`, {});
  assert.equal(back.status, 200, back.text);
  assert.equal((await owner.get(`/api/v1/matters/${keep}`)).body.scan, null);
  assert.equal((await owner.get(url)).body.scan, made.body.id);
  assert.equal((await owner.get(`${url}/files/${made.body.id}`)).status, 200);
  assert.equal((await owner.patch(url, { scan: null })).status, 200);
  assert.equal((await owner.delete(`${url}/files/${made.body.id}`)).status, 204);
});

test("a plugin sees what files there are, and hears of them", async () => {
  const id = await makeMatter(owner, "for plugins");
  const made = await put(owner, id, "seen.txt", "seen", "text/plain");
  const shown = await service.cli("shell", "-e", `px.store.files("matter", "${id}")`);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /"seen\.txt"/);
  assert.ok(shown.stdout.includes(made.body.hash));
  const none = await service.cli("shell", "-e", 'px.store.files("matter", "0000000000001")');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no matter/);
  const events = await admin.get("/api/v1/events?pattern=matter.file_added&limit=1000");
  assert.ok(events.body.data.some((event) => event.record === id && event.data.name === "seen.txt"), events.text.slice(0, 300));
});

test("many slow uploads hold up neither each other nor a quick one", async () => {
  const id = await makeMatter(owner, "slow");
  const slow = Array.from({ length: 40 }, () => slowly(owner, id, 200 << 10));
  for (const upload of slow) upload.socket.write("z".repeat(150 << 10));
  await until(() => passing().length === slow.length, 10000);
  const began = Date.now();
  const quick = await put(owner, id, "quick.txt", "quick", "text/plain");
  assert.equal(quick.status, 201, quick.text);
  assert.ok(Date.now() - began < 5000);
  for (const upload of slow) upload.socket.end("z".repeat(50 << 10));
  const answers = await Promise.all(slow.map((upload) => upload.answer));
  assert.ok(answers.every((answer) => answer.startsWith("HTTP/1.1 201")), answers.find((answer) => !answer.startsWith("HTTP/1.1 201")));
  assert.equal((await owner.get(`/api/v1/matters/${id}/files`)).body.data.length, 41);
});

test("the command line puts, lists, gets and deletes", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-files-"));
  const source = path.join(folder, "Πρακτικά 3.csv");
  writeFileSync(source, "α;β\n1;2\n");
  const id = await makeMatter(owner, "by hand");
  const made = await service.cli("file", "put", "matter", id, source, "--format", "json");
  assert.equal(made.code, 0, made.stderr);
  const file = JSON.parse(made.stdout);
  assert.equal(file.name, "Πρακτικά 3.csv");
  assert.equal(file.media_type, "text/csv");
  const listed = await service.cli("file", "list", "matter", id);
  assert.match(listed.stdout, /Πρακτικά 3\.csv/);
  const target = path.join(folder, "copy.csv");
  const got = await service.cli("file", "get", "matter", id, file.id, "--output", target);
  assert.equal(got.code, 0, got.stderr);
  assert.equal(readFileSync(target, "utf8"), "α;β\n1;2\n");
  const refused = await service.cli("file", "put", "matter", id, source, "--type", "application/pdf");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /file_type/);
  // Altered on the disk: neither given out as whole nor passed over by the check.
  writeFileSync(contentPath(file.hash), "α;β\n1;3\n");
  const altered = await service.cli("file", "get", "matter", id, file.id, "--output", target);
  assert.equal(altered.code, 1);
  assert.ok(!existsSync(target));
  const verify = await service.cli("audit", "verify");
  assert.equal(verify.code, 1);
  assert.match(verify.stderr, new RegExp(`file ${file.id} of matter ${id}: its content is altered`));
  // The same content sent again makes it whole.
  assert.equal((await service.cli("file", "put", "matter", id, source)).code, 0);
  const whole = await service.cli("audit", "verify");
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal((await service.cli("file", "delete", "matter", id, file.id)).code, 0);
  assert.equal((await service.cli("file", "get", "matter", id, file.id)).code, 1);
  rmSync(folder, { recursive: true });
});

test("a backup has the files, and a restore that is not whole is refused", async () => {
  const id = await makeMatter(owner, "backed up");
  const made = await put(owner, id, "kept.pdf", pdf, "application/pdf");
  const folder = mkdtempSync(path.join(tmpdir(), "proxenos-backup-"));
  const backup = path.join(folder, "backup");
  const saved = await service.cli("backup", backup);
  assert.equal(saved.code, 0, saved.stderr);
  assert.deepEqual(readFileSync(contentPath(made.body.hash, backup)), pdf);
  const checked = await service.cli("restore", backup, "--verify");
  assert.equal(checked.code, 0, checked.stderr);
  const restored = new Service({ plugins: service.plugins, folder: path.join(folder, "restored") });
  assert.equal((await restored.cli("restore", backup)).code, 0);
  await restored.start();
  const got = await restored.cli("file", "get", "matter", id, made.body.id);
  assert.equal(got.stdout, pdf.toString());
  await restored.remove();
  rmSync(contentPath(made.body.hash, backup));
  const broken = await service.cli("restore", backup, "--verify");
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /missing/);
  rmSync(folder, { recursive: true });
});

// A body in pieces over a socket of one's own: { socket, answer } where answer is all that came back.
function slowly(client, id, length, headers = {}) {
  const { hostname, port } = new URL(service.url);
  const socket = net.connect(port, hostname);
  const lines = [
    `POST /api/v1/matters/${id}/files HTTP/1.1`,
    `Host: ${hostname}`,
    `Authorization: Bearer ${client.token}`,
    "Content-Type: text/plain",
    'Content-Disposition: attachment; filename="slow.txt"',
    `Content-Length: ${length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(lines.join("\r\n") + "\r\n\r\n");
  socket.on("error", () => {});
  const answer = new Promise((resolve) => {
    let text = "";
    socket.on("data", (bytes) => (text += bytes));
    socket.on("close", () => resolve(text));
  });
  return { socket, answer };
}

const passing = () => readdirSync(path.join(service.folder, "files")).filter((name) => name.startsWith(".upload"));

test("a client that goes away in the middle leaves nothing", async () => {
  const id = await makeMatter(owner, "away");
  const upload = slowly(owner, id, 1 << 20);
  upload.socket.write("x".repeat(300 << 10));
  await until(() => passing().length > 0, 5000);
  upload.socket.destroy();
  await until(() => passing().length === 0, 5000);
  assert.deepEqual((await owner.get(`/api/v1/matters/${id}/files`)).body.data, []);
});

test("killed in the middle of uploads, all that was acknowledged is there and nothing else", async () => {
  const id = await makeMatter(owner, "killed");
  const acknowledged = new Map();
  let stop = false;
  const work = async (worker) => {
    for (let i = 0; !stop; i++) {
      const text = `${worker} ${i} `.repeat(20000);
      try {
        const made = await put(owner, id, `${worker}-${i}.txt`, text, "text/plain");
        if (made.status === 201) acknowledged.set(made.body.id, text);
      } catch {
        return;
      }
    }
  };
  for (let round = 0; round < 3; round++) {
    stop = false;
    const workers = [0, 1, 2, 3].map((worker) => work(`${round}${worker}`));
    const held = slowly(owner, id, 1 << 20);
    held.socket.write("y".repeat(400 << 10));
    await until(() => acknowledged.size > 4 * (round + 1) && passing().length > 0, 10000);
    await service.kill();
    stop = true;
    await Promise.all(workers);
    held.socket.destroy();
    await service.restart();
    assert.deepEqual(passing(), []);
  }
  const listed = [];
  for (let next = ""; next !== null; ) {
    const page = await owner.get(`/api/v1/matters/${id}/files?limit=1000${next ? `&after=${next}` : ""}`);
    listed.push(...page.body.data);
    next = page.body.next;
  }
  for (const [file, text] of acknowledged) {
    assert.ok(listed.some((row) => row.id === file), `${file} was acknowledged and is not there`);
    assert.equal((await owner.get(`/api/v1/matters/${id}/files/${file}`)).text, text);
  }
  // A unit may have committed without its answer: whole, too.
  for (const row of listed) assert.equal(hashOf(readFileSync(contentPath(row.hash))), row.hash);
  assert.equal((await service.cli("audit", "verify")).code, 0);
});

test("limits: a large file streams in bounded memory both ways; what is too much is refused", async (t) => {
  // A sanitizer keeps what was freed: that is not the service's memory.
  process.env.ASAN_OPTIONS = `${process.env.ASAN_OPTIONS ?? ""}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64`;
  const small = new Service({
    plugins: service.plugins,
    options: ["--file-max-mb", "100", "--file-quota-mb", "101", "--files-per-record", "2", "--file-types", "txt,svg"],
  });
  t.after(() => small.remove());
  await small.start();
  const user = await small.client("admin", "root");
  const id = await makeMatter(user, "large");
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${small.process.pid}/status`, "utf8"))[1]) * 1024;
  const large = Buffer.alloc(100 << 20, "0123456789abcde\n");
  const before = rss();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, rss())), 10);
  const made = await put(user, id, "large.txt", large, "text/plain");
  assert.equal(made.status, 201, made.text);
  const at = `/api/v1/matters/${id}/files/${made.body.id}`;
  const got = await user.request("GET", at, { raw: true });
  const hash = createHash("sha256");
  for await (const piece of got.body) hash.update(piece);
  clearInterval(watch);
  assert.equal(hash.digest("hex"), hashOf(large));
  assert.equal(made.body.hash, hashOf(large));
  assert.ok(peak - before < 24 << 20, `memory grew by ${(peak - before) >> 20} MiB`);
  const over = await put(user, id, "over.txt", Buffer.alloc((100 << 20) + 1, "x"), "text/plain").catch(() => null);
  if (over) assert.equal(over.status, 413, over.text); // the connection may close while a client still sends
  const much = await put(user, id, "much.txt", Buffer.alloc(2 << 20, "x"), "text/plain");
  assert.equal(much.status, 507, much.text);
  assert.equal(much.body.code, "quota");
  assert.equal((await put(user, id, "a.svg", "<svg/>", "image/svg+xml")).status, 201);
  assert.equal((await put(user, id, "a.pdf", pdf, "application/pdf")).status, 415);
  const third = await put(user, id, "third.txt", "x", "text/plain");
  assert.equal(third.status, 413, third.text);
  assert.equal(third.body.code, "limit");
  const wrong = new Service({ plugins: service.plugins, options: ["--file-types", "pdff"] });
  t.after(() => wrong.remove());
  await assert.rejects(wrong.start(), /no kind of files/);
});
