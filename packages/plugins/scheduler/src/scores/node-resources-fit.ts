import type { ScorePlugin } from '@orrery/core';
import { requestsForScoring } from '../pods/requests.js';
import { CPU_AND_MEMORY, type ResourceState, type WeightedResource, capacityFor, usedOf, wantedOf, wantedText } from './resource-amounts.js';

/** A point of a utilisation curve: at `utilization` percent the score is `score`, 0 to 10. */
export interface ShapePoint {
  readonly utilization: number;
  readonly score: number;
}

/** How `requested` of `capacity` (above 0) ranks: 0 to 100, a whole number. */
type Ranking = (requested: number, capacity: number) => number;

const least: Ranking = (requested, capacity) => (requested > capacity ? 0 : Math.trunc(((capacity - requested) * 100) / capacity));
const most: Ranking = (requested, capacity) => Math.trunc((Math.min(requested, capacity) * 100) / capacity);

/** Prefers nodes with most room left. */
export const leastAllocated = (resources: readonly WeightedResource[] = CPU_AND_MEMORY): ScorePlugin<ResourceState> =>
  resourceScore(resources, (node, wanted) => weighted(node, wanted, resources, least, false));

/** Prefers nodes that are fullest: packs pods together. */
export const mostAllocated = (resources: readonly WeightedResource[] = CPU_AND_MEMORY): ScorePlugin<ResourceState> =>
  resourceScore(resources, (node, wanted) => weighted(node, wanted, resources, most, false));

/** Ranks nodes by a curve over their utilisation. The points must be in ascending order of utilisation. */
export function requestedToCapacityRatio(shape: readonly ShapePoint[], resources: readonly WeightedResource[] = CPU_AND_MEMORY): ScorePlugin<ResourceState> {
  const curve = brokenLine(shape.map(({ utilization, score }) => ({ utilization, score: score * 10 })));
  const rank: Ranking = (requested, capacity) => curve(requested > capacity ? 100 : Math.trunc((requested * 100) / capacity));
  return resourceScore(resources, (node, wanted) => weighted(node, wanted, resources, rank, true));
}

function resourceScore(resources: readonly WeightedResource[], score: (node: Parameters<ScorePlugin['score']>[1], wanted: readonly number[]) => number): ScorePlugin<ResourceState> {
  return {
    name: 'NodeResourcesFit',
    signature: (pod) => wantedText(pod, resources, requestsForScoring),
    preScore: (pod) => ({ state: { wanted: wantedOf(pod, resources, requestsForScoring) } }),
    score: (_pod, node, { wanted }) => score(node, wanted),
  };
}

/** The weighted mean over resources; the ratio strategy leaves out those that rank 0 and rounds, the others truncate. */
function weighted(node: Parameters<ScorePlugin['score']>[1], wanted: readonly number[], resources: readonly WeightedResource[], rank: Ranking, ratio: boolean): number {
  let sum = 0;
  let weights = 0;
  for (let i = 0; i < resources.length; i++) {
    const { name, weight } = resources[i] as WeightedResource;
    const want = wanted[i] as number;
    const capacity = capacityFor(node, name, want);
    if (capacity === 0) continue;
    const ranked = rank(usedOf(node, name, true) + want, capacity);
    if (ratio && ranked <= 0) continue;
    sum += ranked * weight;
    weights += weight;
  }
  if (weights === 0) return 0;
  return ratio ? Math.round(sum / weights) : Math.trunc(sum / weights);
}

/** Straight lines between points, in whole numbers (helper.BuildBrokenLinearFunction). */
export function brokenLine(shape: readonly ShapePoint[]): (at: number) => number {
  return (at) => {
    for (let i = 0; i < shape.length; i++) {
      const point = shape[i] as ShapePoint;
      if (at > point.utilization) continue;
      const before = shape[i - 1];
      if (before === undefined) return point.score;
      return before.score + Math.trunc(((point.score - before.score) * (at - before.utilization)) / (point.utilization - before.utilization));
    }
    return shape.at(-1)?.score ?? 0;
  };
}
