import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '@orrery/core';
import { SHAPES } from './autoscaling/load.js';
import { DEFAULT_RATES, type Rates, RUNTIME_RATES } from './faults.js';
import { commandFor, simulate, type SimulationOptions, type SimulationResult } from './simulate.js';
import { soak } from './soak.js';
import { autoscalerCommandFor, simulateAutoscaler } from './simulate-autoscaler.js';
import { mixedCommandFor, simulateMixed } from './simulate-mixed.js';
import { planesCommandFor, simulatePlanes } from './simulate-planes.js';
import { openSoakStore, SOAK_STORES } from './soak-store.js';

const USAGE = `Usage: npm run simulate -- [--seed N | --seeds A..B] [--nodes N] [--pods N] [--minutes N] [--rest N] [--lost N] [--weather all|runtime] [--fault NAME=RATE]… [--json] [--verbose]
       npm run simulate -- --planes N [--seed N | --seeds A..B] [--nodes N] [--pods N] [--minutes N] [--fault NAME=RATE]… [--json] [--verbose]
       npm run simulate -- --mixed [--seed N | --seeds A..B] [--nodes N] [--minutes N] [--rest N] [--fault NAME=RATE]… [--fast] [--json] [--verbose]
       npm run simulate -- --autoscaler [--seed N | --seeds A..B] [--nodes N] [--json] [--verbose]
       npm run simulate -- --soak [--store ${SOAK_STORES.join('|')}] [--seed N] [--nodes N] [--minutes N]`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    soak: { type: 'boolean', default: false },
    store: { type: 'string', default: 'memory' },
    mixed: { type: 'boolean', default: false },
    autoscaler: { type: 'boolean', default: false },
    fast: { type: 'boolean', default: false },
    planes: { type: 'string' },
    nodes: { type: 'string' },
    pods: { type: 'string' },
    minutes: { type: 'string' },
    rest: { type: 'string' },
    lost: { type: 'string', default: '0' },
    weather: { type: 'string', default: 'all' },
    fault: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const whole = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new RangeError(`"${text}" is not a whole number. ${USAGE}`);
  return number;
};

/** `storeSlow=0.1`: one of the names of {@link Rates}. */
function rateOf(text: string): [keyof Rates, number] {
  const [name = '', value = ''] = text.split('=');
  const rate = Number(value);
  if (!Object.hasOwn(DEFAULT_RATES, name) || value === '' || !Number.isFinite(rate) || rate < 0) {
    throw new RangeError(`"${text}" is not NAME=RATE with one of the names ${Object.keys(DEFAULT_RATES).join(', ')}. ${USAGE}`);
  }
  return [name as keyof Rates, rate];
}

/** One cluster after the other; false when one broke a promise. */
async function simulateAll(): Promise<boolean> {
  const [nodes, pods, minutes, restMinutes, lost] = [whole(values.nodes ?? '10'), whole(values.pods ?? '60'), whole(values.minutes ?? '10'), whole(values.rest ?? '10'), whole(values.lost)];
  if (values.weather !== 'all' && values.weather !== 'runtime') throw new RangeError(`"${values.weather}" is not a weather. ${USAGE}`);
  const faults: Partial<Rates> = { ...(values.weather === 'runtime' && RUNTIME_RATES), ...Object.fromEntries(values.fault.map(rateOf)) };
  return eachSeed(async (seed, watching) => {
    const options = { seed, nodes, pods, minutes, restMinutes, lost, faults };
    return [await simulate({ ...options, ...watching }), commandFor(options)];
  });
}

/** The same with several control planes on one store. */
async function simulateAllPlanes(planes: number): Promise<boolean> {
  const [nodes, pods, minutes] = [whole(values.nodes ?? '4'), whole(values.pods ?? '20'), whole(values.minutes ?? '3')];
  const faults: Partial<Rates> = Object.fromEntries(values.fault.map(rateOf));
  return eachSeed(async (seed, watching) => {
    const options = { seed, planes, nodes, pods, minutes, faults };
    return [await simulatePlanes({ ...options, ...watching }), planesCommandFor(options)];
  });
}

/** The same with workloads of every kind. */
async function simulateAllMixed(): Promise<boolean> {
  const [nodes, minutes, restMinutes] = [whole(values.nodes ?? '3'), whole(values.minutes ?? '2'), whole(values.rest ?? '1')];
  const faults: Partial<Rates> = Object.fromEntries(values.fault.map(rateOf));
  return eachSeed(async (seed, watching) => {
    const options = { seed, nodes, minutes, restMinutes, faults };
    return [await simulateMixed({ ...options, ...watching, fingerprint: !values.fast }), mixedCommandFor(options)];
  });
}

/** An hour of an autoscaler under each shape of load. */
async function simulateAllAutoscalers(): Promise<boolean> {
  const nodes = whole(values.nodes ?? '3');
  const outcomes: boolean[] = [];
  for (const shape of SHAPES) outcomes.push(await eachSeed(async (seed, watching) => [await simulateAutoscaler({ seed, shape, nodes, ...watching }), autoscalerCommandFor({ seed, nodes })]));
  return outcomes.every((ok) => ok);
}

type Watching = Pick<SimulationOptions, 'log' | 'stopwatch'>;

/** Runs every seed and prints what came of it; false when one broke a promise. */
async function eachSeed(run: (seed: number, watching: Watching) => Promise<readonly [SimulationResult, string]>): Promise<boolean> {
  const [first, last = first] = (values.seeds ?? values.seed).split('..').map(whole) as [number, number?];
  const watching: Watching = { stopwatch: () => systemClock.monotonic(), ...(values.verbose && { log: (line: string) => console.error(line) }) };
  let failed = 0;
  for (let seed = first; seed <= (last ?? first); seed += 1) {
    const [result, command] = await run(seed, watching);
    if (!result.ok) failed += 1;
    console.log(values.json ? JSON.stringify(result) : report(result, command));
  }
  return failed === 0;
}

/** Hours of one cluster, with what it held all along as JSON; false when something grew. */
async function soakOne(): Promise<boolean> {
  const kind = SOAK_STORES.find((name) => name === values.store);
  if (kind === undefined) throw new RangeError(`"${values.store}" is not one of ${SOAK_STORES.join(', ')}. ${USAGE}`);
  const folder = mkdtempSync(join(tmpdir(), 'orrery-soak-'));
  try {
    const store = await openSoakStore(kind, folder);
    const result = await soak({ seed: whole(values.seed), store, ...(values.nodes !== undefined && { nodes: whole(values.nodes) }), ...(values.minutes !== undefined && { minutes: whole(values.minutes) }) });
    console.log(JSON.stringify({ store: kind, ...result }, undefined, 2));
    return result.problems.length === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = (await (values.soak ? soakOne() : values.mixed ? simulateAllMixed() : values.autoscaler ? simulateAllAutoscalers() : values.planes !== undefined ? simulateAllPlanes(whole(values.planes)) : simulateAll())) ? 0 : 1;

function report({ ok, seed, violations, traceHash, commits, virtualMs, realMs, tail }: SimulationResult, command: string): string {
  const line = `seed ${seed}: ${ok ? 'ok' : 'FAILED'}, ${commits} commits, ${Math.round(virtualMs / 60_000)} virtual minutes in ${(realMs / 1000).toFixed(1)} s, trace ${traceHash.slice(0, 16)}`;
  if (ok) return line;
  return [line, ...violations.slice(0, 20).map((violation) => `  ${violation}`), '  the last that happened:', ...tail.map((entry) => `    ${entry}`), `  again: ${command}`].join('\n');
}
