import { type FilterPlugin, type NodeInfo, PASS } from '@orrery/core';
import { amountsText, requestsOf } from '../pods/requests.js';

/** The order in which Kubernetes names what is short; extended resources follow by name. */
const NATIVE = ['cpu', 'memory', 'ephemeral-storage'];

/** Refuses nodes that cannot hold the pod's requests beside what is there, or that hold as many pods as they may. */
export const nodeResourcesFit: FilterPlugin<readonly (readonly [name: string, amount: number])[]> = {
  name: 'NodeResourcesFit',
  signature: (pod) => amountsText(requestsOf(pod)),
  preFilter(pod) {
    const requests = requestsOf(pod);
    const others = Object.keys(requests).filter((name) => !NATIVE.includes(name));
    return { state: [...NATIVE, ...others.sort()].flatMap((name) => (requests[name] ? [[name, requests[name]] as const] : [])) };
  },
  filter(_pod, node, wanted) {
    let fits = node.pods.size < (node.allocatable['pods'] ?? 0);
    for (const [name, amount] of wanted) {
      if (amount > (node.allocatable[name] ?? 0) - (node.requested[name] ?? 0)) fits = false;
    }
    return fits ? PASS : refusal(node, wanted);
  },
};

function refusal(node: NodeInfo, wanted: readonly (readonly [string, number])[]) {
  const reasons: string[] = [];
  const numbers: Record<string, number> = {};
  let unresolvable = false;
  const note = (name: string, requested: number, used: number, allocatable: number): void => {
    numbers[`${name}.requested`] = requested;
    numbers[`${name}.used`] = used;
    numbers[`${name}.allocatable`] = allocatable;
  };
  if (node.pods.size >= (node.allocatable['pods'] ?? 0)) {
    reasons.push('Too many pods');
    note('pods', 1, node.pods.size, node.allocatable['pods'] ?? 0);
  }
  for (const [name, amount] of wanted) {
    const [allocatable, used] = [node.allocatable[name] ?? 0, node.requested[name] ?? 0];
    if (amount <= allocatable - used) continue;
    reasons.push(`Insufficient ${name}`);
    note(name, amount, used, allocatable);
    // Not even an empty node would do: moving pods away cannot help.
    if (amount > allocatable) unresolvable = true;
  }
  return { ok: false, reasons, retryWhen: 'node-changes', numbers, ...(unresolvable ? { unresolvable } : {}) } as const;
}
