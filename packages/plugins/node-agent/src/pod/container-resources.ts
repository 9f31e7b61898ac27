import { amountOf, type Container, type ContainerResources, milliValue, oomScoreAdj, type Pod } from '@orrery/core';
import type { NodeSettings } from './node-settings.js';

/** What of a node goes into the config of its containers. */
export interface NodeFacts {
  /** All memory of the machine, bytes, above 0. */
  readonly memoryBytes: number;
  readonly settings: Pick<NodeSettings, 'podPidsLimit' | 'devices'>;
}

/** What may change while a container runs. */
export type Limits = Pick<ContainerResources, 'cpuShares' | 'cpuQuota' | 'cpuPeriod' | 'memoryLimitBytes'>;

const CPU_PERIOD_US = 100_000;

/** By the container's spec, which the versions of a pod share. */
const known = new WeakMap<Container, Limits>();

/**
 * Cpu and memory of a container in the kernel's units (kubelet/cm MilliCPUToShares, MilliCPUToQuota). A container without a limit of its own has that of
 * the pod as a whole, if there is one. Pure.
 */
export function limitsOf(pod: Pick<Pod, 'spec'>, container: Container): Limits {
  const found = known.get(container);
  if (found !== undefined) return found;
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limitOf = (name: 'cpu' | 'memory'): number => {
    const text = limits[name] ?? pod.spec.resources?.limits?.[name];
    return text === undefined ? 0 : amountOf(name, text);
  };
  const cpuLimit = limitOf('cpu');
  const cpuRequest = requests['cpu'] === undefined ? (limits['cpu'] === undefined ? 0 : cpuLimit) : milliValue(requests['cpu']);
  const memory = limitOf('memory');
  const computed = {
    cpuShares: Math.min(262_144, Math.max(2, Math.floor((cpuRequest * 1024) / 1000))),
    ...(cpuLimit > 0 && { cpuPeriod: CPU_PERIOD_US, cpuQuota: Math.max(1000, Math.floor((cpuLimit * CPU_PERIOD_US) / 1000)) }),
    ...(memory > 0 && { memoryLimitBytes: memory }),
  };
  known.set(container, computed);
  return computed;
}

/** Everything a container may use, in the kernel's units. Pure. */
export function containerResources(pod: Pod, container: Container, { memoryBytes, settings }: NodeFacts): ContainerResources {
  return {
    ...limitsOf(pod, container),
    ...(settings.podPidsLimit !== undefined && { pidsLimit: settings.podPidsLimit }),
    oomScoreAdj: oomScoreAdj(pod, container, memoryBytes),
  };
}
