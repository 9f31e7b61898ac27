import type { Pod } from '@orrery/core';

/** The least priority of `system-cluster-critical` (scheduling.SystemCriticalPriority). */
const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

/** Where a pod came from that no API asked for, and of which pod another is the image. */
export const STATIC_POD_ANNOTATIONS = {
  source: 'kubernetes.io/config.source',
  hash: 'kubernetes.io/config.hash',
  seen: 'kubernetes.io/config.seen',
  mirror: 'kubernetes.io/config.mirror',
} as const;

/** Whether the pod comes from a file on the node. Annotations anybody can set; but only the agent makes pods whose uid is the hash of a file. Pure. */
export function isStatic({ metadata: { uid, annotations = {} } }: Pick<Pod, 'metadata'>): boolean {
  return annotations[STATIC_POD_ANNOTATIONS.source] === 'file' && uid !== undefined && annotations[STATIC_POD_ANNOTATIONS.hash] === uid;
}

/** Whether the pod only shows a static pod in the API; nothing is run for it. Pure. */
export const isMirror = ({ metadata }: Pick<Pod, 'metadata'>): boolean => metadata.annotations?.[STATIC_POD_ANNOTATIONS.mirror] !== undefined;

/** Whether the system needs the pod: it is not evicted, and is let in under pressure (kubelet types.IsCriticalPod). Pure. */
export const isCritical = (pod: Pick<Pod, 'metadata' | 'spec'>): boolean => isStatic(pod) || isMirror(pod) || (pod.spec.priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
