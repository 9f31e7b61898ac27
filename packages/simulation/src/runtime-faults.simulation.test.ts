import { describe, expect, it } from 'vitest';
import { RUNTIME_RATES } from './faults.js';
import { commandFor, simulate } from './simulate.js';

/** Two machines whose runtimes lose replies, exits and events, are slow, and whose agents die in the middle of a step. */
const CLUSTER = { nodes: 2, pods: 6, minutes: 2, restMinutes: 1, faults: RUNTIME_RATES };
const SEEDS = 1_000;
const AT_ONCE = 50;

describe('pods on runtimes at their worst', () => {
  for (let from = 1; from <= SEEDS; from += AT_ONCE) {
    it(`seeds ${from} to ${from + AT_ONCE - 1}`, async () => {
      for (let seed = from; seed < from + AT_ONCE; seed += 1) {
        const options = { seed, ...CLUSTER };
        const { ok, violations, tail } = await simulate(options);
        expect(ok, [`seed ${seed} failed; again: ${commandFor(options)}`, ...violations.slice(0, 20), 'the last that happened:', ...tail].join('\n  ')).toBe(true);
      }
    });
  }
});
