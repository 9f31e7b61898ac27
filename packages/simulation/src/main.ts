import { parseArgs } from 'node:util';
import { systemClock } from '@orrery/core';
import { DEFAULT_RATES, type Rates, RUNTIME_RATES } from './faults.js';
import { commandFor, simulate, type SimulationResult } from './simulate.js';

const USAGE = 'Usage: npm run simulate -- [--seed N | --seeds A..B] [--nodes N] [--pods N] [--minutes N] [--rest N] [--lost N] [--weather all|runtime] [--fault NAME=RATE]… [--json] [--verbose]';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    nodes: { type: 'string', default: '10' },
    pods: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '10' },
    rest: { type: 'string', default: '10' },
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

const [nodes, pods, minutes, restMinutes, lost] = [whole(values.nodes), whole(values.pods), whole(values.minutes), whole(values.rest), whole(values.lost)];
if (values.weather !== 'all' && values.weather !== 'runtime') throw new RangeError(`"${values.weather}" is not a weather. ${USAGE}`);
const faults: Partial<Rates> = { ...(values.weather === 'runtime' && RUNTIME_RATES), ...Object.fromEntries(values.fault.map(rateOf)) };
const [first, last = first] = (values.seeds ?? values.seed).split('..').map(whole) as [number, number?];
let failed = 0;
for (let seed = first; seed <= (last ?? first); seed += 1) {
  const log = values.verbose ? (line: string): void => console.error(line) : undefined;
  const result = await simulate({ seed, nodes, pods, minutes, restMinutes, lost, faults, stopwatch: () => systemClock.monotonic(), ...(log && { log }) });
  if (!result.ok) failed += 1;
  console.log(values.json ? JSON.stringify(result) : report(result));
}
process.exitCode = failed === 0 ? 0 : 1;

function report({ ok, seed, violations, traceHash, commits, virtualMs, realMs, tail }: SimulationResult): string {
  const line = `seed ${seed}: ${ok ? 'ok' : 'FAILED'}, ${commits} commits, ${Math.round(virtualMs / 60_000)} virtual minutes in ${(realMs / 1000).toFixed(1)} s, trace ${traceHash.slice(0, 16)}`;
  if (ok) return line;
  const again = `  again: ${commandFor({ seed, nodes, pods, minutes, restMinutes, lost, faults })}`;
  return [line, ...violations.slice(0, 20).map((violation) => `  ${violation}`), '  the last that happened:', ...tail.map((entry) => `    ${entry}`), again].join('\n');
}
