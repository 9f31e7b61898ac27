import { millisOfTime, type Pod, type Taint, tolerates } from '@orrery/core';

/** When a pod has to leave its node for its taints: never, or at a time (milliseconds since the epoch). */
export type EvictionTime = number | undefined;

/**
 * When a pod must go from a node with these taints: at once when one that evicts is not tolerated, else when the shortest of the tolerations
 * used runs out, counted from when the newest of those taints came (taint-eviction controller). `since` tells that for taints that do not say. Pure.
 */
export function evictionTime(pod: Pod, taints: readonly Taint[], since: (taint: Taint) => number): EvictionTime {
  const evicting = taints.filter(({ effect }) => effect === 'NoExecute');
  if (evicting.length === 0) return undefined;
  let shortest = Infinity;
  let start = 0;
  for (const taint of evicting) {
    const used = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    const added = millisOfTime(taint.timeAdded ?? '') ?? since(taint);
    if (used.length === 0) return added;
    // Of several tolerations of one taint the shortest counts; one without a limit counts only alone.
    for (const { tolerationSeconds } of used) if (tolerationSeconds !== undefined) shortest = Math.min(shortest, Math.max(0, tolerationSeconds));
    start = Math.max(start, added);
  }
  return shortest === Infinity ? undefined : start + shortest * 1000;
}
