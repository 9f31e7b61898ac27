import { type Check, type Checked, containers, containersOf, counted, namesOf, quoted, setters, sorted, type Violation } from './check.js';

// What of its node a pod may use.

/** Namespaces of the node. */
export const hostNamespaces: Check = {
  id: 'hostNamespaces',
  level: 'baseline',
  since: [
    [0, ({ spec }) => {
      const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true);
      return used.length === 0 ? undefined : { reason: 'host namespaces', detail: used.map((name) => `${name}=true`).join(', ') };
    }],
  ],
};

/** Folders and files of the node. */
export const hostPathVolumes: Check = {
  id: 'hostPathVolumes',
  level: 'baseline',
  since: [
    [0, ({ spec }) => {
      const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
      return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: `${counted('volume', 'volumes', names.length)} ${quoted(names)}` };
    }],
  ],
};

/** Ports of the node. */
export const hostPorts: Check = {
  id: 'hostPorts',
  level: 'baseline',
  since: [
    [0, (pod) => {
      const names = namesOf(pod, ({ ports = [] }) => ports.some(({ hostPort = 0 }) => hostPort !== 0));
      const used = sorted(containersOf(pod).flatMap(({ ports = [] }) => ports.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]))));
      if (names.length === 0) return undefined;
      return { reason: 'hostPort', detail: `${containers(names)} ${counted('uses', 'use', names.length)} ${counted('hostPort', 'hostPorts', used.length)} ${used.join(', ')}` };
    }],
  ],
};

/** Probes and handlers that go elsewhere than to the pod: the node would ask in its name. */
export const hostProbes: Check = { id: 'hostProbesAndHostLifecycle', level: 'baseline', since: [[34, probedHosts]] };

function probedHosts(pod: Checked): Violation | undefined {
  const names: string[] = [];
  const hosts: string[] = [];
  for (const { name, livenessProbe, readinessProbe, startupProbe, lifecycle } of containersOf(pod)) {
    const found = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap((one) => [one?.httpGet?.host ?? '', one?.tcpSocket?.host ?? '']).filter((host) => host !== '');
    if (found.length > 0) names.push(name);
    hosts.push(...found);
  }
  if (names.length === 0) return undefined;
  const [who, where] = [sorted(names), sorted(hosts)];
  const what = counted('probe or lifecycle host', 'probe or lifecycle hosts', where.length);
  return { reason: 'probe or lifecycle host', detail: `${containers(who)} ${counted('uses', 'use', who.length)} ${what} ${quoted(where)}` };
}

/** Being a process of the node, on Windows. */
export const windowsHostProcess: Check = {
  id: 'windowsHostProcess',
  level: 'baseline',
  since: [
    [0, (pod) => {
      const names = namesOf(pod, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
      const whole = pod.spec.securityContext?.windowsOptions?.hostProcess === true;
      return names.length === 0 && !whole ? undefined : { reason: 'hostProcess', detail: `${setters(whole, names)} must not set securityContext.windowsOptions.hostProcess=true` };
    }],
  ],
};
