/**
 * The store seat in the process's memory.
 * @packageDocumentation
 */
import { definePlugin, errorMessage, Store } from '@orrery/core';
import { z } from 'zod';
import { MemoryStore } from './memory-store.js';

export { MemoryStore, type MemoryStoreOptions } from './memory-store.js';

/** Takes the store seat with a {@link MemoryStore}. Everything is gone when the process ends, unless a journal is named. */
export const memoryStore = definePlugin({
  name: 'store-memory',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** Revisions kept for watchers and reads of the past. */
      historyLimit: z.int().min(100).max(10_000_000).optional(),
      /** A file in which everything survives a crash of the process, not of the machine. One process at a time. */
      journal: z.string().min(1).optional(),
    })
    .default({}),
  setup({ provide, scope, clock, log, options }) {
    provide(Store, () => {
      const { historyLimit, journal } = options;
      const journalProblem = (error: unknown): void => log.warn('the journal could not be shortened', { error: errorMessage(error) });
      return scope.own(new MemoryStore({ clock, journalProblem, ...(historyLimit !== undefined && { historyLimit }), ...(journal !== undefined && { journal }) }));
    });
  },
});
