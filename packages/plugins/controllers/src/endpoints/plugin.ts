import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { endpointsController } from './controller.js';

/** Endpoints of services with selectors. */
export const endpoints = definePlugin({
  name: 'controller-endpoints',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, endpointsController(given(options))),
});
