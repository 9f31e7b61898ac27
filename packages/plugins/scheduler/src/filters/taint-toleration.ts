import { type FilterPlugin, HARD_EFFECTS, PASS, untolerated, type Verdict } from '@orrery/core';

const REFUSED: Verdict = Object.freeze({ ok: false, reasons: ['node(s) had untolerated taint(s)'], retryWhen: 'node-changes', unresolvable: true });

/** Refuses nodes with a NoSchedule or NoExecute taint that the pod does not tolerate. */
export const taintTolerationFilter: FilterPlugin = {
  name: 'TaintToleration',
  signature: (pod) => JSON.stringify(pod.spec.tolerations ?? []),
  filter: (pod, { node }) => (untolerated(node.spec?.taints, pod.spec.tolerations ?? [], HARD_EFFECTS) === undefined ? PASS : REFUSED),
};
