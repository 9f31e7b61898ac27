import { ApiError, type Node } from '@orrery/core';

/** Where the server of a node is. */
export interface NodeEndpoint {
  /** Name of the node. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
}

/** In which order the addresses of a node are thought of (kubeadm's `--kubelet-preferred-address-types`). */
const PREFERRED = ['InternalIP', 'ExternalIP', 'Hostname'] as const;

/** Where a node says that its server is. Throws ServiceUnavailable when it says so nowhere. Pure. */
export function endpointOf({ metadata: { name = '' }, status }: Pick<Node, 'metadata' | 'status'>): NodeEndpoint {
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  const host = PREFERRED.flatMap((type) => (status?.addresses ?? []).filter((address) => address.type === type)).find(({ address }) => address !== '')?.address;
  if (port < 1 || port > 65_535 || host === undefined) throw new ApiError('ServiceUnavailable', `the agent of node ${JSON.stringify(name)} cannot be reached from this server: the node does not say where its own server is`);
  return { node: name, host, port };
}

/** As in a URL. Pure. */
export const hostAndPort = ({ host, port }: Pick<NodeEndpoint, 'host' | 'port'>): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
