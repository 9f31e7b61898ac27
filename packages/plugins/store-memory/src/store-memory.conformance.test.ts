import { storeCases, storeConformance, storeMutants, runCase } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from './memory-store.js';

const BOOKMARK_MS = 100;

const create = async () => {
  const store = new MemoryStore({ bookmarkMs: BOOKMARK_MS });
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
};

storeConformance({ describe, it }, 'memory', create);

describe('the store suite catches', () => {
  for (const mutant of storeMutants) {
    it(`a store that ${mutant.name}`, async () => {
      const found = storeCases.find(({ name }) => name === mutant.caughtBy);
      if (found === undefined) throw new Error(`there is no case "${mutant.caughtBy}"`);
      const broken = async () => {
        const context = await create();
        return { ...context, store: mutant.wrap(context.store) };
      };
      await expect(runCase(found, broken)).rejects.toThrow();
    });
  }
});
