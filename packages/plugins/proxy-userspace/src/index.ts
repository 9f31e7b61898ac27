/**
 * A proxy that forwards connections to Services inside the host process: no root, no rules in the kernel.
 * @packageDocumentation
 */
import { Client, definePlugin, Proxies } from '@orrery/core';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { z } from 'zod';
import { DemandReporter } from './demand-reporter.js';
import { UserspaceProxy } from './userspace-proxy.js';

export { UserspaceProxy, type UserspaceProxyOptions } from './userspace-proxy.js';
export { DemandReporter, type DemandReporterOptions } from './demand-reporter.js';
export type { UsedService, UseListener } from './use.js';
export { Balancer } from './balancer.js';
export { type ListenerPlan, type Origin, type Place, planListeners } from './plan.js';

const options = z
  .strictObject({
    /** The node whose endpoints count as local (traffic policies `Local`). Without one this proxy serves all nodes of its process, and all are local. */
    nodeName: z.string().min(1).max(253).optional(),
    /** Addresses at which node ports are opened. */
    nodeAddresses: z.array(z.string().refine((text) => isIP(text) !== 0, 'must be an IP address')).max(64).default(['127.0.0.1']),
    /** Seconds that established connections to an endpoint that is gone live on. */
    drainSeconds: z.number().min(0).max(86_400).default(30),
    /** Seconds that established connections live on when the orchestrator stops; kept well below the time it gives a plugin. */
    stopDrainSeconds: z.number().min(0).max(600).default(1),
    /** TCP connections at a time, each of which takes two file descriptors of the host; further ones are reset. */
    maxConnections: z.int().min(1).max(1_000_000).default(8_192),
    /** Seconds without a datagram after which a UDP client is forgotten. */
    udpIdleSeconds: z.number().min(0.1).max(86_400).default(60),
    /** UDP clients at a time, per service port; the one unheard for longest gives way. */
    maxUdpClients: z.int().min(1).max(100_000).default(4_096),
    /** TCP connections at a time that wait for an endpoint of a Service that holds requests; each takes at most 128 KiB of memory. Further ones are refused. */
    maxHeldConnections: z.int().min(1).max(65_536).default(256),
    /** Seconds that they wait. */
    holdSeconds: z.number().min(0.1).max(3_600).default(30),
    /** How often it is told that a Service which holds requests is still in use, seconds. */
    demandSeconds: z.number().min(0.1).max(600).default(5),
  })
  .prefault({});

/** Adds a {@link UserspaceProxy} to the proxies. */
export const userspaceProxy = definePlugin({
  name: 'proxy-userspace',
  core: '^0.1.0',
  options,
  setup({ add, get, scope, clock, log, options }) {
    const { nodeName, nodeAddresses, drainSeconds, stopDrainSeconds, maxConnections, udpIdleSeconds, maxUdpClients, maxHeldConnections, holdSeconds, demandSeconds } = options;
    const reporter = new DemandReporter({ client: () => get(Client), clock, log, holder: nodeName ?? hostname(), renewMs: demandSeconds * 1000 });
    const proxy = new UserspaceProxy({
      clock,
      log,
      nodeName,
      nodeAddresses,
      drainMs: drainSeconds * 1000,
      closeDrainMs: stopDrainSeconds * 1000,
      maxConnections,
      udpIdleMs: udpIdleSeconds * 1000,
      maxUdpClients,
      maxHeld: maxHeldConnections,
      holdMs: holdSeconds * 1000,
      use: reporter,
    });
    scope.defer(() => reporter.close());
    add(Proxies, scope.own(proxy));
  },
});
