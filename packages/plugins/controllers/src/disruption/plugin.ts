import { Controllers, definePlugin, ServedKinds } from '@orrery/core';
import { disruptionController } from './controller.js';
import { staleDisruptionController } from './stale-disruption.js';

/** PodDisruptionBudgets: how many pods may be evicted now. */
export const disruption = definePlugin({
  name: 'controller-disruption',
  core: '^0.1.0',
  setup: ({ add, get }) => {
    add(Controllers, disruptionController({ kinds: () => get(ServedKinds).list() }));
    add(Controllers, staleDisruptionController());
  },
});
