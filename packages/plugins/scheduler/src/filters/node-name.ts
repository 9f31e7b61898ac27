import { type FilterPlugin, PASS, type Verdict } from '@orrery/core';

const REFUSED: Verdict = Object.freeze({ ok: false, reasons: ["node(s) didn't match the requested node name"], retryWhen: 'never', unresolvable: true });

/** Lets only the node pass that `spec.nodeName` names, if it names one. */
export const nodeName: FilterPlugin = {
  name: 'NodeName',
  signature: (pod) => pod.spec.nodeName ?? '',
  filter: (pod, { name }) => (!pod.spec.nodeName || pod.spec.nodeName === name ? PASS : REFUSED),
};
