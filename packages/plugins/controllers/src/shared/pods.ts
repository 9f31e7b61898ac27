import { controllerOf, millisOfTime, type Pod, type PodCondition } from '@orrery/core';

// Facts about pods that several controllers decide by (pkg/api/v1/pod, pkg/controller/controller_utils.go).

/** Ended for good: Succeeded or Failed. */
export const isPodTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Counts as a replica: neither ended nor being deleted (IsPodActive). */
export const isPodActive = (pod: Pod): boolean => !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;

/** Being deleted and not ended yet (IsPodTerminating). */
export const isPodTerminating = (pod: Pod): boolean => !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;

/** The condition Ready. */
export const readyCondition = (pod: Pod): PodCondition | undefined => pod.status?.conditions?.find(({ type }) => type === 'Ready');

/** Whether the condition Ready is True. */
export const isPodReady = (pod: Pod): boolean => readyCondition(pod)?.status === 'True';

/** Milliseconds since the epoch at which the pod became ready; undefined when it is not, or nobody wrote down when. */
export function readySince(pod: Pod): number | undefined {
  const condition = readyCondition(pod);
  return condition?.status === 'True' && condition.lastTransitionTime !== undefined ? millisOfTime(condition.lastTransitionTime) : undefined;
}

/** Milliseconds since the epoch at which a pod that is ready becomes available, if it stays so; undefined when it is not ready. */
export function availableFrom(pod: Pod, minReadySeconds: number): number | undefined {
  const since = readySince(pod);
  return since === undefined ? undefined : since + minReadySeconds * 1000;
}

/** Ready for at least `minReadySeconds` (IsPodAvailable). `now` in milliseconds since the epoch. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = readySince(pod);
  return since !== undefined && since + minReadySeconds * 1000 <= now;
}

/** Index function: the uid of the managing controller, or `orphan/<namespace>`. One function for all, as an index name stands for one. */
export const byController = (object: Parameters<typeof controllerOf>[0]): readonly string[] => [
  controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace ?? ''),
];

/** Where {@link byController} files what has no controller. */
export const orphansOf = (namespace: string): string => `orphan/${namespace}`;

/** The name under which {@link byController} is registered with informers. */
export const CONTROLLER_INDEX = 'controllers.controller';

/** Index function: the node a pod is bound to. */
export const byNode = (pod: Pod): readonly string[] => ((pod.spec.nodeName ?? '') === '' ? [] : [pod.spec.nodeName as string]);

/** The name under which {@link byNode} is registered with informers. */
export const NODE_INDEX = 'controllers.node';
