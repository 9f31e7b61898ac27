import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { cronJobController } from './controller.js';

/** CronJobs: Jobs at the times of a schedule. */
export const cronJobs = definePlugin({
  name: 'controller-cronjob',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, cronJobController(given(options))),
});
