import type { Node, NodeCondition } from '@orrery/core';
import { canonicalQuantity, equalJson, timeOfMillis, VERSION } from '@orrery/core';
import type { MachineFacts } from './machine.js';

/** What a node is registered with. */
export interface NodeConfig {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string | undefined; readonly effect: string }[];
  /** Replaces what the machine has, by resource name. */
  readonly capacity: Readonly<Record<string, string>>;
  readonly hostIP: string;
  readonly runtime: string;
}

/** The Node object at first registration (kubelet's initialNode). Pure. */
export function initialNode(config: NodeConfig, machine: MachineFacts): Node {
  const labels = {
    'beta.kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': machine.operatingSystem,
    'kubernetes.io/arch': machine.architecture,
    'kubernetes.io/os': machine.operatingSystem,
    'kubernetes.io/hostname': config.name,
    ...config.labels,
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: config.name, labels },
    spec: config.taints.length > 0 ? { taints: config.taints.map((taint) => ({ ...taint })) } : {},
  } as Node;
}

const PRESSURES = [
  { type: 'MemoryPressure', reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available' },
  { type: 'DiskPressure', reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
  { type: 'PIDPressure', reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
] as const;

/** The status a node reports: capacity, addresses, conditions. Times of transitions are kept where nothing changed. Pure. */
export function nodeStatus(node: Node, config: NodeConfig, machine: MachineFacts, ready: { readonly ok: boolean; readonly message: string }, now: number): NonNullable<Node['status']> {
  const time = timeOfMillis(now);
  // As the server writes them, so that a status that says the same is the same.
  const capacity = Object.fromEntries(Object.entries({ ...machine.capacity, ...config.capacity }).map(([resource, amount]) => [resource, canonicalQuantity(amount) ?? amount]));
  const before = node.status?.conditions ?? [];
  const condition = (type: string, status: string, reason: string, message: string): NodeCondition => {
    const known = before.find((candidate) => candidate.type === type);
    return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime: known?.status === status ? (known.lastTransitionTime ?? time) : time };
  };
  const own = [
    ...PRESSURES.map(({ type, reason, message }) => condition(type, 'False', reason, message)),
    ready.ok ? condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status') : condition('Ready', 'False', 'KubeletNotReady', ready.message),
  ];
  return {
    ...node.status,
    capacity,
    allocatable: capacity,
    addresses: [
      { type: 'InternalIP', address: config.hostIP },
      { type: 'Hostname', address: config.name },
    ],
    conditions: [...before.filter(({ type }) => !own.some((c) => c.type === type)), ...own],
    nodeInfo: {
      machineID: '',
      systemUUID: '',
      bootID: '',
      kernelVersion: machine.kernelVersion,
      osImage: machine.operatingSystem,
      containerRuntimeVersion: `${config.runtime}://${VERSION}`,
      kubeletVersion: `v1.36.0-orrery.${VERSION}`,
      kubeProxyVersion: `v1.36.0-orrery.${VERSION}`,
      operatingSystem: machine.operatingSystem,
      architecture: machine.architecture,
    },
  };
}

/** Whether a status differs in more than its heartbeat times. The order of keys does not count: what comes back from the server has its own. Pure. */
export function differs(a: Node['status'], b: Node['status']): boolean {
  const timeless = (status: Node['status']): object => ({ ...status, conditions: (status?.conditions ?? []).map(({ lastHeartbeatTime: _time, ...rest }) => rest) });
  return !equalJson(timeless(a), timeless(b));
}
