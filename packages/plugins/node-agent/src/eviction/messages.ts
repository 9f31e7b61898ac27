import { type PodCondition, value } from '@orrery/core';
import type { Candidate, ContainerConsumption } from './rank.js';
import { type Observations, type ScarceResource, signalFacts } from './signals.js';
import { bytesText, type Threshold, valueText } from './thresholds.js';

/** The reason of pods that were evicted. */
export const REASON = 'Evicted';

/** An end that the agent decides on: what the pod's status then says, and how long its containers get. */
export interface Eviction {
  readonly reason: string;
  readonly message: string;
  readonly graceSeconds: number;
  readonly condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;
}

/** Why a pod is evicted from a node that is short of something, in the kubelet's words (eviction/helpers.go evictionMessage). Pure. */
export function lowMessage(resource: ScarceResource, { pod, usage }: Candidate, thresholds: readonly Threshold[], observations: Observations): string {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const blamed = (usage?.containers ?? []).flatMap((used) => {
    const container = containers.find(({ name }) => name === used.name);
    const amount = usedOf(resource, used);
    if (container === undefined || amount === undefined) return [];
    const request = container.resources?.requests?.[resource] ?? '0';
    return amount > value(request) ? [`Container ${container.name} was using ${bytesText(amount)}, request is ${request}, has larger consumption of ${resource}. `] : [];
  });
  return `The node was low on resource: ${resource}. ${thresholdText(resource, thresholds, observations)}${blamed.join('')}`;
}

function thresholdText(resource: ScarceResource, thresholds: readonly Threshold[], observations: Observations): string {
  const threshold = thresholds.find(({ signal }) => signalFacts(signal)?.resource === resource && observations.has(signal));
  const observed = observations.get(threshold?.signal ?? '');
  if (threshold === undefined || observed === undefined) return '';
  return `Threshold quantity: ${valueText(threshold.value, observed.capacity)}, available: ${bytesText(observed.available)}. `;
}

function usedOf(resource: ScarceResource, { workingSetBytes, rootfsBytes, logBytes }: ContainerConsumption): number | undefined {
  if (resource === 'memory') return workingSetBytes;
  return resource === 'ephemeral-storage' && rootfsBytes !== undefined && logBytes !== undefined ? rootfsBytes + logBytes : undefined;
}
