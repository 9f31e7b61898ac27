import { checkLeaseName, type Clock, leaseLost, type StoreLease } from '@orrery/core';

interface Held {
  readonly holder: string;
  readonly epoch: number;
  expiresAt: number;
}

/** Leases with a fencing epoch; no timers: a lease is over when its time has passed. */
export class Leases {
  readonly #held = new Map<string, Held>();
  /** The last epoch of each name ever held. */
  readonly #epochs: Map<string, number>;

  /**
   * @param epochs the last epochs of a former life
   * @param taken told of each new epoch before it is given out; when it throws, the lease is not taken
   */
  constructor(
    readonly clock: Clock,
    epochs: Readonly<Record<string, number>> = {},
    private readonly taken: (name: string, epoch: number) => void = () => {},
  ) {
    this.#epochs = new Map(Object.entries(epochs));
  }

  /** The last epoch of each name ever held. */
  get epochs(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#epochs);
  }

  /** See `Store.acquireLease`. */
  acquire(name: string, holder: string, ttlMs: number): StoreLease | undefined {
    checkLeaseName(name);
    const now = this.clock.monotonic();
    const current = this.#held.get(name);
    if (current !== undefined && current.expiresAt > now && current.holder !== holder) return undefined;
    const epoch = (this.#epochs.get(name) ?? 0) + 1;
    this.taken(name, epoch);
    this.#epochs.set(name, epoch);
    const held: Held = { holder, epoch, expiresAt: now + ttlMs };
    this.#held.set(name, held);
    return {
      name,
      epoch,
      renew: async () => {
        if (!this.holds(name, epoch)) throw leaseLost(name, epoch);
        held.expiresAt = this.clock.monotonic() + ttlMs;
      },
      release: async () => {
        if (this.#held.get(name) === held) this.#held.delete(name);
      },
    };
  }

  /** Ends them all: the store is closed. */
  close(): void {
    this.#held.clear();
  }

  /** Whether the lease is held now under this epoch. */
  holds(name: string, epoch: number): boolean {
    const held = this.#held.get(name);
    return held !== undefined && held.epoch === epoch && held.expiresAt > this.clock.monotonic();
  }
}
