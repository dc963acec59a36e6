// The load that both peers get: COUNT flows, CONCURRENCY at once; figures as one line of JSON.
const count = Number(process.env.COUNT ?? 2000);
const concurrency = Number(process.env.CONCURRENCY ?? 64);

export const stepMs = [];

const part = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

export async function load(flow) {
  const flowMs = [];
  let next = 0;
  const worker = async (total) => {
    while (next < total) {
      const i = next++;
      const begun = performance.now();
      const sum = await flow(i);
      if (sum !== 5 * i + 15) {
        throw new Error(`flow ${i} gave ${sum}`);
      }
      flowMs.push(performance.now() - begun);
    }
  };
  const run = (total) => {
    next = 0;
    return Promise.all(Array.from({ length: concurrency }, () => worker(total)));
  };
  await run(Math.min(count, 200)); // warm
  flowMs.length = stepMs.length = 0;
  const begun = performance.now();
  await run(count);
  const seconds = (performance.now() - begun) / 1000;
  flowMs.sort((a, b) => a - b);
  stepMs.sort((a, b) => a - b);
  console.log(JSON.stringify({
    rate: count / seconds,
    flow_p50: part(flowMs, 0.5),
    flow_p99: part(flowMs, 0.99),
    step_p50: part(stepMs, 0.5),
    step_p99: part(stepMs, 0.99),
    mb: process.memoryUsage().rss / 1e6,
  }));
}
