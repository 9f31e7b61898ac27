import type { Node } from '@orrery/core';
import { same } from './same.js';

/** Written with every heartbeat or write, and of no interest to any filter or score. */
const IGNORED_METADATA = new Set(['resourceVersion', 'managedFields', 'generation']);
const IGNORED_CONDITION = new Set(['lastHeartbeatTime']);

/** Whether two versions of a node differ only in what every heartbeat changes. */
export function sameForScheduling(a: Node, b: Node): boolean {
  if (a === b) return true;
  return (
    same(a.spec, b.spec) &&
    same(a.metadata, b.metadata, IGNORED_METADATA) &&
    same({ ...a.status, conditions: undefined }, { ...b.status, conditions: undefined }) &&
    sameConditions(a, b)
  );
}

function sameConditions(a: Node, b: Node): boolean {
  const [left, right] = [a.status?.conditions ?? [], b.status?.conditions ?? []];
  return left.length === right.length && left.every((condition, i) => same(condition, right[i], IGNORED_CONDITION));
}
