// Object types of a test plugin hold a real trading company's orders; the figures are known from outside.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { Service, dataFolder, root } from "./service.mjs";

const dump = `
import csv, sqlite3, sys
base = sqlite3.connect(sys.argv[1])
out = csv.writer(sys.stdout)
rows = base.execute(sys.argv[2])
out.writerow([column[0] for column in rows.description])
out.writerows(rows)
`;
const queries = {
  customer: "select CustomerID as external_id, CompanyName as name, City as city, Country as country from Customers",
  sales_order:
    "select OrderID as external_id, CustomerID as customer, substr(OrderDate,1,10) as ordered_on," +
    " substr(RequiredDate,1,10) as required_on, substr(ShippedDate,1,10) as shipped_on, Freight as freight from Orders",
};

// The same traps in small: an order not shipped, one late, one for nobody.
const small = {
  customer: "external_id,name,city,country\nALFKI,Alfreds Futterkiste,Berlin,Germany\nΑΘΗΝΑ,Ελαιώνας ΑΕ,Αθήνα,Greece\n",
  sales_order:
    "external_id,customer,ordered_on,required_on,shipped_on,freight\n1,ALFKI,2017-01-02,2017-01-30,2017-01-05,12.5\n" +
    "2,ALFKI,2017-01-03,2017-01-10,2017-01-12,3.25\n3,ΑΘΗΝΑ,2017-02-01,2017-02-20,,0\n4,NOBODY,2017-02-01,2017-02-20,,1\n",
};

function table(name) {
  const file = path.join(dataFolder, "northwind/northwind.sqlite");
  return execFileSync("python3", ["-c", dump, file, queries[name]], { encoding: "utf8", maxBuffer: 64 << 20 });
}

async function importAll(client, source) {
  const customers = await client.import("customer", source.customer);
  const map = { columns: { customer: { field: "customer", ref: "external_id" } } };
  const orders = await client.import("sales_order", source.sales_order, { map });
  return { customers: customers.body, orders: orders.body };
}

async function figures(client) {
  const count = async (filter) => {
    const target = `/api/v1/sales_orders/aggregate?measure=count${filter ? `&filter=${encodeURIComponent(filter)}` : ""}`;
    return (await client.get(target)).body.data[0].count;
  };
  return {
    orders: await count(""),
    shipped: await count("shipped_on[is]:not_null"),
    late: await count("late[eq]:true"),
    german: await count('customer.country[eq]:"Germany"'),
  };
}

test("a small company: what fails is named, the rest is kept", async (t) => {
  const service = await new Service({ plugins: path.join(root, "tests/fixtures/plugins") }).start();
  t.after(() => service.remove());
  const client = await service.client("admin");
  const { customers, orders } = await importAll(client, small);
  assert.equal(customers.counts.created, 2);
  assert.equal(orders.counts.created, 3);
  assert.equal(orders.counts.failed, 1);
  const errors = await client.get(`/api/v1/jobs/${orders.id}/errors`);
  assert.match(errors.text, /NOBODY/);
  assert.deepEqual(await figures(client), { orders: 3, shipped: 2, late: 1, german: 2 });
  const refused = await client.post("/api/v1/sales_orders", { ordered_on: "2017-05-01", shipped_on: "2017-04-01" });
  assert.equal(refused.status, 422);
  assert.equal(refused.body.code, "rule");
  assert.equal(await service.stop(), 0);
});

test("830 orders, 809 shipped, 37 late", { skip: dataFolder ? false : "needs the real data" }, async (t) => {
  const service = await new Service({ plugins: path.join(root, "tests/fixtures/plugins") }).start();
  t.after(() => service.remove());
  const client = await service.client("admin");
  const source = { customer: table("customer"), sales_order: table("sales_order") };
  const { orders } = await importAll(client, source);
  assert.equal(orders.counts.failed, 0, JSON.stringify(orders));
  const found = await figures(client);
  assert.equal(found.orders, 830);
  assert.equal(found.shipped, 809);
  assert.equal(found.late, 37);
});
