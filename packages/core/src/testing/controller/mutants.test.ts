import { MemoryStore } from '@orrery/store-memory';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../kernel/clock.js';
import { runCase } from '../suite.js';
import { ControllerBench, controllerCases, controllerConformance, controllerMutants, type ReplicatorFlaw, replicatorFixture } from './index.js';

const subject = (flaw?: ReplicatorFlaw) => ({ fixture: replicatorFixture(flaw), store: (clock: Clock) => new MemoryStore({ clock }) });

controllerConformance('replicator', () => subject(), { describe, it });

describe('the suite of controllers', () => {
  it.each(controllerMutants.map((mutant) => [mutant.flaw, mutant] as const))('catches one that is or has: %s', async (flaw, { caughtBy }) => {
    const one = controllerCases.find(({ name }) => name === caughtBy);
    if (one === undefined) throw new Error(`There is no case "${caughtBy}".`);
    await expect(runCase(one, () => ControllerBench.open(subject(flaw)))).rejects.toThrow();
  });

  it('has a mutant for every case', () => {
    const caught = new Set(controllerMutants.map(({ caughtBy }) => caughtBy));
    expect(controllerCases.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([]);
  });
});
