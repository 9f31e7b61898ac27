import { ApiError, type Controller, controllerOf, defineController, generateName, type ObjectContext, watching } from '@orrery/core';
import { POOL_LABEL, Sandbox, SandboxPool } from './kinds.js';
import { byPool, POOL_INDEX } from './pool-index.js';
import { planPool } from './pool-plan.js';
import type { Room } from './room.js';

/** Keeps the pools as full as they are to be. */
export function poolController(room: Room): Controller {
  return defineController({
    name: 'sandbox-pool',
    for: SandboxPool,
    owns: [Sandbox],
    // One that was claimed has another owner, but still counts.
    watches: [watching({ kind: Sandbox, informer: { indexes: byPool }, keys: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[POOL_LABEL]}`] })],
    async reconcile(pool, context) {
      const { client, owned, lister, writeStatus } = context;
      const { name = '', namespace = '' } = pool.metadata;
      const all = lister(Sandbox).byIndex(POOL_INDEX, `${namespace}/${name}`);
      const plan = planPool({ pool, unclaimed: owned(Sandbox), claimed: all.filter((sandbox) => controllerOf(sandbox)?.kind === 'SandboxClaim').length });
      const sandboxes = client.kind(Sandbox);
      await Promise.all([
        ...Array.from({ length: plan.create }, () => makeWarm(pool, context, room)),
        // Only as it was seen: meanwhile somebody may have claimed it.
        ...plan.remove.map(({ metadata }) => unlessTaken(sandboxes.delete({ namespace, name: metadata.name ?? '' }, { preconditions: { resourceVersion: metadata.resourceVersion ?? '' } }))),
      ]);
      await writeStatus(plan.status);
    },
  });
}

async function makeWarm(pool: SandboxPool, { client, controlled, lister, random, clock }: ObjectContext<SandboxPool>, room: Room): Promise<void> {
  const { name: poolName = '', namespace = '' } = pool.metadata;
  const name = generateName(`${poolName}-`, random);
  const key = `${namespace}/${poolName}`;
  if (!room.take(key, name, pool.spec.max, lister(Sandbox), clock)) return;
  try {
    await client.kind(Sandbox).create(controlled({ apiVersion: Sandbox.apiVersion, kind: Sandbox.kind, metadata: { name, labels: { [POOL_LABEL]: poolName } }, spec: { template: pool.spec.template } }));
  } catch (error) {
    room.giveBack(key, name);
    throw error;
  }
}

async function unlessTaken(removing: Promise<unknown>): Promise<void> {
  try {
    await removing;
  } catch (error) {
    if (!ApiError.is(error, 'Conflict') && !ApiError.is(error, 'NotFound')) throw error;
  }
}
