import { realRuntimeMutants, runCase, runtimeCases } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { processContext } from './test/context.js';

// What only real programs can show. The honest runtime passes every case (runtime.conformance.test.ts); each broken one fails the named case.
describe('the runtime suite catches a runtime that', () => {
  for (const { name, caughtBy, mutate } of realRuntimeMutants) {
    it(name, async (test) => {
      const one = runtimeCases.find((candidate) => candidate.name === caughtBy);
      if (one === undefined) throw new Error(`There is no case "${caughtBy}".`);
      const honest = await processContext();
      const claimed = one.needs?.(honest) ?? true;
      await honest.cleanup();
      if (!claimed && process.env['ORRERY_REQUIRE'] === 'all') throw new Error('no control groups can be made here');
      if (!claimed) return test.skip('this machine gives no control groups');
      await expect(runCase(one, async () => mutate(await processContext()))).rejects.toThrow();
    });
  }
});
