import { describe, expect, it } from 'vitest';
import { mixedCommandFor, type MixedOptions, simulateMixed } from './simulate-mixed.js';

async function holds(options: MixedOptions): Promise<void> {
  const { ok, violations, tail } = await simulateMixed(options);
  const report = [`seed ${options.seed} failed; again: ${mixedCommandFor(options)}`, ...violations.slice(0, 20), 'the last that happened:', ...tail].join('\n  ');
  expect(ok, report).toBe(true);
}

describe('a mix of all workloads in bad weather keeps its promises', () => {
  for (let seed = 1; seed <= 5; seed += 1) it(`seed ${seed}`, () => holds({ seed }));

  it('gives the same trace for the same seed', async () => {
    const [first, second] = [await simulateMixed({ seed: 11, minutes: 1 }), await simulateMixed({ seed: 11, minutes: 1 })];
    expect(second.traceHash).toBe(first.traceHash);
  });
});
