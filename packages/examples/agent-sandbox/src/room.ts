import type { Clock, Lister } from '@orrery/core';
import type { Sandbox } from './kinds.js';
import { POOL_INDEX } from './pool-index.js';

/** After so long one that was made and never seen is gone again, milliseconds. */
const UNSEEN_MS = 60_000;

/** How many sandboxes a pool may still get: counts those that are being made and no cache shows yet, so that makers at the same time stay within the limit together. */
export class Room {
  /** By pool, the names that were given out and when (monotonic milliseconds). */
  readonly #coming = new Map<string, Map<string, number>>();

  /** Takes a place for a sandbox of that name; false when the pool has none left. `limit` undefined: as many as wanted. */
  take(pool: string, name: string, limit: number | undefined, sandboxes: Lister<Sandbox>, clock: Clock): boolean {
    if (limit === undefined) return true;
    const [namespace] = pool.split('/');
    const coming = this.#coming.get(pool) ?? new Map<string, number>();
    for (const [other, at] of coming) if (sandboxes.get(`${namespace}/${other}`) !== undefined || clock.monotonic() - at > UNSEEN_MS) coming.delete(other);
    if (sandboxes.byIndex(POOL_INDEX, pool).length + coming.size >= limit) return false;
    coming.set(name, clock.monotonic());
    this.#coming.set(pool, coming);
    return true;
  }

  /** Gives the place back: it was not made. Safe to call for one that was never taken. */
  giveBack(pool: string, name: string): void {
    const coming = this.#coming.get(pool);
    coming?.delete(name);
    if (coming?.size === 0) this.#coming.delete(pool);
  }
}
