import type { ScorePlugin } from '@orrery/core';
import { requestsOf } from '../pods/requests.js';
import { CPU_AND_MEMORY, type ResourceState, type WeightedResource, capacityFor, usedOf, wantedOf, wantedText } from './resource-amounts.js';

/**
 * Prefers nodes whose resources the pod would leave more evenly used than it found them, so that no resource is stranded.
 * Pods that ask for none of the resources are not scored.
 */
export const balancedAllocation = (resources: readonly WeightedResource[] = CPU_AND_MEMORY): ScorePlugin<ResourceState> => ({
  name: 'NodeResourcesBalancedAllocation',
  signature: (pod) => wantedText(pod, resources, requestsOf),
  preScore(pod) {
    const wanted = wantedOf(pod, resources, requestsOf);
    return wanted.every((amount) => amount === 0) ? { skip: true } : { state: { wanted } };
  },
  score(_pod, node, { wanted }) {
    const before: number[] = [];
    const after: number[] = [];
    for (let i = 0; i < resources.length; i++) {
      const { name } = resources[i] as WeightedResource;
      const want = wanted[i] as number;
      const capacity = capacityFor(node, name, want);
      if (capacity === 0) continue;
      const used = usedOf(node, name, false);
      before.push(Math.min(1, used / capacity));
      after.push(Math.min(1, (used + want) / capacity));
    }
    return 50 + Math.trunc((50 + evenness(after) - evenness(before)) / 2);
  },
});

/** 100 when all fractions are equal, less the further they stand apart (100 times one minus their standard deviation). */
function evenness(fractions: readonly number[]): number {
  return Math.trunc((1 - deviation(fractions)) * 100);
}

function deviation(fractions: readonly number[]): number {
  if (fractions.length < 2) return 0;
  if (fractions.length === 2) return Math.abs(((fractions[0] as number) - (fractions[1] as number)) / 2);
  let total = 0;
  for (const fraction of fractions) total += fraction;
  const mean = total / fractions.length;
  let squares = 0;
  for (const fraction of fractions) squares += (fraction - mean) * (fraction - mean);
  return Math.sqrt(squares / fractions.length);
}
