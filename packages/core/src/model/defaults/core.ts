import type { Namespace } from '../kinds/namespace.js';
import type { Node } from '../kinds/node.js';
import type { PriorityClass } from '../kinds/priorityclass.js';
import type { Secret } from '../kinds/secret.js';
import { roundedToMilli } from '../quantity.js';

// Scheme defaulting of the small kinds.

/** Labels a namespace with its name, and calls it active (SetDefaults_Namespace, SetDefaults_NamespaceStatus). */
export function applyNamespaceDefaults(namespace: Namespace): void {
  const { metadata } = namespace;
  if ((metadata.name ?? '') !== '') (metadata.labels ??= {})['kubernetes.io/metadata.name'] = metadata.name as string;
  (namespace.status ??= {}).phase ??= 'Active';
}

/** What can be allocated is, unless said otherwise, all there is (SetDefaults_NodeStatus). */
export function applyNodeDefaults({ status }: Node): void {
  if (status?.capacity === undefined) return;
  for (const quantities of [status.capacity, status.allocatable]) {
    for (const name in quantities) {
      const rounded = roundedToMilli(quantities[name] as string);
      // A status that an update of the spec carries over is frozen, and has been through here.
      if (rounded !== quantities[name]) quantities[name] = rounded;
    }
  }
  status.allocatable ??= { ...status.capacity };
}

/** A secret without a type is opaque (SetDefaults_Secret). */
export function applySecretDefaults(secret: Secret): void {
  secret.type ??= 'Opaque';
}

/** A priority class preempts unless told not to (SetDefaults_PriorityClass). */
export function applyPriorityClassDefaults(priority: PriorityClass): void {
  priority.preemptionPolicy ??= 'PreemptLowerPriority';
}
