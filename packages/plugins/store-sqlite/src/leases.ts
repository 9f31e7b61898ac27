import { checkLeaseName, type Clock, leaseLost, OrreryError, type StoreLease } from '@orrery/core';
import type { SqliteDatabase, SqliteStatement } from './driver.js';
import { Refusal } from './write-queue.js';

/** How {@link Leases} write: a job in the next transaction. */
export type Submit = <T>(work: () => T) => Promise<T>;

interface Row {
  readonly holder: string;
  readonly epoch: number;
  readonly expires: number;
  readonly ttl: number;
}

/**
 * Leases as rows of the file, so that all processes on it agree; expiry counts on the wall clock, the one clock that processes of one machine share. When that clock is set
 * back, a lease is cut to its full time from the moment somebody else asks for it; when it is set forward, leases are over early. Fencing holds in both cases: epochs only grow.
 */
export class Leases {
  readonly #find: SqliteStatement;
  readonly #take: SqliteStatement;
  readonly #extend: SqliteStatement;
  readonly #drop: SqliteStatement;

  constructor(
    database: SqliteDatabase,
    private readonly clock: Clock,
    private readonly submit: Submit,
  ) {
    this.#find = database.prepare('SELECT holder, epoch, expires, ttl FROM leases WHERE name = ?');
    this.#take = database.prepare('INSERT OR REPLACE INTO leases (name, holder, epoch, expires, ttl) VALUES (?, ?, ?, ?, ?)');
    this.#extend = database.prepare('UPDATE leases SET expires = ? WHERE name = ? AND epoch = ?');
    this.#drop = database.prepare("UPDATE leases SET holder = '', expires = 0 WHERE name = ? AND epoch = ?");
  }

  /** See `Store.acquireLease`. */
  async acquire(name: string, holder: string, ttlMs: number): Promise<StoreLease | undefined> {
    checkLeaseName(name);
    const epoch = await this.submit(() => this.#acquire(name, holder, ttlMs));
    if (epoch === undefined) return undefined;
    return {
      name,
      epoch,
      renew: async (signal) => {
        await this.submit(() => this.#renew(name, epoch, ttlMs, signal));
      },
      release: async () => {
        await this.submit(() => this.#drop.run(name, epoch));
      },
    };
  }

  /** Whether the lease is held now under this epoch. */
  holds(name: string, epoch: number): boolean {
    const row = this.#row(name);
    return row !== undefined && row.epoch === epoch && row.expires > this.clock.now();
  }

  #acquire(name: string, holder: string, ttlMs: number): number | undefined {
    const now = this.clock.now();
    const row = this.#row(name);
    if (row !== undefined && row.expires > now && row.holder !== holder) {
      // More to go than it ever had: the clock was set back.
      if (row.expires - now > row.ttl) this.#extend.run(Math.floor(now) + row.ttl, name, row.epoch);
      return undefined;
    }
    const epoch = (row?.epoch ?? 0) + 1;
    const ttl = Math.ceil(ttlMs);
    this.#take.run(name, holder, epoch, Math.floor(now) + ttl, ttl);
    return epoch;
  }

  #renew(name: string, epoch: number, ttlMs: number, signal: AbortSignal): void {
    if (signal.aborted) throw new Refusal(new OrreryError('ABORTED', 'The renewal was aborted.', { name }, signal.reason));
    if (!this.holds(name, epoch)) throw new Refusal(leaseLost(name, epoch));
    this.#extend.run(Math.floor(this.clock.now()) + Math.ceil(ttlMs), name, epoch);
  }

  #row(name: string): Row | undefined {
    return this.#find.get(name) as Row | undefined;
  }
}
