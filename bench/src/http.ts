import { ApiProcess, many } from './http/api-process.js';
import { type BenchResult, median, quantile, rounded, timed } from './measure.js';

const PODS = '/api/v1/namespaces/default/pods';
const MAPS = '/api/v1/namespaces/default/configmaps';
const AT_ONCE = 32;
const [CREATES, GETS, LISTED] = [5_000, 10_000, 10_000];
const [WATCHERS, EVENTS] = [1_000, 200];
const [NODES, BOUND] = [1_000, 10_000];
const RUNS = 3;

const podText = (i: number): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${i}`, labels: { app: 'bench', tier: `t${i % 10}` } }, spec: { containers: [{ name: 'main', image: 'bench:1', resources: { requests: { cpu: '100m', memory: '64Mi' } } }] } });

/** The API through HTTPS on loopback, the client in another process than the server. Medians of three runs; ratios are to what the platform alone does with requests of that size. */
export async function httpBench(): Promise<BenchResult> {
  const runs: Record<string, number>[] = [];
  for (let run = 0; run < RUNS; run += 1) runs.push({ ...(await floor()), ...(await objects()), ...(await watchers()), ...(await bound()) });
  const names = Object.keys(runs[0] ?? {});
  const middle = Object.fromEntries(names.map((name) => [name, rounded(median(runs.map((run) => run[name] as number)))]));
  const ratio = (of: number | undefined, to: number | undefined): number => rounded((of ?? 0) / (to ?? 1));
  return { bench: 'http', metrics: { ...middle, createsToFloor: ratio(middle['createsPerSecond'], middle['floorPerSecond']), getsToFloor: ratio(middle['getsPerSecond'], middle['floorGetsPerSecond']) } };
}

async function floor(): Promise<Record<string, number>> {
  const server = await ApiProcess.start(['floor'], AT_ONCE);
  await many(1_000, AT_ONCE, (i) => server.ask('POST', PODS, podText(i)));
  const ms = await timed(() => many(CREATES, AT_ONCE, (i) => server.ask('POST', PODS, podText(i))));
  const getMs = await timed(() => many(GETS, AT_ONCE, () => server.ask('GET', PODS)));
  await server.stop();
  return { floorPerSecond: (CREATES / ms) * 1000, floorGetsPerSecond: (GETS / getMs) * 1000 };
}

async function objects(): Promise<Record<string, number>> {
  const server = await ApiProcess.start(['objects'], AT_ONCE);
  await many(1_000, AT_ONCE, (i) => server.ask('POST', PODS, podText(LISTED + i)));
  let took: readonly number[] = [];
  const ms = await timed(async () => (took = await many(CREATES, AT_ONCE, (i) => server.ask('POST', PODS, podText(i)))));
  const getMs = await timed(() => many(GETS, AT_ONCE, (i) => server.ask('GET', `${PODS}/pod-${i % CREATES}`)));
  await many(LISTED - CREATES - 1_000, AT_ONCE, (i) => server.ask('POST', PODS, podText(CREATES + i)));
  const before = await server.memory();
  let bytes = 0;
  const lists = [];
  for (let i = 0; i < 3; i += 1) lists.push(await timed(async () => (bytes = (await server.ask('GET', PODS)).length)));
  const after = await server.memory();
  await server.stop();
  return {
    createsPerSecond: (CREATES / ms) * 1000, createP99Ms: quantile(took, 0.99), getsPerSecond: (GETS / getMs) * 1000,
    list10kMs: median(lists), list10kMiB: bytes / 2 ** 20, listPeakMiB: after.peakMiB, listMoreMiB: Math.max(0, after.peakMiB - before.rssMiB),
  };
}

/** Every event goes to all watchers; its lag is from before the request that made it until the last byte of its line was read. */
async function watchers(): Promise<Record<string, number>> {
  const server = await ApiProcess.start(['objects'], AT_ONCE);
  const lags: number[] = [];
  let done!: () => void;
  const all = new Promise<void>((resolve) => (done = resolve));
  const streams = [];
  for (let i = 0; i < WATCHERS; i += 1) {
    const stream = await server.watch(`${MAPS}?watch=true&resourceVersion=0`);
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const now = performance.now();
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const at = line.indexOf('"sent":"');
        if (at >= 0) lags.push(now - Number(line.slice(at + 8, line.indexOf('"', at + 8))));
      }
      if (lags.length === WATCHERS * EVENTS) done();
    });
    streams.push(stream);
  }
  const ms = await timed(async () => {
    await many(EVENTS, 2, (i) => server.ask('POST', MAPS, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${i}` }, data: { sent: String(performance.now()) } })));
    await all;
  });
  for (const stream of streams) stream.destroy();
  await server.stop();
  return { eventsPerSecond: (lags.length / ms) * 1000, watchLagP99Ms: quantile(lags, 0.99), watchLagP50Ms: median(lags) };
}

/** From the first request until the last pod has a node. */
async function bound(): Promise<Record<string, number>> {
  const server = await ApiProcess.start(['cluster', String(NODES)], AT_ONCE);
  const watch = await server.watch(`${PODS}?watch=true&resourceVersion=0&fieldSelector=spec.nodeName%21%3D`);
  let seen = 0;
  const all = new Promise<void>((resolve) => {
    watch.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf('{"type":"ADDED"'); at >= 0; at = chunk.indexOf('{"type":"ADDED"', at + 1)) seen += 1;
      if (seen >= BOUND) resolve();
    });
  });
  const ms = await timed(async () => {
    await many(BOUND, AT_ONCE, (i) => server.ask('POST', PODS, podText(i)));
    await all;
  });
  watch.destroy();
  await server.stop();
  return { boundPodsPerSecond: (BOUND / ms) * 1000 };
}
