import { type Amounts, amountOf, type Pod, podRequests } from '@orrery/core';

/** Why a node does not take a pod that was bound to it; it becomes the pod's reason and message, with phase Failed. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/**
 * Whether a node has room for a pod beside those it has admitted (the kubelet's GeneralPredicates: NodeResourcesFit). The scheduler sees to that already;
 * but anyone may bind a pod, and two schedulers do not know of each other. Pure.
 * @param allocatable what the node offers, quantities by resource name
 * @param admitted the other pods that hold resources here
 */
export function admitPod(pod: Pod, admitted: readonly Pod[], allocatable: Readonly<Record<string, string>>): Rejection | undefined {
  for (const [name, amount] of [...Object.entries(requestsOf(pod)), ['pods', 1] as const]) {
    // What is not asked for always fits, also where too much is in use already.
    if (amount === 0) continue;
    const offered = allocatable[name];
    const capacity = offered === undefined ? 0 : amountOf(name, offered);
    const taken = name === 'pods' ? admitted.length : admitted.reduce((sum, other) => sum + (requestsOf(other)[name] ?? 0), 0);
    if (taken + amount <= capacity) continue;
    return {
      reason: `OutOf${name}`,
      message: `Pod was rejected: Node didn't have enough resource: ${name}, requested: ${amount}, used: ${taken}, capacity: ${capacity}`,
    };
  }
  return undefined;
}

/** By the spec, which the versions of a pod share. */
const known = new WeakMap<object, Readonly<Amounts>>();

function requestsOf(pod: Pod): Readonly<Amounts> {
  const found = known.get(pod.spec);
  if (found !== undefined) return found;
  const requests = podRequests({ ...pod, status: {} });
  known.set(pod.spec, requests);
  return requests;
}
