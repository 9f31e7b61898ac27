import { equalJson, type Node, type Taint } from '@orrery/core';

/** Keys of the taints that follow a node's conditions (k8s.io/api well_known_taints.go). */
export const TAINT = {
  notReady: 'node.kubernetes.io/not-ready',
  unreachable: 'node.kubernetes.io/unreachable',
  unschedulable: 'node.kubernetes.io/unschedulable',
  memoryPressure: 'node.kubernetes.io/memory-pressure',
  diskPressure: 'node.kubernetes.io/disk-pressure',
  pidPressure: 'node.kubernetes.io/pid-pressure',
  networkUnavailable: 'node.kubernetes.io/network-unavailable',
} as const;

const PRESSURE: Readonly<Record<string, string>> = {
  MemoryPressure: TAINT.memoryPressure,
  DiskPressure: TAINT.diskPressure,
  PIDPressure: TAINT.pidPressure,
  NetworkUnavailable: TAINT.networkUnavailable,
};

const OWN_NO_SCHEDULE: ReadonlySet<string> = new Set(Object.values(TAINT));
const OWN_NO_EXECUTE: ReadonlySet<string> = new Set([TAINT.notReady, TAINT.unreachable]);

/** The value of a node's condition; undefined when it has none. */
export const conditionStatus = (node: Node, type: string): string | undefined => node.status?.conditions?.find((condition) => condition.type === type)?.status;

/** The key by which a node repels pods for not being ready; undefined when it is, or never said. */
export function readinessTaint(node: Node): string | undefined {
  const ready = conditionStatus(node, 'Ready');
  if (ready === 'False') return TAINT.notReady;
  return ready === 'Unknown' ? TAINT.unreachable : undefined;
}

/**
 * The taints a node should have: those for scheduling follow its conditions at once; the one that evicts is there when `evict` says so.
 * Taints of others are left alone. Undefined when nothing is to change. Pure; `now` is a metav1.Time.
 */
export function planTaints(node: Node, evict: boolean, now: string): readonly Taint[] | undefined {
  const current = node.spec.taints ?? [];
  const notReady = readinessTaint(node);
  const wanted = new Set<string>(notReady === undefined ? [] : [notReady]);
  for (const [type, key] of Object.entries(PRESSURE)) if (conditionStatus(node, type) === 'True') wanted.add(key);
  if (node.spec.unschedulable === true) wanted.add(TAINT.unschedulable);

  const kept = current.filter(({ key = '', effect }) => {
    if (effect === 'NoSchedule' && OWN_NO_SCHEDULE.has(key)) return wanted.has(key);
    if (effect === 'NoExecute' && OWN_NO_EXECUTE.has(key)) return evict && key === notReady;
    return true;
  });
  const has = (key: string, effect: string): boolean => kept.some((taint) => taint.key === key && taint.effect === effect);
  const added: Taint[] = [...wanted].filter((key) => !has(key, 'NoSchedule')).map((key) => ({ key, effect: 'NoSchedule', timeAdded: now }));
  if (evict && notReady !== undefined && !has(notReady, 'NoExecute')) added.push({ key: notReady, effect: 'NoExecute', timeAdded: now });
  const next = [...kept, ...added];
  return equalJson(next, current) ? undefined : next;
}
