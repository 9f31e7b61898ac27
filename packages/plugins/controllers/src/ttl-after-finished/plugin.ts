import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { ttlAfterFinishedController } from './controller.js';

/** Removes finished Jobs after a while. */
export const ttlAfterFinished = definePlugin({
  name: 'controller-ttl-after-finished',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, ttlAfterFinishedController(given(options))),
});
