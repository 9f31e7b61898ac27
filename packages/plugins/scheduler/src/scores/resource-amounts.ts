import type { Amounts, NodeInfo, Pod } from '@orrery/core';

/** A resource and how much it weighs in a score. */
export interface WeightedResource {
  readonly name: string;
  readonly weight: number;
}

/** What the resource scores look at when nothing else is asked for. */
export const CPU_AND_MEMORY: readonly WeightedResource[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

/** What one pod asks of each weighted resource, in their order. */
export interface ResourceState {
  readonly wanted: readonly number[];
}

/** Whether a resource is counted in whole pieces on a node only if the pod asks for it (v1helper.IsScalarResourceName). */
export const isScalar = (name: string): boolean => name !== 'cpu' && name !== 'memory' && name !== 'ephemeral-storage' && name !== 'pods' && name !== 'storage';

/** The text of what a pod asks of these resources. */
export const wantedText = (pod: Pod, resources: readonly WeightedResource[], requests: (pod: Pod) => Readonly<Amounts>): string => wantedOf(pod, resources, requests).join();

/** What is asked of each resource. */
export const wantedOf = (pod: Pod, resources: readonly WeightedResource[], requests: (pod: Pod) => Readonly<Amounts>): number[] => {
  const all = requests(pod);
  return resources.map(({ name }) => all[name] ?? 0);
};

/** What a node has of a resource for scoring; 0 leaves it out: an extended resource that the pod does not ask for. */
export const capacityFor = (node: NodeInfo, name: string, wanted: number): number => (wanted === 0 && isScalar(name) ? 0 : (node.allocatable[name] ?? 0));

/** What is in use on a node, counting containers without requests for cpu and memory if `nonZero`. */
export function usedOf(node: NodeInfo, name: string, nonZero: boolean): number {
  if (nonZero && name === 'cpu') return node.nonZeroRequested.cpu;
  if (nonZero && name === 'memory') return node.nonZeroRequested.memory;
  return node.requested[name] ?? 0;
}
