import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { replicaSetController } from './controller.js';

/** ReplicaSets: as many pods as asked for. */
export const replicaSets = definePlugin({
  name: 'controller-replicaset',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, replicaSetController(given(options))),
});
