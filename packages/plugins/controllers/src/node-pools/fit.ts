import { type ClusterSnapshot, type FilterPlugin, HARD_EFFECTS, hostPortConflicts, hostPorts, matchesNode, type NodeInfo, PASS, type Pod, podRequests, untolerated } from '@orrery/core';

/** The filters that decide on a pod. */
export type FiltersOf = (pod: Pod) => readonly FilterPlugin[];

const refusal = (reason: string) => ({ ok: false, reasons: [reason], retryWhen: 'node-changes' }) as const;

/**
 * What the scheduler asks of any node, for pods whose profile cannot be asked itself: that it takes pods, fits their selector and affinity, that its taints are
 * tolerated, and that ports and resources are free. In the order and the words of kube-scheduler.
 */
export const basicFilter: FilterPlugin = {
  name: 'basics',
  filter: (pod, info) => {
    const { node } = info;
    if (node.spec?.unschedulable === true) return refusal('node(s) were unschedulable');
    const taint = untolerated(node.spec?.taints, pod.spec.tolerations ?? [], HARD_EFFECTS);
    if (taint !== undefined) return refusal(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
    if (!matchesNode(pod, node)) return refusal("node(s) didn't match Pod's node affinity/selector");
    if (hostPorts(pod).some((port) => hostPortConflicts(port, info.usedPorts))) return refusal("node(s) didn't have free ports for the requested pod ports");
    if (info.pods.size >= (info.allocatable['pods'] ?? 0)) return refusal('Too many pods');
    for (const [name, amount] of Object.entries(podRequests(pod))) {
      if (amount > 0 && amount > (info.allocatable[name] ?? 0) - (info.requested[name] ?? 0)) return refusal(`Insufficient ${name}`);
    }
    return PASS;
  },
};

/** Why a node cannot take a pod; undefined: it can. `others` are the nodes besides it. Pure, as far as the filters are. */
export function refusalOf(pod: Pod, info: NodeInfo, others: readonly NodeInfo[], filters: readonly FilterPlugin[]): string | undefined {
  let snapshot: ClusterSnapshot | undefined;
  for (const plugin of filters) {
    // Most filters look at one node only: the whole is put together for the others alone.
    const prepared = plugin.preFilter?.(pod, (snapshot ??= snapshotWith(info, others))) ?? {};
    if ('ok' in prepared) return prepared.reasons.join(', ');
    if (prepared.nodes !== undefined && !prepared.nodes.includes(info.name)) return "node(s) didn't match Pod's node affinity/selector";
    if (prepared.skip === true) continue;
    const verdict = plugin.filter(pod, info, prepared.state);
    if (!verdict.ok) return verdict.reasons.join(', ');
  }
  return undefined;
}

function snapshotWith(info: NodeInfo, others: readonly NodeInfo[]): ClusterSnapshot {
  const nodes = [info, ...others.filter(({ name }) => name !== info.name)];
  return { nodes, node: (name) => nodes.find((one) => one.name === name) };
}
