/**
 * CustomResourceDefinitions (apiextensions.k8s.io/v1): kinds that are objects themselves. A definition is served within milliseconds, with its schema's pruning, defaults and validation,
 * rules in CEL, several versions, the subresources status and scale, and columns.
 * @packageDocumentation
 */
import { Client, definePlugin, Informers, Kinds, KindServing, type KindDefinition, ServedKinds } from '@orrery/core';
import { ClusterServices, WebhookClient } from '@orrery/webhook-client';
import { CustomResourceDefinition } from './definition/kind.js';
import { DefinitionServing } from './serving/part.js';

export type { Convert } from './conversion/webhook.js';
export { CLEANUP, type DefinitionNames, type DefinitionVersion } from './definition/form.js';
export { CustomResourceDefinition } from './definition/kind.js';
export { validateStructuralSchema } from './definition/structural.js';
export { validateRules } from './rules/apply.js';
export { applySchemaDefaults } from './schema/defaults.js';
export { pruneUnknown } from './schema/prune.js';
export type { JsonSchemaProps, ValidationRule } from './schema/types.js';
export { validateValue } from './schema/validate.js';
export { kindsOf } from './served/kind-of.js';
export { DefinitionServing, type ServingOptions } from './serving/part.js';

/** Serves the kind CustomResourceDefinition, and a kind for each of its objects. Not for an orchestrator whose API is elsewhere. */
export const customResources = definePlugin({
  name: 'custom-resources',
  core: '^0.1.0',
  setup: ({ add, run, clock, random, log }) => {
    add(Kinds, CustomResourceDefinition as unknown as KindDefinition);
    run((get) => {
      const services = new ClusterServices(get(Informers));
      const webhooks = new WebhookClient({ clock, random, services });
      const serving = new DefinitionServing({ client: get(Client), informers: get(Informers), served: get(ServedKinds), serving: get(KindServing), webhooks, clock, random, log });
      return {
        name: 'custom-resources',
        phase: 'caches',
        run: async (signal, ready) => {
          try {
            await services.synced(signal);
            await serving.run(signal, ready);
          } finally {
            webhooks.close();
          }
        },
      };
    });
  },
});
