import { type CertificateSource, definePlugin, MetricsSources, PodStreams, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { NodeServer } from './server/node-server.js';

const options = z.strictObject({
  /** Name of the node, whose agent is a plugin of the same orchestrator. */
  node: z.string().min(1).max(253),
  /** Where to listen: the address that the Node object tells. */
  host: z.string().default('127.0.0.1'),
  /** 0: any free port; see `listening`. */
  port: z.int().min(0).max(65_535).default(10_250),
  /** What it proves itself with; see `RenewedCertificate` of `@orrery/pki`. Until there is one nobody gets in. */
  certificate: z.custom<CertificateSource>((value) => typeof (value as CertificateSource | undefined)?.current === 'function', 'must be a CertificateSource'),
  /** The authority (PEM) whose certificates clients must show. */
  clientCa: z.string().min(1),
  /** Groups of clients, as organizations in their certificates: one is enough. */
  clientGroups: z.array(z.string().min(1)).min(1).default(['system:masters']),
  /** Called with the port when it listens: before the agent starts. */
  listening: z.custom<(port: number) => void>((value) => typeof value === 'function').optional(),
});

/** Serves the logs, commands, ports and measures of one node's pods to the API server over mutual TLS: the kubelet's own server. */
export const nodeServer = definePlugin({
  name: 'node-server',
  core: '^0.1.0',
  options,
  setup: ({ run, clock, log, options: { node, host, port, certificate, clientCa, clientGroups, listening } }) => {
    run((get) => ({
      name: `node-server ${node}`,
      // The agent tells the port when it registers the node.
      phase: 'caches',
      run: async (signal, ready) => {
        const streams = get(PodStreams).items().find((one) => one.node === node);
        if (streams === undefined) throw new RangeError(`no agent of this orchestrator is the node ${JSON.stringify(node)}`);
        const sources = get(MetricsSources);
        const measures = () => ({ node: sources.items().flatMap((source) => source.nodes()).find(({ name }) => name === node), pods: sources.items().flatMap((source) => source.pods()) });
        const server = new NodeServer({ streams, measures, certificate, clientCa, clientGroups, clock, log });
        try {
          listening?.(await server.listen(host, port));
          ready();
          await untilAborted(signal);
        } finally {
          await server.close();
        }
      },
    }));
  },
});
