// Five steps in DBOS: each step's result is a row of its own in PostgreSQL before the next one begins.
import { DBOS } from "@dbos-inc/dbos-sdk";
import { load, stepMs } from "./load.mjs";

const five = DBOS.registerWorkflow(async (i) => {
  let sum = 0;
  for (let step = 1; step <= 5; step++) {
    const begun = performance.now();
    sum += await DBOS.runStep(async () => i + step, { name: `s${step}` });
    stepMs.push(performance.now() - begun);
  }
  return sum;
}, { name: "five" });

DBOS.setConfig({ name: "bench", systemDatabaseUrl: process.env.DATABASE, logLevel: "error", runAdminServer: false });
await DBOS.launch();
await load(async (i) => (await DBOS.startWorkflow(five)(i)).getResult());
await DBOS.shutdown();
process.exit(0);
