import { type Clock, type HistoryLoss, OrreryError, type Random } from '@orrery/core';
import type { Connection } from './connection.js';
import { currentEra, type Lineage, parseEras, planLoss, superseded } from './lineage.js';
import { scripts } from './lua/index.js';

/** What a connection was told when it was greeted. */
export interface Greeting {
  readonly connection: Connection;
  /** The era in which this connection reads and writes. */
  readonly era: string;
  /** The session as the server had it before: generation and what the last batches made; empty when it knew of none. */
  readonly session: ReadonlyMap<string, string>;
  /** The store's revision then. */
  readonly revision: number;
  /** The generation that now may commit. */
  readonly generation: number;
}

/** What a {@link History} tells. */
export interface HistoryListener {
  /** Acknowledged history is gone. Called before anything of the new history is used. */
  lost(loss: HistoryLoss, lineage: Lineage): void;
  /** Another era began; a connection of the old one must not be used any more. Called with the one that is of the new era. */
  moved(connection: Connection): void;
}

/**
 * A server that was taken over from is believed again after so long without the one that took over, milliseconds: then an operator has gone back to it.
 * By then a master that was cut off is long a replica.
 */
const BELIEVED_AGAIN_MS = 30_000;

/** What this process knows of the store's history, and how it notices that some of it is gone. */
export class History {
  #known: Lineage | undefined;
  #seen = 0;
  #losses = 0;
  #generation = 0;
  /** When a server of the newest era was last met, by the clock. */
  #newest = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly listener: HistoryListener,
  ) {}

  /** The newest revision that was acknowledged, read or watched. */
  get seen(): number {
    return this.#seen;
  }

  /** How often history was lost. */
  get losses(): number {
    return this.#losses;
  }

  /** The era that is written in now; empty before the first server was met. */
  get era(): string {
    return this.#known === undefined ? '' : currentEra(this.#known);
  }

  /** Whether an era is part of the history as it is known. */
  knows(era: string): boolean {
    return this.#known?.eras.some(({ token }) => token === era) ?? false;
  }

  /** A revision was acknowledged, read or watched in the era that is known. */
  saw(revision: number): void {
    if (revision > this.#seen) this.#seen = revision;
  }

  /**
   * Introduces this process to the server at the other end, and learns its history. `commits`: begins the next generation of the session.
   * Throws `UNAVAILABLE` when the server is a replica.
   */
  async greet(connection: Connection, commits: boolean): Promise<Greeting> {
    const asked = this.#seen;
    if (commits) this.#generation += 1;
    const generation = this.#generation;
    const nonce = Buffer.from(this.random.bytes(6)).toString('hex');
    const reply = await connection.run(scripts.begin, { nonce, seen: asked, ...(commits && { generation }) });
    if (reply[0] !== 'ok') throw new OrreryError('UNAVAILABLE', `Redis at ${connection.address} is a replica.`);
    const [, store, , revision, compacted, eras, session] = reply as readonly [string, string, string, number, number, readonly string[], readonly string[]];
    const found = { store, eras: parseEras(eras), revision, compacted };
    const now = this.clock.monotonic();
    if (this.#known !== undefined && superseded(this.#known, found) && now - this.#newest < BELIEVED_AGAIN_MS) {
      throw new OrreryError('UNAVAILABLE', `Redis at ${connection.address} has been taken over from by another server, but still takes itself for the master.`);
    }
    this.#newest = now;
    this.#observe(found, asked, connection);
    return { connection, era: this.era, revision, session: pairs(session), generation };
  }

  #observe(found: Lineage, asked: number, connection: Connection): void {
    const known = this.#known;
    this.#known = found;
    if (known === undefined) {
      this.#seen = found.revision;
      return;
    }
    const loss = planLoss(known, found, this.#seen, asked);
    if (currentEra(known) !== currentEra(found)) this.listener.moved(connection);
    if (loss === undefined) {
      this.saw(found.revision);
      return;
    }
    this.#losses += 1;
    this.#seen = found.revision;
    this.listener.lost(loss, found);
  }
}

function pairs(flat: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] as string, flat[i + 1] as string);
  return map;
}
