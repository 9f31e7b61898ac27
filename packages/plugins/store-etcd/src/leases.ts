import { checkLeaseName, leaseLost, OrreryError, type StoreLease } from '@orrery/core';
import type { EtcdClient } from './etcd-client.js';
import { asOrreryError } from './etcd-client.js';
import { EtcdFailure } from './failure.js';
import type { Layout } from './layout.js';
import type { LeaseCalls } from './lease-calls.js';
import type { KeyValue } from './messages.js';

/**
 * The store's leases: a key a name under an etcd lease, its epoch the revision at which it was taken, which grows for ever.
 *
 * The holder counts its time from before it asked, so it gives up no later than etcd does; etcd counts whole seconds, two at least, so another may have to wait
 * longer than `ttlMs` after the holder's death. A holder that lives gives the lease back when its time is over.
 */
export class Leases {
  /** Leases of this instance that are being given back. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #held = new Set<Held>();

  constructor(
    private readonly client: EtcdClient,
    private readonly calls: LeaseCalls,
    private readonly layout: Layout,
    private readonly warn: (message: string, error: unknown) => void,
  ) {}

  /** See `Store.acquireLease`. */
  async acquire(name: string, { holder, ttlMs }: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    checkLeaseName(name);
    await this.#ending.get(name);
    const key = this.layout.lease(name);
    const start = this.client.clock.monotonic();
    try {
      const found = (await this.client.range({ key })).kvs[0];
      if (found !== undefined && holderOf(found) !== holder) return undefined;
      const id = await this.calls.grant(ttlMs);
      const epoch = await this.#take(key, holder, id, found?.modRevision ?? 0);
      if (epoch === undefined) {
        await this.calls.revoke(id);
        return undefined;
      }
      if (found !== undefined && found.lease !== 0) await this.#giveBack(name, found.lease);
      return this.#hold(name, id, epoch, ttlMs, start);
    } catch (error) {
      throw asOrreryError(error);
    }
  }

  /** Stops all timers. What is held stays held until its time is over. */
  close(): void {
    for (const held of this.#held) held.cancelTimer();
    this.#held.clear();
  }

  /** Writes the key if nobody else has meanwhile; gives the new epoch. */
  async #take(key: Buffer, holder: string, lease: number, found: number): Promise<number | undefined> {
    try {
      const { succeeded, header } = await this.client.txn({
        compare: [{ target: 'MOD', key, modRevision: found }],
        success: [{ requestPut: { key, value: Buffer.from(JSON.stringify({ holder })), lease } }],
        failure: [],
      });
      return succeeded ? header.revision : undefined;
    } catch (error) {
      if (!(error instanceof EtcdFailure) || error.effect === 'none') throw error;
      // Revoking takes the key with it, whether it was written already or will be: a put under a lease that is gone is refused.
      await this.calls.revoke(lease);
      throw error;
    }
  }

  #hold(name: string, id: number, epoch: number, ttlMs: number, start: number): StoreLease {
    const { clock } = this.client;
    const held: Held = { over: false, until: start + ttlMs, cancelTimer: () => {} };
    this.#held.add(held);
    const end = (): void => {
      held.over = true;
      held.cancelTimer();
      this.#held.delete(held);
    };
    const arm = (): void => {
      held.cancelTimer();
      held.cancelTimer = clock.timer(held.until - clock.monotonic(), () => {
        end();
        this.#giveBack(name, id).catch((error: unknown) => this.warn('a lease whose time is over could not be given back; etcd ends it', error));
      });
    };
    arm();
    return {
      name,
      epoch,
      renew: async (signal) => {
        const asked = clock.monotonic();
        if (held.over || asked >= held.until) throw leaseLost(name, epoch);
        try {
          const [alive, { kvs }] = await Promise.all([this.calls.keepAlive(id, signal), this.client.range({ key: this.layout.lease(name) }, signal)]);
          if (!alive || kvs[0]?.modRevision !== epoch) end();
        } catch (error) {
          if (signal.aborted) throw new OrreryError('ABORTED', `Renewing lease "${name}" was aborted.`, { name }, error);
          throw asOrreryError(error);
        }
        if (held.over) throw leaseLost(name, epoch);
        held.until = asked + ttlMs;
        arm();
      },
      release: async () => {
        if (held.over) return;
        end();
        await this.#giveBack(name, id).catch((error: unknown) => Promise.reject(asOrreryError(error)));
      },
    };
  }

  async #giveBack(name: string, id: number): Promise<void> {
    const ending = this.calls.revoke(id);
    const settled = ending.then(() => {}, () => {});
    this.#ending.set(name, settled);
    try {
      await ending;
    } finally {
      if (this.#ending.get(name) === settled) this.#ending.delete(name);
    }
  }
}

interface Held {
  over: boolean;
  /** On the monotonic clock. */
  until: number;
  cancelTimer: () => void;
}

function holderOf({ value }: KeyValue): string | undefined {
  try {
    return (JSON.parse(value.toString()) as { readonly holder?: string }).holder;
  } catch {
    return undefined;
  }
}
