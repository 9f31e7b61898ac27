import { parseArgs } from 'node:util';
import { systemClock } from '@orrery/core';
import { type EngineName, ENGINES } from './rigs/index.js';
import { type ChaosResult, runChaos } from './run.js';

const USAGE = `Usage: npm run chaos -- --store ${Object.keys(ENGINES).join('|')} [--minutes N] [--seed N] [--json]`;

const { values } = parseArgs({
  options: { store: { type: 'string', default: 'redis' }, minutes: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' }, json: { type: 'boolean', default: false } },
});

if (!Object.hasOwn(ENGINES, values.store)) throw new RangeError(`"${values.store}" is not a store. ${USAGE}`);
const engine = values.store as EngineName;
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || minutes > 1_440 || !Number.isInteger(seed) || seed < 0) throw new RangeError(`--minutes takes a number above 0, --seed a whole number. ${USAGE}`);

const result = await runChaos({ engine, seed, lastsMs: minutes * 60_000, clock: systemClock, log: (line) => (values.json ? undefined : console.log(line)) });
const { violations, faultsByKind, leftOut, mayLose, ...counts } = result;
if (!values.json) report(result);
else for (const violation of violations.slice(0, 20)) console.error(violation);
console.log(JSON.stringify({ chaos: engine, seed, metrics: { ...counts, violations: violations.length, mayLose, faultsByKind, leftOut: leftOut.length } }));
process.exitCode = violations.length === 0 ? 0 : 1;

function report({ violations: found, faultsByKind: kinds, mayLose: allowed, ...rest }: ChaosResult): void {
  const line = (name: string, value: string | number): void => console.log(`${name.padEnd(20)} ${value}`);
  line('operations', `${rest.operations} (commits acknowledged ${rest.acknowledged}, refused ${rest.refused}, outcome unknown ${rest.unknown}; calls unavailable ${rest.unavailable})`);
  line('watch events', `${rest.watchEvents}, watches opened again ${rest.watchesReopened}`);
  line('faults', `${rest.faults} (${Object.entries(kinds).map(([kind, count]) => `${kind} ${count}`).join(', ')})`);
  line('settled after', `${rest.settledMs} ms`);
  line('keys checked', `${rest.keys}, undecided ${rest.undecided}`);
  line('lost acknowledged', `${rest.lostAcknowledged} (${allowed ? 'this mode may lose, and must declare it' : 'this mode promises 0'}; losses declared by stores: ${rest.declaredLosses})`);
  line('violations', found.length);
  for (const violation of found.slice(0, 20)) console.log(`  ${violation}`);
}
