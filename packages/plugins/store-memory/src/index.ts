/**
 * The store seat in the process's memory.
 * @packageDocumentation
 */
import { definePlugin, Store } from '@orrery/core';
import { z } from 'zod';
import { MemoryStore } from './memory-store.js';

export { MemoryStore, type MemoryStoreOptions } from './memory-store.js';

/** Takes the store seat with a {@link MemoryStore}. Everything is gone when the process ends. */
export const memoryStore = definePlugin({
  name: 'store-memory',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** Revisions kept for watchers and reads of the past. */
      historyLimit: z.int().min(100).max(10_000_000).optional(),
    })
    .default({}),
  setup({ provide, scope, clock, options }) {
    provide(Store, () => {
      const { historyLimit } = options;
      return scope.own(new MemoryStore({ clock, ...(historyLimit === undefined ? {} : { historyLimit }) }));
    });
  },
});
