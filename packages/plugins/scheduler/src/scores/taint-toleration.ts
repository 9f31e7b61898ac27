import { type ScorePlugin, tolerates, type Toleration } from '@orrery/core';

/** Prefers nodes with fewer PreferNoSchedule taints that the pod does not tolerate. */
export const taintTolerationScore: ScorePlugin<readonly Toleration[]> = {
  name: 'TaintToleration',
  normalize: 'reverse',
  signature: (pod) => JSON.stringify(pod.spec.tolerations ?? []),
  preScore: (pod) => ({ state: (pod.spec.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule') }),
  score(_pod, { node }, tolerations) {
    let intolerable = 0;
    for (const taint of node.spec?.taints ?? []) {
      if (taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint))) intolerable++;
    }
    return intolerable;
  },
};
