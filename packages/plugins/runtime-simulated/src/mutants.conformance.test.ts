import { runCase, runtimeCases, runtimeMutants } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { simulatedContext } from './test/context.js';

// The suite is only worth what it finds. The honest runtime passes every case (runtime.conformance.test.ts); each broken one fails the named case.
describe('the runtime suite catches a runtime that', () => {
  for (const { name, caughtBy, mutate } of runtimeMutants) {
    it.concurrent(name, async () => {
      const one = runtimeCases.find((candidate) => candidate.name === caughtBy);
      if (one === undefined) throw new Error(`There is no case "${caughtBy}".`);
      await expect(runCase(one, async () => mutate(await simulatedContext()))).rejects.toThrow();
    });
  }
});

describe('the runtime suite', () => {
  it('has a name for each case and no other', () => {
    expect(new Set(runtimeCases.map(({ name }) => name)).size).toBe(runtimeCases.length);
  });
});
