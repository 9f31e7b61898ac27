import { milliValue, type Pod, value } from '@orrery/core';

/** Why a node does not take a pod that was bound to it; it becomes the pod's reason and message, with phase Failed. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** Amounts by resource name: cpu in thousandths, everything else in units. */
type Amounts = ReadonlyMap<string, number>;

/**
 * Whether a node has room for a pod beside those it has admitted (the kubelet's GeneralPredicates: NodeResourcesFit). The scheduler sees to that already;
 * but anyone may bind a pod, and two schedulers do not know of each other. Pure.
 * @param allocatable what the node offers, quantities by resource name
 * @param admitted the other pods that hold resources here
 */
export function admitPod(pod: Pod, admitted: readonly Pod[], allocatable: Readonly<Record<string, string>>): Rejection | undefined {
  for (const [name, amount] of [...requestsOf(pod), ['pods', 1] as const]) {
    // What is not asked for always fits, also where too much is in use already.
    if (amount === 0) continue;
    const offered = allocatable[name];
    const capacity = offered === undefined ? 0 : amountOf(name, offered);
    const taken = name === 'pods' ? admitted.length : admitted.reduce((sum, other) => sum + (requestsOf(other).get(name) ?? 0), 0);
    if (taken + amount <= capacity) continue;
    return {
      reason: `OutOf${name}`,
      message: `Pod was rejected: Node didn't have enough resource: ${name}, requested: ${amount}, used: ${taken}, capacity: ${capacity}`,
    };
  }
  return undefined;
}

const amountOf = (name: string, text: string): number => (name === 'cpu' ? milliValue(text) : value(text));

/** By the spec, which the versions of a pod share. */
const known = new WeakMap<object, Amounts>();

function requestsOf(pod: Pod): Amounts {
  const found = known.get(pod.spec);
  if (found !== undefined) return found;
  const requests = computeRequests(pod);
  known.set(pod.spec, requests);
  return requests;
}

/** What a pod asks for: all containers at once, or the largest step of its initialisation beside the sidecars of that time (component-helpers PodRequests). */
function computeRequests(pod: Pod): Amounts {
  const own = (container: Pod['spec']['containers'][number]): Amounts => amountsOf(container.resources?.requests);
  let sidecars: Amounts = new Map();
  let largest: Amounts = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const step = sumOf([sidecars, own(container)]);
    if (container.restartPolicy === 'Always') sidecars = step;
    largest = largestOf(largest, step);
  }
  const together = sumOf([sidecars, ...pod.spec.containers.map(own)]);
  const ofPod = [...amountsOf(pod.spec.resources?.requests)].filter(([name]) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-'));
  return sumOf([new Map([...largestOf(together, largest), ...ofPod]), amountsOf(pod.spec.overhead)]);
}

const amountsOf = (texts: Readonly<Record<string, string>> = {}): Amounts => new Map(Object.entries(texts).map(([name, text]) => [name, amountOf(name, text)]));

function sumOf(parts: readonly Amounts[]): Amounts {
  const sum = new Map<string, number>();
  for (const part of parts) for (const [name, amount] of part) sum.set(name, (sum.get(name) ?? 0) + amount);
  return sum;
}

const largestOf = (a: Amounts, b: Amounts): Amounts => new Map([...a.keys(), ...b.keys()].map((name) => [name, Math.max(a.get(name) ?? 0, b.get(name) ?? 0)]));
