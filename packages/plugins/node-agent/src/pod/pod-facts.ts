import type { Pod } from '@orrery/core';

/** Seconds the pod's containers get to end. Pure. */
export const graceOf = (pod: Pod): number => pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;

/** Whether the pod is told to be over for good. Pure. */
export const settled = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Whether the pod has volumes whose content comes from elsewhere and may change. Pure. */
export const followsSources = (pod: Pod): boolean =>
  (pod.spec.volumes ?? []).some(({ configMap, secret, projected, downwardAPI }) => (configMap ?? secret ?? projected ?? downwardAPI) !== undefined);
