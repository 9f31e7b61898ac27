import { type FilterPlugin, hostPortConflicts, hostPorts, PASS, type Verdict } from '@orrery/core';

const REFUSED: Verdict = Object.freeze({ ok: false, reasons: ["node(s) didn't have free ports for the requested pod ports"], retryWhen: 'node-changes' });

/** Refuses nodes on which a host port of the pod is taken. */
export const nodePorts: FilterPlugin<readonly string[]> = {
  name: 'NodePorts',
  signature: (pod) => hostPorts(pod).join(),
  preFilter(pod) {
    const state = hostPorts(pod);
    return state.length === 0 ? { skip: true } : { state };
  },
  filter: (_pod, { usedPorts }, wanted) => (wanted.some((port) => hostPortConflicts(port, usedPorts)) ? REFUSED : PASS),
};
