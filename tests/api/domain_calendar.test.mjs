// Meetings, invitations and calendars as a person uses them over HTTP and the command line; each invitation as a real mail server got it,
// read by two programs that are not ours: ical.js and libical.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import ICAL from "ical.js";
import { Service, root, until } from "./service.mjs";

const SMTP = 7971;
const service = new Service({ options: ["--smtp-url", `smtp://127.0.0.1:${SMTP}`, "--smtp-plain", "--mail-from", "Proxenos <desk@example.com>"] });
const mails = [];
let smtp;
let admin; // nikos, who organises
let eleni;
let nikos;

before(async () => {
  smtp = spawn("/usr/bin/python3", [path.join(root, "tests/api/smtp.py"), String(SMTP)], { stdio: ["pipe", "pipe", "inherit"] });
  let ready = false;
  let rest = "";
  smtp.stdout.on("data", (bytes) => {
    const parts = (rest + bytes).split("\n");
    rest = parts.pop();
    for (const line of parts.map((one) => JSON.parse(one))) {
      ready ||= line.ready;
      if (line.headers) mails.push(line);
    }
  });
  await until(() => ready, 20000);
  await service.start();
  admin = await service.client("admin", "nikos");
  eleni = await service.client("manager", "eleni");
  for (const [name, label] of [["nikos", "Νίκος Λέκκας"], ["eleni", "Ελένη Ρήγα"]]) {
    const user = (await admin.get(`/api/v1/users?filter=name[eq]:"${name}"`)).body.data[0];
    const set = await admin.patch(`/api/v1/users/${user.id}`, { email: `${name}@example.com`, label });
    assert.equal(set.status, 200, set.text);
    if (name === "nikos") nikos = user.id;
  }
});
after(async () => {
  await service.remove();
  smtp.stdin.end();
});

const make = async (path, fields, client = admin) => {
  const made = await client.post(`/api/v1/${path}`, fields);
  assert.equal(made.status, 201, made.text);
  return made.body;
};
const to = (address) => mails.filter((mail) => mail.to.includes(address));
const arrived = (address, count = 1) => until(() => to(address).length >= count && to(address)[count - 1], 20000);

// The file of an invitation, and what ical.js and libical make of it.
function read(mail) {
  const part = mail.parts.find((one) => one.type === "text/calendar");
  const attached = mail.parts.find((one) => one.filename === "invite.ics");
  assert.equal(part.text, attached.text, "the part and the file are the same calendar");
  const calendar = new ICAL.Component(ICAL.parse(part.text));
  const events = calendar.getAllSubcomponents("vevent").map((one) => new ICAL.Event(one));
  const method = calendar.getFirstPropertyValue("method");
  assert.equal(part.method, method);
  const other = JSON.parse(execFileSync("/usr/bin/python3", [path.join(root, "tests/api/libical.py")], { input: part.text }));
  assert.deepEqual([other.read, other.errors, other.restrictions], [true, 0, true], part.text);
  assert.deepEqual(other.events.map((one) => [one.uid, one.summary]), events.map((one) => [one.uid, one.summary]));
  return { text: part.text, method, event: events[0], component: events[0].component };
}

let anna;
let meeting;

test("T1 S1 S4 a meeting is made with who attends, and told what is in its way", async () => {
  anna = await make("people", { name: "Άννα Παπαδοπούλου", email: "anna@example.com", language: "el" });
  const closed = await make("people", { name: "Closed", email: "closed@example.com", do_not_contact: true });
  const silent = await make("people", { name: "Silent" });
  const fields = { subject: "Ανάγκες, 2027; σχέδιο", at: "2027-03-22T08:00:00Z", ends_at: "2027-03-22T09:00:00Z", rrule: "FREQ=WEEKLY;COUNT=3",
    location: "Αθήνα", agenda: "1. Τιμές\n2. Χρόνοι", teleconference: true, reminder_minutes: 15 };
  const made = await admin.post("/x/relations/meetings", { meeting: fields, people: [anna.id, closed.id, silent.id] });
  assert.equal(made.status, 201, made.text);
  meeting = made.body.meeting;
  assert.equal(meeting.organizer, nikos);
  assert.match(meeting.join_url, /^https:\/\/meet\.jit\.si\/[0-9a-f]{32}$/);
  assert.deepEqual(made.body.warnings.conflicts, []);
  const clash = await admin.post("/x/relations/meetings", { meeting: { subject: "Clash", at: "2027-03-29T07:30:00Z", ends_at: "2027-03-29T08:30:00Z" } });
  assert.equal(clash.body.warnings.conflicts[0].meeting, meeting.id, "its second time is an hour earlier in UTC, since the clocks changed");
  assert.equal((await admin.delete(`/api/v1/interactions/${clash.body.meeting.id}`)).status, 204);

  const wrong = await admin.post("/x/relations/meetings", { meeting: { ...fields, rrule: "FREQ=SOMETIMES" } });
  assert.deepEqual([wrong.status, wrong.body.code, wrong.body.errors[0].pointer], [422, "refused", "/rrule"]);
  const backwards = await admin.post("/api/v1/interactions", { kind: "meeting", ...fields, ends_at: "2027-03-22T07:00:00Z" });
  assert.deepEqual([backwards.status, backwards.body.errors[0].code], [422, "rule"]);
});

test("T1 S3 an invitation is a mail that others can read; who may not be written to is named", async () => {
  const sent = await admin.post(`/x/relations/meetings/${meeting.id}/invite`, {});
  assert.equal(sent.status, 200, sent.text);
  assert.equal(sent.body.sent, 1);
  assert.deepEqual(sent.body.skipped.map((one) => one.reason).sort(), ["do_not_contact", "no_email"]);
  const mail = await arrived("anna@example.com");
  assert.equal(mail.headers.subject, "Πρόσκληση: Ανάγκες, 2027; σχέδιο");
  assert.equal(mail.headers["reply-to"], "nikos@example.com");
  assert.match(mail.text, /22\/03\/2027 10:00/);
  const { method, event, component, text } = read(mail);
  assert.deepEqual([method, event.uid, event.sequence, event.summary], ["REQUEST", meeting.uid, 0, meeting.subject]);
  assert.match(event.description, /1\. Τιμές\n2\. Χρόνοι/);
  assert.equal(component.getFirstPropertyValue("organizer"), "mailto:nikos@example.com");
  const attendee = component.getFirstProperty("attendee");
  assert.deepEqual([attendee.getFirstValue(), attendee.getParameter("rsvp"), attendee.getParameter("partstat")], ["mailto:anna@example.com", "TRUE", "NEEDS-ACTION"]);
  assert.ok(text.split("\r\n").every((line) => Buffer.byteLength(line) <= 75));
  // The times that ical.js finds, with the VTIMEZONE that came along.
  ICAL.TimezoneService.register(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent("vtimezone"));
  const again = new ICAL.Event(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent("vevent"));
  const times = [];
  const iterator = again.iterator();
  for (let next; (next = iterator.next()); ) times.push(next.toJSDate().toISOString());
  assert.deepEqual(times, ["2027-03-22T08:00:00.000Z", "2027-03-29T07:00:00.000Z", "2027-04-05T07:00:00.000Z"]);
  assert.equal(to("closed@example.com").length, 0);
});

const reply = (changes = {}) => {
  const { uid = meeting.uid, sequence = 0, partstat = "ACCEPTED", email = "anna@example.com", stamp = "20270101T080000Z", method = "REPLY" } = changes;
  return `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:${method}\r\nBEGIN:VEVENT\r\nUID:${uid}\r\nSEQUENCE:${sequence}\r\nDTSTAMP:${stamp}\r\nATTENDEE;PARTSTAT=${partstat}:MAILTO:${email}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;
};
const answer = (changes) => admin.request("POST", "/x/relations/calendar/replies", { body: reply(changes), headers: { "content-type": "text/calendar" } });
const partstat = async () => (await admin.get(`/api/v1/attendances?filter=person[eq]:"${anna.id}"`)).body.data[0].partstat;

test("T1 an answer is taken; one that fits nothing is refused with its place", async () => {
  const taken = await answer();
  assert.equal(taken.status, 200, taken.text);
  assert.equal(await partstat(), "accepted");
  for (const [changes, place] of [[{ uid: "x" }, "UID"], [{ email: "eve@example.com" }, "ATTENDEE"], [{ partstat: "HAPPY" }, "ATTENDEE"], [{ stamp: "20200101T000000Z" }, "DTSTAMP"]]) {
    const refused = await answer(changes);
    assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, `1.VEVENT.1.${place}`], refused.text);
  }
  assert.equal(await partstat(), "accepted");
});

test("T1 S1 a change of the hours raises SEQUENCE and asks again; of the place it is told; nothing is sent twice", async () => {
  const place = await admin.patch(`/api/v1/interactions/${meeting.id}`, { location: "Πειραιάς" });
  assert.equal(place.body.sequence, 0);
  assert.equal(read(await arrived("anna@example.com", 2)).event.location, "Πειραιάς");
  assert.equal(await partstat(), "accepted");
  await admin.patch(`/api/v1/interactions/${meeting.id}`, { at: "2027-03-23T08:00:00Z", ends_at: "2027-03-23T09:00:00Z" });
  const third = read(await arrived("anna@example.com", 3));
  assert.deepEqual([third.method, third.event.sequence], ["REQUEST", 1]);
  assert.equal(await partstat(), "needs_action");
  assert.equal((await answer({ sequence: 0, stamp: "20270102T080000Z" })).body.errors[0].pointer, "1.VEVENT.1.SEQUENCE");
  assert.equal((await answer({ sequence: 1, partstat: "TENTATIVE", stamp: "20270102T080000Z" })).status, 200);
  await admin.patch(`/api/v1/interactions/${meeting.id}`, { outcome: "none of their business" });
  const listed = await service.cli("meeting", "invite", meeting.id);
  assert.match(listed.stdout, /invitations sent: 0/);
  assert.equal(to("anna@example.com").length, 3);
});

test("T1 who attends no longer, and a cancelled meeting, are told so", async () => {
  const vassilis = await make("people", { name: "Vassilis", email: "vassilis@example.com" });
  const row = await make("attendances", { interaction: meeting.id, person: vassilis.id });
  assert.equal(read(await arrived("vassilis@example.com")).component.getAllProperties("attendee").length, 3);
  assert.equal((await admin.delete(`/api/v1/attendances/${row.id}`)).status, 204);
  const gone = read(await arrived("vassilis@example.com", 2));
  assert.deepEqual([gone.method, gone.component.getFirstPropertyValue("status")], ["CANCEL", "CANCELLED"]);
  const refused = await admin.delete(`/api/v1/interactions/${meeting.id}`);
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, "/status"]);
  await admin.patch(`/api/v1/interactions/${meeting.id}`, { status: "cancelled" });
  const cancelled = read(await arrived("anna@example.com", 4));
  assert.deepEqual([cancelled.method, cancelled.event.sequence], ["CANCEL", 2]);
  assert.equal(to("vassilis@example.com").length, 2);
  assert.equal((await admin.post(`/x/relations/meetings/${meeting.id}/invite`, {})).status, 422);
});

test("S1 a private address shows one's own and nothing else, until it is renewed or ended", async () => {
  await make("interactions", { kind: "meeting", subject: "Mine", at: new Date(Date.now() + 864e5).toISOString(), reminder_minutes: 10 }, eleni);
  await make("interactions", { kind: "meeting", subject: "Another's", at: new Date(Date.now() + 864e5).toISOString() });
  const { path: address } = (await eleni.post("/x/relations/calendar/feed", {})).body;
  const got = await fetch(service.url + address);
  const text = await got.text();
  assert.equal(got.status, 200, text);
  assert.match(got.headers.get("content-type"), /^text\/calendar/);
  const events = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents("vevent").map((one) => new ICAL.Event(one).summary);
  assert.deepEqual(events, ["Mine"]);
  const again = await fetch(service.url + address, { headers: { "if-none-match": got.headers.get("etag") } });
  assert.equal(again.status, 304);
  const renewed = (await service.cli("calendar", "feed")).stdout.trim(); // the operator's own, not hers
  assert.notEqual(renewed, address);
  assert.equal((await fetch(service.url + address)).status, 200);
  const second = (await eleni.post("/x/relations/calendar/feed", {})).body.path;
  assert.equal((await fetch(service.url + address)).status, 404);
  assert.equal((await fetch(service.url + second, { method: "POST" })).status, 405);
  assert.equal((await eleni.delete("/x/relations/calendar/feed")).status, 204);
  assert.equal((await fetch(service.url + second)).status, 404);
});

test("S1 colleagues see that somebody is busy, and no more; Greek holidays stand in the calendar", async () => {
  await make("interactions", { kind: "meeting", subject: "Confidential", at: "2027-05-04T08:00:00Z", ends_at: "2027-05-04T09:30:00Z" });
  const query = `user=${nikos}&from=2027-05-01&to=2027-05-08`;
  const busy = await eleni.get(`/x/relations/freebusy?${query}`);
  assert.deepEqual(busy.body.busy, [{ from: "2027-05-04T08:00:00.000Z", to: "2027-05-04T09:30:00.000Z" }]);
  const file = await eleni.get(`/x/relations/freebusy?${query}&format=ics`);
  assert.ok(!file.text.includes("Confidential"));
  const found = new ICAL.Component(ICAL.parse(file.text)).getFirstSubcomponent("vfreebusy").getFirstPropertyValue("freebusy");
  assert.equal(found.start.toString(), "2027-05-04T08:00:00Z");
  const on = await admin.get("/x/relations/calendar?from=2027-05-01&to=2027-05-08&language=el");
  assert.ok(on.body.holidays.some((one) => one.name === "Δευτέρα του Πάσχα" || one.date === "2027-05-03"), on.text);
  assert.equal((await eleni.get("/x/relations/freebusy?from=2027-05-01&to=2029-05-08")).status, 422);
  assert.match((await service.cli("calendar", "2027-05-01", "--format", "csv")).stdout, /2027-05-03/);
});

const load = (text, client = admin) => client.request("POST", "/x/relations/calendar/import", { body: text, headers: { "content-type": "text/calendar" } });

test("S1 files of other programs come in, or say where they are wrong; the whole can be taken back", async () => {
  const text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:in-1\r\nDTSTART:20270601T080000Z\r\nSUMMARY:One\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:in-2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  const { body } = await load(text);
  assert.deepEqual([body.events, body.created, body.refused.map((one) => one.pointer)], [2, 1, ["1.VEVENT.2.DTSTART"]]);
  const count = async () => (await admin.get('/api/v1/interactions?filter=uid[eq]:"in-1"')).body.data.length;
  assert.equal(await count(), 1);
  const reverted = await admin.post(`/api/v1/changesets/${body.changeset}/revert`, {});
  assert.ok(reverted.status < 300, reverted.text);
  assert.equal(await until(async () => (await count()) === 0), true);
  const wrong = await load("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART:soon\r\n");
  assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [422, "line 4"]);
});

test("S1 each file of the collection comes in or is refused with its place", { skip: !process.env.PROXENOS_TEST_DATA }, async () => {
  const folder = path.join(process.env.PROXENOS_TEST_DATA, "vcard-ical/ics");
  assert.ok(existsSync(folder));
  const tally = { files: 0, refused_files: 0, events: 0, taken: 0, refused: 0 };
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".ics"))) {
    const got = await load(readFileSync(path.join(folder, name)));
    tally.files++;
    if (got.status !== 200) {
      assert.equal(got.status, 422, `${name}: ${got.text}`);
      assert.match(got.body.errors?.[0]?.pointer ?? "", /^line \d+$|^\/file$/, `${name}: ${got.text}`);
      tally.refused_files++;
      continue;
    }
    tally.events += got.body.events;
    tally.taken += got.body.created + got.body.updated;
    tally.refused += got.body.refused.length;
    assert.equal(got.body.events, got.body.created + got.body.updated + got.body.refused.length, `${name}: ${got.text.slice(0, 500)}`);
    assert.ok(got.body.refused.every((one) => one.pointer && one.detail), name);
  }
  console.log(`calendar files: ${JSON.stringify(tally)}`);
  assert.ok(tally.taken > 20);
});
