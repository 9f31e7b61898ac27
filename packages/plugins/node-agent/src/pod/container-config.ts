import { type Container, type ContainerConfig, type ContainerResources, type ContainerSecurity, milliValue, type Mount, type Pod, value } from '@orrery/core';
import { expand } from './env.js';
import type { EnvEntry } from './service-env.js';

/** Labels by which a container is told from others; the same that the kubelet uses. */
export const LABELS = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

const CPU_PERIOD_US = 100_000;

/** What the runtime is told to create. `mounts` are the container's volumes in place on the host. Pure. */
export function containerConfig(pod: Pod, container: Container, attempt: number, env: readonly EnvEntry[], mounts: readonly Mount[]): ContainerConfig {
  const values = new Map(env.map((entry) => [entry.name, entry.value]));
  const words = (list: readonly string[] | undefined): string[] => (list ?? []).map((word) => expand(word, values));
  return {
    name: container.name,
    attempt,
    image: container.image ?? '',
    command: words(container.command),
    args: words(container.args),
    ...(container.workingDir !== undefined && container.workingDir !== '' && { workingDir: container.workingDir }),
    env,
    mounts,
    resources: resourcesOf(container),
    stdin: container.stdin === true,
    tty: container.tty === true,
    ...(container.lifecycle?.stopSignal !== undefined && { stopSignal: container.lifecycle.stopSignal }),
    labels: {
      [LABELS.podName]: pod.metadata.name ?? '',
      [LABELS.podNamespace]: pod.metadata.namespace ?? '',
      [LABELS.podUid]: pod.metadata.uid ?? '',
      [LABELS.containerName]: container.name,
    },
    annotations: {},
    security: securityOf(pod, container),
  };
}

/** Requests and limits in the kernel's units (kubelet/cm MilliCPUToShares, MilliCPUToQuota). */
function resourcesOf(container: Container): ContainerResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const cpuLimit = limits['cpu'] === undefined ? 0 : milliValue(limits['cpu']);
  const cpuRequest = requests['cpu'] === undefined ? cpuLimit : milliValue(requests['cpu']);
  const memory = limits['memory'] === undefined ? 0 : value(limits['memory']);
  return {
    cpuShares: Math.min(262_144, Math.max(2, Math.floor((cpuRequest * 1024) / 1000))),
    ...(cpuLimit > 0 && { cpuPeriod: CPU_PERIOD_US, cpuQuota: Math.max(1000, Math.floor((cpuLimit * CPU_PERIOD_US) / 1000)) }),
    ...(memory > 0 && { memoryLimitBytes: memory }),
  };
}

function securityOf(pod: Pod, container: Container): ContainerSecurity {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  const { supplementalGroups } = shared;
  return {
    ...(user !== undefined && { runAsUser: user }),
    ...(group !== undefined && { runAsGroup: group }),
    ...(supplementalGroups !== undefined && { supplementalGroups }),
    ...(own.readOnlyRootFilesystem !== undefined && { readOnlyRootFilesystem: own.readOnlyRootFilesystem }),
    ...(own.privileged !== undefined && { privileged: own.privileged }),
    ...(own.allowPrivilegeEscalation !== undefined && { allowPrivilegeEscalation: own.allowPrivilegeEscalation }),
    ...(own.capabilities?.add !== undefined && { addCapabilities: own.capabilities.add }),
    ...(own.capabilities?.drop !== undefined && { dropCapabilities: own.capabilities.drop }),
  };
}
