import { storeCases, storeConformance, storeMutants, runCase } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { journalContext, memoryContext } from './test/contexts.js';

storeConformance({ describe, it }, 'memory', memoryContext);

describe('the store suite catches', () => {
  for (const mutant of storeMutants) {
    it(`a store that ${mutant.name}`, async () => {
      const found = storeCases.find(({ name }) => name === mutant.caughtBy);
      if (found === undefined) throw new Error(`there is no case "${mutant.caughtBy}"`);
      const create = found.needs?.(await empty(memoryContext)) === false ? journalContext : memoryContext;
      // The case holds on the honest store, so what fails is the mutant.
      expect(await runCase(found, create)).toBe(true);
      const broken = async () => {
        const context = await create();
        return { ...context, store: mutant.wrap(context.store) };
      };
      await expect(runCase(found, broken)).rejects.toThrow();
    });
  }
});

/** What a context claims, without using it. */
async function empty(create: typeof memoryContext) {
  const context = await create();
  await context.cleanup();
  return context;
}
