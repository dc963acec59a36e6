// Five steps in Restate: each ctx.run is an entry of the server's journal before the next one begins.
import "./node20.mjs";
import * as restate from "@restatedev/restate-sdk";
import { load, stepMs } from "./load.mjs";

const [admin, ingress, port] = [process.env.ADMIN, process.env.INGRESS, Number(process.env.SERVICE_PORT)];

const bench = restate.service({
  name: "bench",
  handlers: {
    five: async (ctx, i) => {
      let sum = 0;
      for (let step = 1; step <= 5; step++) {
        const begun = performance.now();
        sum += await ctx.run(`s${step}`, () => i + step);
        stepMs.push(performance.now() - begun);
      }
      return sum;
    },
  },
});

await restate.serve({ services: [bench], port });
const answer = await fetch(`${admin}/deployments`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ uri: `http://127.0.0.1:${port}` }),
});
if (!answer.ok) {
  throw new Error(await answer.text());
}
await load(async (i) => {
  const response = await fetch(`${ingress}/bench/five`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(i),
  });
  return response.json();
});
process.exit(0);
