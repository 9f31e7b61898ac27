import { type Amounts, amountsOf, hostPorts, millisOfTime, NODE_POOL_LABEL, type Node, type NodeInfo, type NodePool, noAmounts, type Pod, podRequests } from '@orrery/core';

/** Marks a node that is being drained; its `timeAdded` tells since when. */
export const DRAIN_TAINT = 'autoscaling.orrery.dev/to-be-removed';

/** Value of the mark on a node that somebody else had closed before. */
const CLOSED_BEFORE = 'closed-before';

/** The node with the mark, and closed to new pods. `now` is a metav1.Time. Pure. */
export function drained(node: Node, now: string): Node {
  const others = (node.spec?.taints ?? []).filter(({ key }) => key !== DRAIN_TAINT);
  const mark = { key: DRAIN_TAINT, effect: 'NoSchedule' as const, timeAdded: now, ...(node.spec?.unschedulable === true && { value: CLOSED_BEFORE }) };
  return { ...node, spec: { ...node.spec, unschedulable: true, taints: [...others, mark] } };
}

/** The node as it is when its draining is called off; one that was closed before stays so. Pure. */
export function undrained(node: Node): Node {
  const all = node.spec?.taints ?? [];
  const staysClosed = all.some(({ key, value }) => key === DRAIN_TAINT && value === CLOSED_BEFORE);
  const taints = all.filter(({ key }) => key !== DRAIN_TAINT && (staysClosed || key !== UNSCHEDULABLE_TAINT));
  const { unschedulable: _, taints: __, ...spec } = node.spec ?? {};
  return { ...node, spec: { ...spec, ...(staysClosed && { unschedulable: true }), ...(taints.length > 0 && { taints }) } };
}

/** Since when it is being drained (milliseconds since the epoch); undefined: it is not. */
export function drainedSince(node: Node): number | undefined {
  const taint = node.spec?.taints?.find(({ key }) => key === DRAIN_TAINT);
  return taint === undefined ? undefined : (taint.timeAdded === undefined ? undefined : millisOfTime(taint.timeAdded)) ?? 0;
}

/** What the node lifecycle controller says of nodes that are closed. */
const UNSCHEDULABLE_TAINT = 'node.kubernetes.io/unschedulable';

/** What a container that asks for nothing counts for in scores; filters of third parties may look at it. */
const SCORED = { defaults: { cpu: 100, memory: 200 * 2 ** 20 } } as const;

/** A node with these pods on it, as filters see nodes. */
export function infoOf(node: Node, pods: readonly Pod[]): NodeInfo {
  const requested: Amounts = noAmounts();
  const nonZeroRequested = { cpu: 0, memory: 0 };
  for (const pod of pods) {
    const amounts = podRequests(pod);
    for (const name in amounts) requested[name] = (requested[name] ?? 0) + (amounts[name] ?? 0);
    const scored = podRequests(pod, SCORED);
    nonZeroRequested.cpu += scored['cpu'] ?? 0;
    nonZeroRequested.memory += scored['memory'] ?? 0;
  }
  return {
    name: node.metadata.name ?? '',
    node,
    pods: new Map(pods.map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, pod])),
    allocatable: amountsOf(node.status?.allocatable),
    requested,
    nonZeroRequested,
    usedPorts: new Set(pods.flatMap(hostPorts)),
    generation: 0,
  };
}

/** The same node with one more pod. */
export const withPod = (info: NodeInfo, pod: Pod): NodeInfo => infoOf(info.node, [...info.pods.values(), pod]);

/** An empty node as a pool would make it. */
export function nodeOfPool({ name: pool, template }: Pick<NodePool, 'name' | 'template'>, name: string): NodeInfo {
  const labels = { 'kubernetes.io/hostname': name, ...template.labels, [NODE_POOL_LABEL]: pool };
  const resources = { ...template.allocatable };
  const node = {
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: { ...(template.taints && { taints: [...template.taints] }) }, status: { allocatable: resources, capacity: resources },
  } as unknown as Node;
  return infoOf(node, []);
}
