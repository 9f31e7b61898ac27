import { Controllers, definePlugin, ServedKinds } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { garbageCollector } from './controller.js';

/** Deletes what lost all its owners; foreground deletion and orphaning. */
export const garbageCollection = definePlugin({
  name: 'controller-garbage-collector',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, get, options }) => add(Controllers, garbageCollector({ ...given(options), kinds: () => get(ServedKinds).list(), onKind: (added) => get(ServedKinds).onAnnounced(added) })),
});
