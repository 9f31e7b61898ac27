import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { statefulSetController } from './controller.js';

/** StatefulSets: numbered pods with claims of their own, in order. */
export const statefulSets = definePlugin({
  name: 'controller-statefulset',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, statefulSetController(given(options))),
});
