import type { Pod } from '@orrery/core';
import type { Rejection } from '../pod/admission.js';

/** Kernel parameters that touch nobody but the pod (kubelet sysctl.SafeSysctlAllowlist). */
const SAFE: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem',
]);

/** The kernel parameters of a pod, by name with dots. Pure. */
export function sysctlsOf(pod: Pod): Readonly<Record<string, string>> {
  return Object.fromEntries((pod.spec.securityContext?.sysctls ?? []).map(({ name, value }) => [dotted(name), value]));
}

/**
 * Whether a node takes a pod for the kernel parameters it sets (kubelet sysctl.patternAllowlist): safe ones, and those the administrator allows,
 * unless they belong to a namespace that the pod shares with the host. What belongs to no namespace is never allowed. Pure.
 * @param unsafe names, or prefixes ending in `*`
 */
export function checkSysctls(pod: Pod, unsafe: readonly string[]): Rejection | undefined {
  for (const name of Object.keys(sysctlsOf(pod))) {
    const problem = problemOf(name, pod, unsafe);
    if (problem !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} ${problem}` };
  }
  return undefined;
}

function problemOf(name: string, { spec }: Pod, unsafe: readonly string[]): string | undefined {
  const namespace = namespaceOf(name);
  const allowed = SAFE.has(name) || unsafe.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
  if (!allowed || namespace === undefined) return 'not allowlisted';
  if (namespace === 'net' && spec.hostNetwork === true) return 'not allowed with host net enabled';
  if (namespace === 'ipc' && spec.hostIPC === true) return 'not allowed with host ipc enabled';
  return undefined;
}

function namespaceOf(name: string): 'net' | 'ipc' | undefined {
  if (name.startsWith('net.')) return 'net';
  return name === 'kernel.sem' || ['kernel.shm', 'kernel.msg', 'fs.mqueue.'].some((prefix) => name.startsWith(prefix)) ? 'ipc' : undefined;
}

/** `net/ipv4/conf/eth0.1/x` is `net.ipv4.conf.eth0/1.x`: what separates comes first (sysctl.NormalizeName). */
function dotted(name: string): string {
  return /[./]/.exec(name)?.[0] === '/' ? name.replaceAll(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : name;
}
