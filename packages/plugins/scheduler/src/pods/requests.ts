import { type Amounts, DEFAULT_MEMORY_REQUEST, DEFAULT_MILLI_CPU_REQUEST, hasPodLevelRequests, isResizeInfeasible, noAmounts, type Pod, podRequests } from '@orrery/core';

/** What a pod adds to a node. */
export interface PodLoad {
  readonly requests: Amounts;
  /** With defaults for containers that ask for nothing. */
  readonly nonZero: { readonly cpu: number; readonly memory: number };
}

/** What the amounts of a pod were computed from, by identity: objects are shared between the versions of a pod. */
interface Known {
  readonly from: readonly unknown[];
  readonly load: PodLoad;
  readonly forScoring: Amounts;
}

const known = new WeakMap<object, Known>();

function knownOf(pod: Pod): Known {
  const { containers, initContainers, overhead, resources } = pod.spec;
  const from = [initContainers, overhead, resources, pod.status?.containerStatuses, pod.status?.initContainerStatuses, isResizeInfeasible(pod)];
  const found = known.get(containers);
  if (found !== undefined && found.from.every((part, i) => part === from[i])) return found;
  const fresh: Known = { from, load: loadOf(pod), forScoring: podRequests(pod, { defaults: { cpu: DEFAULT_MILLI_CPU_REQUEST, memory: DEFAULT_MEMORY_REQUEST } }) };
  known.set(containers, fresh);
  return fresh;
}

function loadOf(pod: Pod): PodLoad {
  const requests = podRequests(pod);
  const defaults = noAmounts();
  const podLevel = hasPodLevelRequests(pod);
  if (!podLevel || !requests['cpu']) defaults['cpu'] = DEFAULT_MILLI_CPU_REQUEST;
  if (!podLevel || !requests['memory']) defaults['memory'] = DEFAULT_MEMORY_REQUEST;
  const filled = Object.keys(defaults).length > 0 ? podRequests(pod, { defaults }) : requests;
  return { requests, nonZero: { cpu: filled['cpu'] ?? 0, memory: filled['memory'] ?? 0 } };
}

/** Requests of a pod, and the same with defaults for cpu and memory as `NodeInfo.nonZeroRequested` counts them. Shared: do not change. */
export const podLoad = (pod: Pod): PodLoad => knownOf(pod).load;

/** What a pod needs as the fit filter counts it. Shared: do not change. */
export const requestsOf = (pod: Pod): Readonly<Amounts> => knownOf(pod).load.requests;

/** What a pod needs as the scores count it: with a default for each container without cpu or memory. Shared: do not change. */
export const requestsForScoring = (pod: Pod): Readonly<Amounts> => knownOf(pod).forScoring;

/** A stable text of amounts, for signatures. */
export const amountsText = (amounts: Readonly<Amounts>): string =>
  Object.keys(amounts)
    .sort()
    .map((name) => `${name}=${amounts[name]}`)
    .join(',');
