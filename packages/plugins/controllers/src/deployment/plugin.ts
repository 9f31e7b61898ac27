import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { deploymentController } from './controller.js';

/** Deployments: rolling updates, scaling, history, progress. */
export const deployments = definePlugin({
  name: 'controller-deployment',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, deploymentController(given(options))),
});
