import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { endpointSliceMirroringController } from './controller.js';

/** EndpointSlices of the Endpoints that users write. */
export const endpointSliceMirroring = definePlugin({
  name: 'controller-endpointslice-mirroring',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, endpointSliceMirroringController(given(options))),
});
