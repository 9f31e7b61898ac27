import { type FilterPlugin, PASS, tolerates, type Verdict } from '@orrery/core';

const REFUSED: Verdict = Object.freeze({ ok: false, reasons: ['node(s) were unschedulable'], retryWhen: 'node-changes', unresolvable: true });
const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

/** Refuses cordoned nodes, unless the pod tolerates the taint that stands for it. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  signature: (pod) => JSON.stringify(pod.spec.tolerations ?? []),
  filter(pod, { node }) {
    if (node.spec?.unschedulable !== true) return PASS;
    return pod.spec.tolerations?.some((toleration) => tolerates(toleration, TAINT)) === true ? PASS : REFUSED;
  },
};
