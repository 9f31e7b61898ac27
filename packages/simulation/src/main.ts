import { parseArgs } from 'node:util';
import { systemClock } from '@orrery/core';
import { simulate, type SimulationResult } from './simulate.js';

const USAGE = 'Usage: npm run simulate -- [--seed N | --seeds A..B] [--nodes N] [--pods N] [--minutes N] [--json] [--verbose]';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    nodes: { type: 'string', default: '10' },
    pods: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const whole = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new RangeError(`"${text}" is not a whole number. ${USAGE}`);
  return number;
};

const [nodes, pods, minutes] = [whole(values.nodes), whole(values.pods), whole(values.minutes)];
const [first, last = first] = (values.seeds ?? values.seed).split('..').map(whole) as [number, number?];
let failed = 0;
for (let seed = first; seed <= (last ?? first); seed += 1) {
  const log = values.verbose ? (line: string): void => console.error(line) : undefined;
  const result = await simulate({ seed, nodes, pods, minutes, stopwatch: () => systemClock.monotonic(), ...(log && { log }) });
  if (!result.ok) failed += 1;
  console.log(values.json ? JSON.stringify(result) : report(result));
}
process.exitCode = failed === 0 ? 0 : 1;

function report({ ok, seed, violations, traceHash, commits, virtualMs, realMs, tail }: SimulationResult): string {
  const line = `seed ${seed}: ${ok ? 'ok' : 'FAILED'}, ${commits} commits, ${Math.round(virtualMs / 60_000)} virtual minutes in ${(realMs / 1000).toFixed(1)} s, trace ${traceHash.slice(0, 16)}`;
  if (ok) return line;
  const again = `npm run simulate -- --seed ${seed} --nodes ${nodes} --pods ${pods} --minutes ${minutes}`;
  return [line, ...violations.slice(0, 20).map((violation) => `  ${violation}`), '  the last that happened:', ...tail.map((entry) => `    ${entry}`), `  again: ${again}`].join('\n');
}
