import { isDns1123Subdomain, type KubeObject, type Pod, type PodTemplateSpec } from '@orrery/core';
import { controllerRefOf } from './claim.js';

/** A pod as a template of its owner says, with a name that the server completes (GetPodFromTemplate). */
export function podFromTemplate(owner: KubeObject, { metadata, spec }: PodTemplateSpec): Pod {
  const prefix = `${owner.metadata.name}-`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      // The dash must leave a valid name; a name that is too long for it goes without.
      generateName: isDns1123Subdomain(`${prefix}a`).length === 0 ? prefix : (owner.metadata.name ?? ''),
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      ...(metadata?.labels !== undefined && { labels: metadata.labels }),
      ...(metadata?.annotations !== undefined && { annotations: metadata.annotations }),
      ...(metadata?.finalizers !== undefined && { finalizers: metadata.finalizers }),
      ownerReferences: [controllerRefOf(owner)],
    },
    spec,
  };
}
