import { parseArgs } from 'node:util';
import type { BenchResult } from './measure.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, nodes: { type: 'string', default: '5000' }, pods: { type: 'string', default: '10000' } },
});

const count = (text: string, name: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new RangeError(`--${name} takes a whole number of at least 1, not ${JSON.stringify(text)}`);
  return number;
};

/** Every benchmark, loaded when asked for. */
const benches: Readonly<Record<string, () => Promise<BenchResult>>> = {
  startup: async () => (await import('./startup.js')).startupBench(),
  heal: async () => (await import('./heal.js')).healBench(),
  spawn: async () => (await import('./spawn.js')).spawnBench(),
  schedule: async () => (await import('./schedule.js')).scheduleBench({ nodes: count(values.nodes, 'nodes'), pods: count(values.pods, 'pods') }),
  proxy: async () => (await import('./proxy.js')).proxyBench(),
  store: async () => (await import('./store.js')).storeBench(),
  docker: async () => (await import('./docker.js')).dockerBench(),
  controllers: async () => (await import('./controllers.js')).controllersBench(),
  http: async () => (await import('./http.js')).httpBench(),
  contention: async () => (await import('./contention.js')).contentionBench(),
};

const [name = ''] = positionals;
const bench = benches[name];
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- <${Object.keys(benches).join(' | ')}> [--json] [--nodes N] [--pods N]\n`);
  process.exit(2);
}
const result = await bench();
if (!values.json) for (const [metric, value] of Object.entries(result.metrics)) process.stdout.write(`${metric.padEnd(28)} ${value}\n`);
process.stdout.write(`${JSON.stringify(result)}\n`);
