// Whoever was told of a write reads it, over any connection, while others' reads share the loop's snapshot.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { Service } from "./service.mjs";

const service = new Service();
let admin;
let maria;
let ids;

before(async () => {
  await service.start();
  admin = await service.client("admin", "root");
  maria = await service.client("manager", "maria");
  const rows = Array.from({ length: 50 }, (_, i) => JSON.stringify({ name: `Ο ${i}`, external_id: `o${i}` }));
  const made = await admin.post("/api/v1/organisations/bulk", rows.join("\n"), { "content-type": "application/x-ndjson" });
  ids = made.text.trim().split("\n").map((line) => JSON.parse(line).id);
});
after(() => service.remove());

// So many reads at once, over connections of their own, that turns of the loop have many.
function hammer(count) {
  const state = { reads: 0, going: true };
  const one = async (n) => {
    while (state.going) {
      const answer = await admin.get(`/api/v1/organisations/${ids[(n + state.reads) % ids.length]}`);
      assert.equal(answer.status, 200, answer.text);
      state.reads++;
    }
  };
  state.ended = Promise.all(Array.from({ length: count }, (_, n) => one(n)));
  state.stop = async () => {
    state.going = false;
    await state.ended;
    return state.reads;
  };
  return state;
}

test("a write that was answered is there for every later read, by id, in lists and in the past", async (t) => {
  const others = hammer(16);
  for (let i = 0; i < 20; i++) {
    const made = await maria.post("/api/v1/organisations", { name: `Νέα ${i}` });
    assert.equal(made.status, 201, made.text);
    const url = `/api/v1/organisations/${made.body.id}`;
    const looks = await Promise.all([admin.get(url), maria.get(url), admin.get(`/api/v1/organisations?filter=${encodeURIComponent(`id[eq]:"${made.body.id}"`)}`)]);
    assert.deepEqual(looks.map((look) => look.status), [200, 200, 200], `round ${i}`);
    assert.equal(looks[2].body.data.length, 1);
    const changed = await maria.patch(url, { industry: `κλάδος ${i}` });
    const read = await admin.get(url);
    assert.deepEqual([read.body.version, read.body.industry], [changed.body.version, `κλάδος ${i}`]);
    assert.equal((await admin.get(`${url}/history`)).body.data.length, 2);
    assert.equal((await maria.delete(url)).status, 204);
    assert.equal((await admin.get(url)).status, 404);
  }
  t.diagnostic(`${await others.stop()} reads beside them`);
});

test("an event that was sent is there to be read, with what it tells of", async () => {
  const others = hammer(12);
  const stream = await admin.request("GET", "/api/v1/events?pattern=organisation.created", { raw: true, headers: { accept: "text/event-stream" } });
  assert.equal(stream.status, 200);
  const reader = stream.body.getReader();
  let text = "";
  let seen = 0;
  for (let i = 0; i < 30; i++) {
    const made = maria.post("/api/v1/organisations", { name: `Γεγονός ${i}` });
    while (seen <= i) {
      text += new TextDecoder().decode((await reader.read()).value);
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end));
        if (data) {
          seen++;
          const read = await admin.get(`/api/v1/organisations/${JSON.parse(data[1]).record}`);
          assert.equal(read.status, 200, read.text);
        }
      }
    }
    await made;
  }
  await reader.cancel();
  await others.stop();
});
