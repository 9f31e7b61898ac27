import { type Clock, longLived, OrreryError, type Store } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { Promises } from '../checks/index.js';
import type { Tape } from '../history.js';

/** Something that goes wrong. */
export interface Fault {
  /** In one word or two; faults are counted by it. */
  readonly name: string;
  /** Acknowledged writes may be lost by it, and reads may be old while it lasts. */
  readonly risky?: boolean;
  /** How often compared with others; default 1. */
  readonly weight?: number;
  /** Does it and undoes it; says in a few words what it did. */
  run(random: SeededRandom): Promise<string>;
}

/** Clients at work. */
export interface Clients {
  /** Ends them, in an orderly way; resolves when each has had its last answer. */
  stop(): Promise<void>;
}

/** What a rig's own clients need. */
export interface ClientsPart {
  readonly tape: Tape;
  readonly random: SeededRandom;
}

/** A real engine that can be made to fail. */
export interface Rig {
  readonly promises: Promises;
  readonly faults: readonly Fault[];
  /** How long a call may take at most, milliseconds: what the store's options promise, and a little for a busy machine. Not judged where clients are stopped themselves. */
  readonly callLimitMs?: number;
  /** What this machine does not allow, a line each. */
  readonly leftOut: readonly string[];
  /** A store of its own on the engine. */
  open(): Promise<Store>;
  /** Where the clients must be other processes; default: they are in this one. */
  startClients?(part: ClientsPart): Promise<Clients>;
  /** Everything runs and is reachable again. */
  recover(): Promise<void>;
  /** Ends everything and removes it. */
  stop(): Promise<void>;
}

/** How a rig is made. */
export interface RigOptions {
  readonly clock: Clock;
  /** The longest a fault may last, milliseconds. */
  readonly longestMs: number;
}

const never = longLived(new AbortController()).signal;
const POLL_MS = 50;

/** Lets time pass. */
export const pass = (clock: Clock, ms: number): Promise<void> => clock.sleep(ms, never);

/** A whole number between two, and not more than the limit. */
export const between = (random: SeededRandom, low: number, high: number, limit = high): number => Math.min(low + random.int(high - low + 1), Math.max(low, limit));

/** Waits for a condition; throws `TIMEOUT` with the words when it does not come. What the condition throws counts as no. */
export async function until(clock: Clock, what: string, condition: () => Promise<boolean> | boolean, limitMs = 60_000): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (clock.monotonic() > deadline) throw new OrreryError('TIMEOUT', `It took more than ${limitMs} ms until ${what}.`, {}, last);
    await pass(clock, POLL_MS);
  }
}
