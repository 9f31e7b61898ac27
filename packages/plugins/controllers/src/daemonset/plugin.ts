import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { daemonSetController } from './controller.js';

/** DaemonSets: a pod on every node that fits. */
export const daemonSets = definePlugin({
  name: 'controller-daemonset',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, daemonSetController(given(options))),
});
