import { millisOfTime, type Pod } from '@orrery/core';
import { isPodActive, isPodReady, readySince } from '../shared/pods.js';

/** Lower goes first when a set shrinks; a whole number of 32 bits, default 0. */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

const PHASE: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** What the order looks at, computed once a pod. */
interface Ranked {
  readonly pod: Pod;
  readonly assigned: boolean;
  readonly phase: number;
  readonly ready: boolean;
  readonly cost: number;
  /** Active pods of the same family on its node. */
  readonly neighbours: number;
  readonly readySince: number | undefined;
  readonly restarts: number;
  readonly sidecarRestarts: number;
  readonly created: number | undefined;
}

/**
 * The `count` pods that a set which shrinks gives up first: unassigned, pending, not ready, cheap to delete, crowded on their node, ready for the
 * shortest time, restarted most, youngest (ActivePodsWithRanks). Ages count by order of magnitude, and within one order the uid decides, so that
 * the youngest are not always the victims (KEP 2185). `related` are the pods of all sets of one deployment. Pure; `now` in milliseconds.
 */
export function podsToDelete(pods: readonly Pod[], related: readonly Pod[], count: number, now: number): readonly Pod[] {
  if (count >= pods.length) return pods;
  if (count <= 0) return [];
  const onNode = new Map<string, number>();
  for (const pod of related) if (isPodActive(pod)) onNode.set(nodeOf(pod), (onNode.get(nodeOf(pod)) ?? 0) + 1);
  return pods
    .map((pod) => rank(pod, onNode.get(nodeOf(pod)) ?? 0))
    .sort((a, b) => compareRanked(a, b, now))
    .slice(0, count)
    .map(({ pod }) => pod);
}

const nodeOf = (pod: Pod): string => pod.spec.nodeName ?? '';

function rank(pod: Pod, neighbours: number): Ranked {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
  const inits = (pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
  const most = (statuses: readonly { readonly restartCount?: number | undefined }[]): number => statuses.reduce((max, { restartCount = 0 }) => Math.max(max, restartCount), 0);
  return {
    pod,
    assigned: nodeOf(pod) !== '',
    phase: PHASE[pod.status?.phase ?? ''] ?? 0,
    ready: isPodReady(pod),
    cost: deletionCost(pod),
    neighbours,
    readySince: readySince(pod),
    restarts: most(pod.status?.containerStatuses ?? []),
    sidecarRestarts: most(inits),
    created: millisOfTime(pod.metadata.creationTimestamp ?? ''),
  };
}

/** The annotation as a number; 0 when absent or malformed (GetDeletionCostFromPodAnnotations: no plus sign, no leading zeros). */
export function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST];
  if (text === undefined || !/^(?:-\d{1,10}|0|[1-9]\d{0,9})$/.test(text)) return 0;
  const cost = Number(text);
  return (cost | 0) === cost ? cost + 0 : 0;
}

function compareRanked(a: Ranked, b: Ranked, now: number): number {
  return (
    Number(a.assigned) - Number(b.assigned) ||
    a.phase - b.phase ||
    Number(a.ready) - Number(b.ready) ||
    a.cost - b.cost ||
    b.neighbours - a.neighbours ||
    (a.ready && b.ready ? youngerFirst(a, b, a.readySince, b.readySince, now) : 0) ||
    b.restarts - a.restarts ||
    b.sidecarRestarts - a.sidecarRestarts ||
    youngerFirst(a, b, a.created, b.created, now)
  );
}

/** Of two times the later, or the unknown one, goes first; of two in the same order of magnitude the smaller uid. */
function youngerFirst(a: Ranked, b: Ranked, timeA: number | undefined, timeB: number | undefined, now: number): number {
  if (timeA === timeB) return 0;
  if (timeA === undefined || timeB === undefined) return timeA === undefined ? -1 : 1;
  return magnitude(now - timeA) - magnitude(now - timeB) || compareText(a.pod.metadata.uid ?? '', b.pod.metadata.uid ?? '');
}

/** The binary order of magnitude of an age in nanoseconds, which is what Kubernetes counts in; -1 for none. */
const magnitude = (ageMs: number): number => (ageMs > 0 ? Math.floor(Math.log2(ageMs * 1e6)) : -1);
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
