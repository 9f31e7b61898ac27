// Warm sandboxes to claim: three kinds and three controllers.
import { Controllers, definePlugin, Kinds } from '@orrery/core';
import { claimController } from './claim-controller.js';
import { Sandbox, SandboxClaim, SandboxPool } from './kinds.js';
import { poolController } from './pool-controller.js';
import { Room } from './room.js';
import { sandboxController } from './sandbox-controller.js';

export { Sandbox, SandboxClaim, SandboxPool, type SandboxTemplate } from './kinds.js';
export { planPool, type PoolPlan, type PoolView } from './pool-plan.js';

/** Sandboxes, pools of warm ones, and claims. Needs the garbage collector, a scheduler and a node agent. */
export const sandboxes = definePlugin({
  name: 'sandboxes',
  setup: ({ add }) => {
    for (const kind of [Sandbox, SandboxPool, SandboxClaim]) add(Kinds, kind);
    const room = new Room();
    for (const controller of [sandboxController(), poolController(room), claimController(room)]) add(Controllers, controller);
  },
});
