import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { jobController } from './controller.js';
import { jobOrphansController } from './orphans.js';

/** Jobs: pods that run to completion. */
export const jobs = definePlugin({
  name: 'controller-job',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => {
    add(Controllers, jobController(given(options)));
    add(Controllers, jobOrphansController());
  },
});
