import { Admissions, definePlugin, Informers, LimitRange } from '@orrery/core';
import { limitRanger } from './admission.js';

/** LimitRanges: bounds and defaults for single pods and claims. */
export const limitRanges = definePlugin({
  name: 'limit-ranger',
  core: '^0.1.0',
  setup: ({ add, get }) => add(Admissions, limitRanger(() => get(Informers).get(LimitRange))),
});
