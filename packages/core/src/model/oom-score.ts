import type { Container } from './kinds/container.js';
import type { Pod } from './kinds/pod.js';
import { podQosClass } from './pod-qos.js';
import { hasPodLevelRequests, requestsWithoutOverhead } from './pod-resources.js';
import { value } from './quantity.js';

/** Processes of guaranteed and node-critical pods go last. */
const GUARANTEED = -997;
/** Processes of pods that asked for nothing go first. */
const BEST_EFFORT = 1000;
/** The lowest of a burstable pod: still above a guaranteed one that uses everything. */
const LEAST_BURSTABLE = 1000 + GUARANTEED;
/** Lowest priority of a critical pod (scheduling.SystemCriticalPriority). */
const CRITICAL_PRIORITY = 2_000_000_000;

/**
 * The `oom_score_adj` of a container's processes (kubelet qos/policy.go GetContainerOOMScoreAdjust): the smaller the share of the
 * node's memory a burstable container asks for, the sooner the kernel kills it when memory runs out. A sidecar is never killed before
 * the containers it serves. Pure.
 * @param nodeMemoryBytes the memory of the node, above 0
 */
export function oomScoreAdj(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  if (isNodeCritical(pod)) return GUARANTEED;
  const qos = podQosClass(pod);
  if (qos === 'Guaranteed') return GUARANTEED;
  if (qos === 'BestEffort') return BEST_EFFORT;
  const shared = unassignedShare(pod);
  const score = (request: number): number => 1000 - Math.trunc((1000 * (request + shared)) / nodeMemoryBytes);
  const sidecar = container.restartPolicy === 'Always' && (pod.spec.initContainers ?? []).some(({ name }) => name === container.name);
  const least = Math.min(...pod.spec.containers.map(memoryRequest));
  const adjusted = sidecar ? Math.min(score(memoryRequest(container)), score(least)) : score(memoryRequest(container));
  if (adjusted < LEAST_BURSTABLE) return LEAST_BURSTABLE;
  return adjusted === BEST_EFFORT ? BEST_EFFORT - 1 : adjusted;
}

const memoryRequest = ({ resources }: Container): number => {
  const text = resources?.requests?.['memory'];
  return text === undefined ? 0 : value(text);
};

/** What the pod as a whole asks for beyond its containers, in equal parts. */
function unassignedShare(pod: Pod): number {
  const asked = pod.spec.resources?.requests?.['memory'];
  if (asked === undefined || value(asked) === 0 || !hasPodLevelRequests(pod)) return 0;
  const { resources: _, ...spec } = pod.spec;
  const { status: __, ...rest } = pod;
  const ofContainers = requestsWithoutOverhead({ ...rest, spec })['memory'] ?? 0;
  return Math.trunc((value(asked) - ofContainers) / (pod.spec.containers.length + (pod.spec.initContainers ?? []).length));
}

/** Static pods, mirrors of them, and pods of the highest priorities, if they say that the node needs them (kubelet types.IsNodeCriticalPod). */
function isNodeCritical({ metadata, spec }: Pod): boolean {
  if (spec.priorityClassName !== 'system-node-critical') return false;
  const source = metadata.annotations?.['kubernetes.io/config.source'];
  const isStatic = source !== undefined && source !== 'api';
  return isStatic || metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined || (spec.priority ?? 0) >= CRITICAL_PRIORITY;
}
