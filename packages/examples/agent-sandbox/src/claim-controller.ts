import { ApiError, type Controller, controllerOf, defineController, millisOfTime, type ObjectContext, type ReconcileResult, timeOfMillis, watching } from '@orrery/core';
import { POOL_LABEL, Sandbox, SandboxClaim, SandboxPool } from './kinds.js';
import { byPool, POOL_INDEX } from './pool-index.js';
import type { Room } from './room.js';

const WAITING_INDEX = 'sandboxes.waiting';
const waitingByPool = { [WAITING_INDEX]: ({ metadata, spec, status }: SandboxClaim): readonly string[] => (status?.phase === 'Waiting' ? [`${metadata.namespace}/${spec.pool}`] : []) };

/**
 * Gives each claim a sandbox: a warm one of its pool in one write, which hands it over from the pool to the claim (two claims cannot have the same, whoever writes), else a new one while
 * the pool has room, else it waits. A claim whose time is over is deleted, and everything that belongs to it goes too.
 */
export function claimController(room: Room): Controller {
  /** The versions of sandboxes that are being claimed, until the cache shows a newer one: so that claims at the same time do not try the same. */
  const taken = new Map<string, string | undefined>();
  return defineController({
    name: 'sandbox-claim',
    for: SandboxClaim,
    owns: [Sandbox],
    reads: [SandboxPool],
    workers: 16,
    watches: ({ informer }) => {
      const claims = informer(SandboxClaim, { indexes: waitingByPool }).lister;
      // First come, first served: the queue keeps the order.
      const waiting = (pool: string): string[] =>
        [...claims.byIndex(WAITING_INDEX, pool)].sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '')).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
      return [
        watching({ kind: Sandbox, informer: { indexes: byPool }, keys: ({ metadata, status }, _old, deleted) => (deleted || status?.phase === 'Ready' ? waiting(`${metadata.namespace}/${metadata.labels?.[POOL_LABEL]}`) : []) }),
        watching({ kind: SandboxPool, keys: ({ metadata }) => waiting(`${metadata.namespace}/${metadata.name}`) }),
      ];
    },
    async reconcile(claim, context) {
      const [own] = context.owned(Sandbox);
      const bound = claim.status?.phase === 'Bound' || claim.status?.phase === 'Starting';
      if (own === undefined && bound) {
        await context.writeStatus({ ...claim.status, phase: 'Ended', message: 'the sandbox is gone' });
        return expiry(claim, context);
      }
      const sandbox = own ?? (await adopt(claim, context, taken)) ?? (await makeNew(claim, context, room));
      if (sandbox === undefined) {
        await context.writeStatus({ phase: 'Waiting' });
        return undefined;
      }
      await context.writeStatus(statusWith(claim, sandbox, context.clock.now()));
      return expiry(claim, context);
    },
  });
}

/** What a claim says of the sandbox it has. Pure. */
export function statusWith({ status }: SandboxClaim, sandbox: Sandbox, now: number): NonNullable<SandboxClaim['status']> {
  const { phase, address, message } = sandbox.status ?? { phase: 'Starting' };
  const warm = status?.warm ?? phase === 'Ready';
  const boundAt = status?.boundAt ?? (phase === 'Ready' ? timeOfMillis(now) : undefined);
  return {
    phase: phase === 'Ready' ? 'Bound' : phase,
    ...(sandbox.metadata.name !== undefined && { sandbox: sandbox.metadata.name }),
    ...(address !== undefined && { address }),
    ...(boundAt !== undefined && { boundAt }),
    ...(message !== undefined && { message }),
    warm,
  };
}

type Context = ObjectContext<SandboxClaim>;

/** The write decides: a sandbox that somebody else changed since it was seen is left alone, and the next one is tried. */
async function adopt(claim: SandboxClaim, { lister, controlled, client }: Context, taken: Map<string, string | undefined>): Promise<Sandbox | undefined> {
  const pool = `${claim.metadata.namespace}/${claim.spec.pool}`;
  for (const sandbox of lister(Sandbox).byIndex(POOL_INDEX, pool)) {
    const { uid = '', resourceVersion } = sandbox.metadata;
    if (!isFree(sandbox) || taken.get(uid) === resourceVersion) continue;
    if (taken.size > 10_000) taken.clear();
    taken.set(uid, resourceVersion);
    try {
      return await client.kind(Sandbox).update(controlled(sandbox));
    } catch (error) {
      if (!ApiError.is(error, 'Conflict') && !ApiError.is(error, 'NotFound')) throw error;
    }
  }
  return undefined;
}

const isFree = (sandbox: Sandbox): boolean => sandbox.status?.phase === 'Ready' && sandbox.metadata.deletionTimestamp === undefined && controllerOf(sandbox)?.kind === SandboxPool.kind;

/** Named after the claim: the same claim never gets two, also when the cache is behind. */
async function makeNew(claim: SandboxClaim, { lister, controlled, client, clock }: Context, room: Room): Promise<Sandbox | undefined> {
  const { name: claimName = '', namespace = '', uid = '' } = claim.metadata;
  const key = `${namespace}/${claim.spec.pool}`;
  const pool = lister(SandboxPool).get(key);
  // What is cut off may leave a dot at the end, after which no dash may follow.
  const name = `${claimName.slice(0, 200).replace(/[.-]+$/, '')}-${uid.slice(0, 8)}`;
  if (pool === undefined || !room.take(key, name, pool.spec.max, lister(Sandbox), clock)) return undefined;
  try {
    const metadata = { name, labels: { [POOL_LABEL]: claim.spec.pool } };
    return await client.kind(Sandbox).create(controlled({ apiVersion: Sandbox.apiVersion, kind: Sandbox.kind, metadata, spec: { template: pool.spec.template } }));
  } catch (error) {
    room.giveBack(key, name);
    throw error;
  }
}

/** The claim goes when its time is over; the garbage collector takes the sandbox and its pod with it. */
async function expiry(claim: SandboxClaim, { client, clock, events }: Context): Promise<ReconcileResult> {
  const { ttlSeconds } = claim.spec;
  if (ttlSeconds === undefined) return undefined;
  const { namespace, name = '', uid = '', creationTimestamp = '' } = claim.metadata;
  const since = millisOfTime(claim.status?.boundAt ?? creationTimestamp) ?? clock.now();
  const left = since + ttlSeconds * 1000 - clock.now();
  if (left > 0) return { againAfterMs: left };
  events.event(claim, 'Normal', 'Expired', `The claim is deleted after ${ttlSeconds} s`);
  await client.kind(SandboxClaim).delete({ namespace, name }, { preconditions: { uid }, propagationPolicy: 'Background' });
  return undefined;
}
