import type { ContainerConfig, SandboxConfig } from '@orrery/core';
import { OrreryError } from '@orrery/core';

/**
 * What pods of this node may ask for. Everything is refused unless it is allowed here: whoever may do these things owns the machine.
 * The engine's own socket and data are never mounted, whatever is set.
 */
export interface DockerPolicy {
  /** `securityContext.privileged`, and mounts with `Bidirectional` propagation (Kubernetes asks privilege for them). */
  readonly privileged?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  /** Devices of the host: all of them, or those with these host paths. */
  readonly devices?: boolean | readonly string[];
  /** Seccomp profile `Unconfined` and proc mount `Unmasked`. */
  readonly unconfined?: boolean;
  /** Capabilities that may be added beside those that engines give everybody, without `CAP_`; `ALL` allows every one. */
  readonly capabilities?: readonly string[];
  /** When given, mounts must lie in one of these directories, links followed. */
  readonly mountRoots?: readonly string[];
  /** Kernel parameters beside the safe ones of the kubelet; one that ends in `*` is a prefix, as the kubelet's `allowedUnsafeSysctls`. */
  readonly sysctls?: readonly string[];
}

/** What the engine grants to every container: adding one of these gives nothing new. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'NET_RAW', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
];

/** The kubelet's safe set (pkg/kubelet/sysctl/safe_sysctls.go): they act on the pod's namespaces alone. */
export const SAFE_SYSCTLS: readonly string[] = [
  'kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem',
];

/** Refuses a field. */
export function forbidden(field: string, why: string): OrreryError {
  return new OrreryError('FORBIDDEN', `${field}: ${why}.`, { field });
}

/** Throws `FORBIDDEN`, naming the field, for what the policy does not allow a sandbox. */
export function checkSandboxPolicy(policy: DockerPolicy, config: SandboxConfig): void {
  if (config.hostNetwork && policy.hostNetwork !== true) throw forbidden('hostNetwork', 'the host\'s network is not allowed here');
  if (config.pidNamespace === 'host' && policy.hostPID !== true) throw forbidden('hostPID', 'the host\'s processes are not allowed here');
  if (config.ipcNamespace === 'host' && policy.hostIPC !== true) throw forbidden('hostIPC', 'the host\'s IPC is not allowed here');
  const allowed = (name: string): boolean =>
    SAFE_SYSCTLS.includes(name) || (policy.sysctls ?? []).some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
  for (const name of Object.keys(config.sysctls ?? {})) if (!allowed(name)) throw forbidden(`securityContext.sysctls[${name}]`, 'this kernel parameter is not allowed here');
}

/** Throws `FORBIDDEN`, naming the field, for what the policy does not allow a container. Mounts are judged by {@link resolveMounts}. */
export function checkContainerPolicy(policy: DockerPolicy, { security, devices = [], mounts }: Pick<ContainerConfig, 'security' | 'devices' | 'mounts'>): void {
  if (security.privileged === true && policy.privileged !== true) throw forbidden('securityContext.privileged', 'privileged containers are not allowed here');
  if (security.seccomp?.type === 'Unconfined' && policy.unconfined !== true) throw forbidden('securityContext.seccompProfile', 'Unconfined is not allowed here');
  if (security.procMount === 'Unmasked' && policy.unconfined !== true) throw forbidden('securityContext.procMount', 'Unmasked is not allowed here');
  const capabilities = new Set([...DEFAULT_CAPABILITIES, ...(policy.capabilities ?? []).map(bareCapability)]);
  for (const capability of (security.addCapabilities ?? []).map(bareCapability)) {
    if (!capabilities.has('ALL') && !capabilities.has(capability)) throw forbidden('securityContext.capabilities.add', `${capability} is not allowed here`);
  }
  for (const { hostPath } of devices) {
    const fine = typeof policy.devices === 'object' ? policy.devices.includes(hostPath) : policy.devices === true;
    if (!fine) throw forbidden('devices', `the device ${hostPath} is not allowed here`);
  }
  if (mounts.some(({ propagation }) => propagation === 'Bidirectional') && security.privileged !== true) {
    throw forbidden('volumeMounts.mountPropagation', 'Bidirectional needs a privileged container');
  }
}

/** A capability's name as the engine takes it: upper case, without `CAP_`. Throws `INVALID` for anything else. */
export function bareCapability(name: string): string {
  const bare = name.toUpperCase().replace(/^CAP_/, '');
  if (!/^[A-Z][A-Z_0-9]{1,40}$/.test(bare)) throw new OrreryError('INVALID', `securityContext.capabilities: "${name.slice(0, 64)}" is no capability.`, { field: 'securityContext.capabilities' });
  return bare;
}
