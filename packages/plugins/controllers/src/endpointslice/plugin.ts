import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { endpointSliceController } from './controller.js';

/** EndpointSlices of services with selectors. */
export const endpointSlices = definePlugin({
  name: 'controller-endpointslice',
  core: '^0.1.0',
  options: z.strictObject({ workers, maxEndpointsPerSlice: z.int().min(1).max(1000).optional() }).default({}),
  setup: ({ add, options }) => add(Controllers, endpointSliceController(given(options))),
});
