import type { ContainerImage, Node } from '@orrery/core';
import { equalJson, timeOfMillis, VERSION } from '@orrery/core';
import type { MachineFacts } from './machine.js';
import { type NodeHealth, nodeConditions } from './node-conditions.js';
import type { NodeResources } from './node-resources.js';

/** What a node is registered with. */
export interface NodeConfig {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string | undefined; readonly effect: string }[];
  /** Replaces what the machine has, by resource name. */
  readonly capacity: Readonly<Record<string, string>>;
  readonly hostIP: string;
  readonly runtime: string;
  /** Where the node's own server listens; undefined: it has none. */
  readonly serverPort?: (() => number | undefined) | undefined;
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

/** What a status is made from. */
export interface NodeFacts {
  readonly config: NodeConfig;
  readonly machine: MachineFacts;
  readonly resources: NodeResources;
  readonly health: NodeHealth;
  /** What the runtime has of images; undefined: not known. */
  readonly images?: readonly ContainerImage[] | undefined;
}

/** The status a node reports: capacity, addresses, conditions, images. Times of transitions are kept where nothing changed. Pure. */
export function nodeStatus(node: Node, { config, machine, resources, health, images }: NodeFacts, now: number): NonNullable<Node['status']> {
  const port = config.serverPort?.();
  const { daemonEndpoints: _former, ...kept } = node.status ?? {};
  return {
    ...kept,
    capacity: { ...resources.capacity },
    allocatable: { ...resources.allocatable },
    addresses: [
      { type: 'InternalIP', address: config.hostIP },
      { type: 'Hostname', address: config.name },
    ],
    conditions: nodeConditions(health, node.status?.conditions ?? [], timeOfMillis(now)),
    ...(port !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
    nodeInfo: {
      machineID: machine.machineID ?? '',
      systemUUID: machine.systemUUID ?? machine.machineID ?? '',
      bootID: machine.bootID ?? '',
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage ?? machine.operatingSystem,
      containerRuntimeVersion: `${config.runtime}://${VERSION}`,
      kubeletVersion: `v1.36.0-orrery.${VERSION}`,
      kubeProxyVersion: `v1.36.0-orrery.${VERSION}`,
      operatingSystem: machine.operatingSystem,
      architecture: machine.architecture,
    },
    ...(images !== undefined && { images: [...images] }),
  };
}

/** Whether a status differs in more than its heartbeat times. The order of keys does not count: what comes back from the server has its own. Pure. */
export function differs(a: Node['status'], b: Node['status']): boolean {
  const timeless = (status: Node['status']): object => ({ ...status, conditions: (status?.conditions ?? []).map(({ lastHeartbeatTime: _time, ...rest }) => rest) });
  return !equalJson(timeless(a), timeless(b));
}
