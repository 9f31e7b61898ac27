import { amountOf, type Container, type ContainerConfig, type ContainerResources, milliValue, type Mount, oomScoreAdj, type Pod } from '@orrery/core';
import { CONTAINER_HASH, containerHash } from './container-hash.js';
import { securityOf } from './container-security.js';
import { expand } from './env.js';
import { devicesOf, type NodeSettings } from './node-settings.js';
import type { EnvEntry } from './service-env.js';

/** Labels by which a container is told from others; the same that the kubelet uses. */
export const LABELS = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

const CPU_PERIOD_US = 100_000;

/** What of a node goes into the config of its containers. */
export interface NodeFacts {
  /** All memory of the machine, bytes, above 0. */
  readonly memoryBytes: number;
  readonly settings: Pick<NodeSettings, 'podPidsLimit' | 'devices'>;
}

/**
 * What the runtime is told to create. `mounts` are the container's volumes in place on the host. Pure; throws ConfigError for a
 * seccomp profile outside its folder.
 */
export function containerConfig(pod: Pod, container: Container, attempt: number, env: readonly EnvEntry[], mounts: readonly Mount[], node: NodeFacts): ContainerConfig {
  const values = new Map(env.map((entry) => [entry.name, entry.value]));
  const words = (list: readonly string[] | undefined): string[] => (list ?? []).map((word) => expand(word, values));
  const devices = devicesOf(container.resources?.limits, node.settings);
  return {
    name: container.name,
    attempt,
    image: container.image ?? '',
    command: words(container.command),
    args: words(container.args),
    ...(container.workingDir !== undefined && container.workingDir !== '' && { workingDir: container.workingDir }),
    env,
    mounts,
    ...(devices.length > 0 && { devices }),
    resources: resourcesOf(pod, container, node),
    stdin: container.stdin === true,
    ...(container.stdin === true && container.stdinOnce === true && { stdinOnce: true }),
    tty: container.tty === true,
    ...(container.lifecycle?.stopSignal !== undefined && { stopSignal: container.lifecycle.stopSignal }),
    labels: {
      [LABELS.podName]: pod.metadata.name ?? '',
      [LABELS.podNamespace]: pod.metadata.namespace ?? '',
      [LABELS.podUid]: pod.metadata.uid ?? '',
      [LABELS.containerName]: container.name,
    },
    annotations: { [CONTAINER_HASH]: containerHash(container) },
    security: securityOf(pod, container),
  };
}

/**
 * Requests and limits in the kernel's units (kubelet/cm MilliCPUToShares, MilliCPUToQuota). A container without a limit of its own has that of
 * the pod as a whole, if there is one.
 */
function resourcesOf(pod: Pod, container: Container, { memoryBytes, settings }: NodeFacts): ContainerResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limitOf = (name: 'cpu' | 'memory'): number => {
    const text = limits[name] ?? pod.spec.resources?.limits?.[name];
    return text === undefined ? 0 : amountOf(name, text);
  };
  const cpuLimit = limitOf('cpu');
  const cpuRequest = requests['cpu'] === undefined ? (limits['cpu'] === undefined ? 0 : cpuLimit) : milliValue(requests['cpu']);
  const memory = limitOf('memory');
  return {
    cpuShares: Math.min(262_144, Math.max(2, Math.floor((cpuRequest * 1024) / 1000))),
    ...(cpuLimit > 0 && { cpuPeriod: CPU_PERIOD_US, cpuQuota: Math.max(1000, Math.floor((cpuLimit * CPU_PERIOD_US) / 1000)) }),
    ...(memory > 0 && { memoryLimitBytes: memory }),
    ...(settings.podPidsLimit !== undefined && { pidsLimit: settings.podPidsLimit }),
    oomScoreAdj: oomScoreAdj(pod, container, memoryBytes),
  };
}
