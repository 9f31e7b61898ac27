import { equalJson } from '@orrery/core';
import type { Sandbox, SandboxPool } from './kinds.js';

/** What a pool is planned from. */
export interface PoolView {
  readonly pool: SandboxPool;
  /** Sandboxes that nobody has claimed. */
  readonly unclaimed: readonly Sandbox[];
  /** Sandboxes that claims have. */
  readonly claimed: number;
}

/** What is to be done for a pool. */
export interface PoolPlan {
  readonly create: number;
  readonly remove: readonly Sandbox[];
  readonly status: NonNullable<SandboxPool['status']>;
}

/**
 * Keeps `warm` sandboxes of the present template. What has ended is replaced; what was made from an older template goes as its successors become ready; never are there more than
 * `max` with those that are claimed. Pure.
 */
export function planPool({ pool, unclaimed, claimed }: PoolView): PoolPlan {
  const { warm, max = Number.POSITIVE_INFINITY, template } = pool.spec;
  const alive = unclaimed.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase !== 'Ended');
  const ended = unclaimed.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === 'Ended');
  const isReady = ({ status }: Sandbox): boolean => status?.phase === 'Ready';
  const current = alive.filter(({ spec }) => equalJson(spec.template, template));
  const outdated = alive.filter((sandbox) => !current.includes(sandbox));
  const target = Math.max(0, Math.min(warm, max - claimed));
  const missing = Math.max(0, target - current.length);
  const room = Math.max(0, max - claimed - unclaimed.length);
  // Those not ready yet have cost the least.
  const surplus = [...current].sort((a, b) => Number(isReady(a)) - Number(isReady(b))).slice(0, Math.max(0, current.length - target));
  const stillNeeded = Math.max(0, target - current.filter(isReady).length);
  // Without room for a successor the old one has to go first.
  const retired = outdated.slice(0, Math.max(outdated.length - stillNeeded, Math.min(outdated.length, missing - room)));
  return {
    create: Math.min(missing, room),
    remove: [...ended, ...surplus, ...retired],
    status: { ready: alive.filter(isReady).length, starting: alive.filter((sandbox) => !isReady(sandbox)).length, claimed },
  };
}
