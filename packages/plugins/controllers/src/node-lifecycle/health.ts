import { equalJson, type Node, type NodeCondition, timeOfMillis } from '@orrery/core';

/** Conditions that nobody but the kubelet can vouch for. */
const VOUCHED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** What was last heard of a node. Times are monotonic milliseconds of this process, so that the node's clock does not matter. */
export interface Sign {
  /** Tells one sign of life from the next. */
  readonly token: string;
  readonly at: number;
}

/** The sign of life that lease and status amount to; a new token is a new sign. */
export function signToken(node: Node, renewTime: string | undefined): string {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  // What this controller itself wrote about a silent node is no sign of life.
  return `${node.metadata.uid} ${renewTime ?? ''} ${ready?.status === 'Unknown' ? '' : (ready?.lastHeartbeatTime ?? '')}`;
}

/** The status of a node that has not been heard of for too long: what only its kubelet knows is Unknown (tryUpdateNodeHealth). Pure; `now` in milliseconds since the epoch. */
export function silentConditions(node: Node, now: number): readonly NodeCondition[] {
  const current = node.status?.conditions ?? [];
  const time = timeOfMillis(now);
  const next = current.map((condition) =>
    !VOUCHED.includes(condition.type) || condition.status === 'Unknown'
      ? condition
      : { ...condition, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: time },
  );
  for (const type of VOUCHED) {
    if (current.some((condition) => condition.type === type)) continue;
    const { creationTimestamp } = node.metadata;
    next.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      ...(creationTimestamp !== undefined && { lastHeartbeatTime: creationTimestamp }),
      lastTransitionTime: time,
    });
  }
  return equalJson(next, current) ? current : next;
}
