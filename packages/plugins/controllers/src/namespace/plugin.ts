import { Admissions, Controllers, definePlugin, ServedKinds } from '@orrery/core';
import { z } from 'zod';
import { given, workers } from '../shared/options.js';
import { namespaceController, namespaceFinalizer } from './controller.js';

/** Empties namespaces that are deleted. Namespaces made while it is there wait for it. */
export const namespaces = definePlugin({
  name: 'controller-namespace',
  core: '^0.1.0',
  options: z.strictObject({ workers, pollSeconds: z.number().positive().default(5) }).default({ pollSeconds: 5 }),
  setup: ({ add, get, options: { pollSeconds, ...rest } }) => {
    add(Admissions, namespaceFinalizer);
    add(Controllers, namespaceController({ ...given(rest), pollMs: pollSeconds * 1000, kinds: () => get(ServedKinds).list() }));
  },
});
