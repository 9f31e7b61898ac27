import { ApiError, definePlugin, Informers, MetricsSources, Node, PodStreams, RemoteNodes, untilAborted } from '@orrery/core';
import { z } from 'zod';
import type { NodeCredentials } from './client/dial.js';
import { endpointOf, type NodeEndpoint } from './client/endpoint.js';
import { NodeLine } from './client/node-line.js';
import { NodeMetrics } from './client/node-metrics.js';

const options = z.strictObject({
  /** What the API server proves itself with to nodes, and the authority by which nodes prove themselves; asked for at each connection. */
  credentials: z.custom<() => NodeCredentials>((value) => typeof value === 'function', 'must be a function'),
  /** Connections to one node at the same time. */
  connections: z.int().positive().default(500),
  /** How often nodes are asked what they and their pods use. */
  metricsSeconds: z.number().positive().default(15),
});

/**
 * Reaches nodes whose agents are elsewhere by their own servers, as their Node objects name them: for logs, commands, ports and the proxy of the API server, and for what `top` and autoscalers want to know.
 * Nodes of this process are left alone.
 */
export const remoteNodes = definePlugin({
  name: 'remote-nodes',
  core: '^0.1.0',
  options,
  setup: ({ add, run, get, clock, log, options: { credentials, connections, metricsSeconds } }) => {
    const lines = new Map<string, NodeLine>();
    const endpoint = async (name: string): Promise<NodeEndpoint> => {
      const node = get(Informers).get(Node).lister.get(name);
      if (node === undefined) throw ApiError.notFound({ group: '', plural: 'nodes' }, name);
      return endpointOf(node);
    };
    const lineTo = (node: string): NodeLine => {
      let line = lines.get(node);
      if (line === undefined) lines.set(node, (line = new NodeLine({ node, endpoint: () => endpoint(node), credentials, clock, connections })));
      return line;
    };
    const elsewhere = (): readonly string[] => {
      const here = new Set(get(PodStreams).items().map(({ node }) => node));
      return get(Informers).get(Node).lister.list().flatMap(({ metadata: { name = '' }, status }) => (here.has(name) || (status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0) === 0 ? [] : [name]));
    };
    const metrics = new NodeMetrics({ nodes: elsewhere, measures: (node, signal) => lineTo(node).measures(signal), clock, log, periodMs: metricsSeconds * 1000 });
    add(RemoteNodes, { streams: lineTo, connect: (node, signal) => lineTo(node).connect(signal) });
    add(MetricsSources, metrics);
    run(() => ({
      name: 'remote-nodes',
      phase: 'caches',
      run: async (signal, ready) => {
        const nodes = get(Informers).get(Node);
        await nodes.synced(signal);
        const unsubscribe = nodes.subscribe({ deleted: ({ metadata }) => void lines.delete(metadata.name ?? '') });
        ready();
        try {
          await metrics.run(signal);
          await untilAborted(signal);
        } finally {
          unsubscribe();
        }
      },
    }));
  },
});
