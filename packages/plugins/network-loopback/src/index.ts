/**
 * The network seat on the loopback device: every Service gets an address of 127.0.0.0/8 that no other orchestrator on the machine uses, without root.
 * @packageDocumentation
 */
import { definePlugin, Network } from '@orrery/core';
import { z } from 'zod';
import { claimBlock } from './claim.js';
import { LoopbackNetwork } from './loopback-network.js';

export { type Claim, claimBlock } from './claim.js';
export { LoopbackNetwork, type LoopbackNetworkOptions } from './loopback-network.js';
export { type Block, parseBlock } from './ranges.js';

const port = z.int().min(1).max(65_535);

/** Takes the network seat with a {@link LoopbackNetwork}. The block is claimed during assembly and given up when the orchestrator stops. */
export const loopbackNetwork = definePlugin({
  name: 'network-loopback',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** A block of 127.0.0.0/8, prefix 12 to 28; default: the first free /16 of 127.192 to 127.254. The /16 blocks that it touches are claimed whole. */
      serviceCIDR: z.string().max(18).optional(),
      /** First and last port for Services of type NodePort and LoadBalancer. */
      nodePorts: z
        .strictObject({ first: port, last: port })
        .refine(({ first, last }) => first <= last, 'first must not be greater than last')
        .default({ first: 30_000, last: 32_767 }),
    })
    .default({ nodePorts: { first: 30_000, last: 32_767 } }),
  async setup({ provide, scope, random, options }) {
    const claim = await claimBlock(options.serviceCIDR);
    scope.defer(() => claim.close());
    provide(Network, () => new LoopbackNetwork({ block: claim.block, nodePorts: options.nodePorts, random }));
  },
});
