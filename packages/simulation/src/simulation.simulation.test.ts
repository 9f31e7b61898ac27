import { describe, expect, it } from 'vitest';
import { simulate, type SimulationOptions } from './simulate.js';

/** Clusters of ten nodes; then the whole size. The same seeds on every run: a failure repeats. */
const SMALL = { nodes: 10, pods: 60, minutes: 4 };
const FULL = { nodes: 100, pods: 1_000, minutes: 10 };

async function holds(options: SimulationOptions): Promise<void> {
  const { ok, violations, tail } = await simulate(options);
  const again = `npm run simulate -- --seed ${options.seed} --nodes ${options.nodes} --pods ${options.pods} --minutes ${options.minutes}`;
  const report = [`seed ${options.seed} failed; again: ${again}`, ...violations.slice(0, 20), 'the last that happened:', ...tail].join('\n  ');
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
});

describe('a run repeats', () => {
  it('gives the same trace for the same seed, and another for another', async () => {
    const [first, second, other] = [await simulate({ seed: 7, ...SMALL }), await simulate({ seed: 7, ...SMALL }), await simulate({ seed: 8, ...SMALL })];
    expect(second.traceHash).toBe(first.traceHash);
    expect(other.traceHash).not.toBe(first.traceHash);
  });
});
