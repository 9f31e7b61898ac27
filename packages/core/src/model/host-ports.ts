import type { Pod } from './kinds/pod.js';

/** All addresses of a node. */
const WILDCARD = '0.0.0.0';

/** The host ports a pod takes, as `protocol/ip/port`: those of its containers and sidecars (component-helpers GetHostPorts). Pure. */
export function hostPorts(pod: Pick<Pod, 'spec'>): readonly string[] {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const taken: string[] = [];
  for (const { ports } of [...pod.spec.containers, ...sidecars]) {
    for (const { hostPort, hostIP, protocol } of ports ?? []) {
      if (hostPort !== undefined && hostPort > 0) taken.push(`${protocol || 'TCP'}/${hostIP || WILDCARD}/${hostPort}`);
    }
  }
  return taken;
}

/** Whether a wanted port is taken: the same protocol and port on the same address, or on all of them (framework HostPortInfo.CheckConflict). Pure. */
export function hostPortConflicts(wanted: string, used: ReadonlySet<string>): boolean {
  if (used.size === 0) return false;
  if (used.has(wanted)) return true;
  const [protocol, ip, port] = wanted.split('/');
  if (ip !== WILDCARD) return used.has(`${protocol}/${WILDCARD}/${port}`);
  for (const other of used) if (other.startsWith(`${protocol}/`) && other.endsWith(`/${port}`)) return true;
  return false;
}
