import { matchesNodeSelectorTerm, type Pod, type ScorePlugin } from '@orrery/core';

const preferred = (pod: Pod) => pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];

/** Prefers nodes by the weights of the preferred node affinity terms they fit. */
export const nodeAffinityScore: ScorePlugin = {
  name: 'NodeAffinity',
  normalize: 'default',
  signature: (pod) => JSON.stringify(preferred(pod)),
  preScore: (pod) => ({ skip: preferred(pod).length === 0 }),
  score(pod, { node }) {
    let sum = 0;
    for (const { weight, preference } of preferred(pod)) {
      if (weight !== 0 && matchesNodeSelectorTerm(preference, node)) sum += weight;
    }
    return sum;
  },
};
