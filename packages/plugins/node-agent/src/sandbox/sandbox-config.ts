import type { DnsConfig, Pod, PortMapping, SandboxConfig } from '@orrery/core';
import { LABELS } from '../pod/container-config.js';
import { sysctlsOf } from '../policy/sysctls.js';
import { kernelHostname, podHostname } from './hostname.js';

/** What of a node goes into the config of its sandboxes. */
export interface SandboxFacts {
  readonly clusterDomain: string;
  /** The machine's host name: that of pods on its network. */
  readonly machineHostname: string;
  /** How the pod's containers resolve names; undefined: as the engine has it. */
  readonly dns: DnsConfig | undefined;
}

/** What the runtime makes a pod's sandbox from (kuberuntime generatePodSandboxConfig). Pure; throws ConfigError when the pod's full name is too long. */
export function sandboxConfig(pod: Pod, attempt: number, { clusterDomain, machineHostname, dns }: SandboxFacts): SandboxConfig {
  const { name = '', namespace = 'default', uid = '', labels = {} } = pod.metadata;
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  const sysctls = sysctlsOf(pod);
  return {
    pod: { namespace, name, uid },
    attempt,
    hostname: hostNetwork === true ? machineHostname : kernelHostname(pod, podHostname(pod, clusterDomain)),
    labels: { ...labels, [LABELS.podName]: name, [LABELS.podNamespace]: namespace, [LABELS.podUid]: uid },
    annotations: pod.metadata.annotations ?? {},
    hostNetwork: hostNetwork === true,
    hostPorts: hostPortsOf(pod),
    ...(hostPID === true ? { pidNamespace: 'host' as const } : shareProcessNamespace === true ? { pidNamespace: 'pod' as const } : {}),
    ...(hostIPC === true && { ipcNamespace: 'host' as const }),
    ...(dns !== undefined && { dns }),
    ...(Object.keys(sysctls).length > 0 && { sysctls }),
  };
}

/** Ports published on the node: of containers that run beside each other, so of sidecars too. */
function hostPortsOf({ spec }: Pod): readonly PortMapping[] {
  const containers = [...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'), ...spec.containers];
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, protocol, hostIP }) =>
      hostPort === undefined || hostPort === 0 ? [] : [{ protocol: (protocol ?? 'TCP') as PortMapping['protocol'], containerPort, hostPort, ...(hostIP !== undefined && { hostIP }) }],
    ),
  );
}
