import { type Clock, longLived, OrreryError, type Random, storeClosed } from '@orrery/core';
import type { Layout } from './layout.js';
import type { LeaseCalls } from './lease-calls.js';

/** The time after which etcd forgets the slots of an instance that is gone. */
const SESSION_MS = 60_000;
const KEEP_ALIVE_MS = 15_000;
/** Commits under way at once; more wait for their turn. */
const MAX_SLOTS = 256;

/** What one commit under way writes beside its own: only one that finds the slot as it was can happen, and what is in it afterwards tells which one did. */
export interface Slot {
  readonly session: Session;
  readonly key: Buffer;
  /** The slot's mod revision as this instance knows it. */
  revision: number;
  /** Numbers what is written to the slot. */
  sequence: number;
}

interface Session {
  readonly lease: number;
  readonly id: string;
  readonly free: Slot[];
  made: number;
}

/**
 * The slots of one instance: small keys under an etcd lease, so that they go with the instance. Made when the first commit comes.
 */
export class CommitSlots {
  #session: Promise<Session> | undefined;
  #current: Session | undefined;
  readonly #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  #inUse = 0;
  #cancelTimer: () => void = () => {};
  readonly #abort = longLived(new AbortController());

  constructor(
    private readonly layout: Layout,
    private readonly leases: LeaseCalls,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly warn: (message: string, error: unknown) => void,
  ) {}

  /** A slot for one commit. It must be given back or dropped. */
  async take(): Promise<Slot> {
    if (this.#inUse >= MAX_SLOTS) await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    else this.#inUse += 1;
    try {
      if (this.#abort.signal.aborted) throw storeClosed('etcd');
      const session = this.#current ?? (await (this.#session ??= this.#open()));
      return session.free.pop() ?? this.#make(session);
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** Takes back a slot whose revision is known. */
  give(slot: Slot): void {
    if (slot.session === this.#current) slot.session.free.push(slot);
    this.#leave();
  }

  /** A slot about which too little is known: it is never used again. */
  drop(): void {
    this.#leave();
  }

  /** The slots of a session are gone: its lease ran out, or the history was lost. */
  end(session: Session | undefined = this.#current): void {
    if (session !== this.#current) return;
    this.#cancelTimer();
    this.#current = undefined;
    this.#session = undefined;
  }

  /** Gives up everything; the lease under which the slots are, if there are any. */
  close(): number | undefined {
    const session = this.#current;
    this.end();
    this.#abort.abort();
    for (const { reject } of this.#waiting.splice(0)) reject(storeClosed('etcd'));
    return session?.lease;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inUse -= 1;
    else next.resolve();
  }

  #make(session: Session): Slot {
    session.made += 1;
    return { session, key: this.layout.slot(session.id, session.made), revision: 0, sequence: 0 };
  }

  async #open(): Promise<Session> {
    try {
      const lease = await this.leases.grant(SESSION_MS);
      const session: Session = { lease, id: lease.toString(36) + Buffer.from(this.random.bytes(3)).toString('hex'), free: [], made: 0 };
      this.#current = session;
      this.#keepAlive(session);
      return session;
    } catch (error) {
      this.#session = undefined;
      throw error;
    }
  }

  #keepAlive(session: Session): void {
    this.#cancelTimer = this.clock.timer(KEEP_ALIVE_MS, () => {
      this.leases.keepAlive(session.lease, this.#abort.signal).then(
        (alive) => {
          if (!alive) this.end(session);
          else if (session === this.#current) this.#keepAlive(session);
        },
        (error: unknown) => {
          if (this.#abort.signal.aborted || OrreryError.is(error, 'CLOSED')) return;
          this.warn('the session of the etcd store could not be prolonged; trying again', error);
          if (session === this.#current) this.#keepAlive(session);
        },
      );
    });
  }
}
