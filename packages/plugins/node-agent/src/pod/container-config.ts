import type { Container, ContainerConfig, Mount, Pod } from '@orrery/core';
import { CONTAINER_HASH, containerHash } from './container-hash.js';
import { containerResources, type NodeFacts } from './container-resources.js';
import { securityOf } from './container-security.js';
import { expand } from './env.js';
import { devicesOf } from './node-settings.js';
import type { EnvEntry } from './service-env.js';

/** Labels by which a container is told from others; the same that the kubelet uses. */
export const LABELS = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

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
    resources: containerResources(pod, container, node),
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
