import {
  type CommitResult, type Guard, longLived, OrreryError, type RangeOptions, type RangeResult, type Store, type StoreEntry, type StoreLease, type WatchBatch, type WatchOptions, type Write,
} from '@orrery/core';
import type { ProcessClock } from '@orrery/core/testing';

/** After so long a client of the store gives up on an answer, milliseconds. */
const GIVE_UP_MS = 2_000;

/**
 * One process's line to a store that several share. A process that stands still sends nothing and hears nothing until it goes on; one that died never hears anything again, while what it had sent
 * still happens; one whose line is cut learns nothing of what it sends.
 */
export class PlaneStore implements Store {
  readonly shared = true;
  /** Broken now, both ways. */
  cut = false;
  readonly #over = longLived(new AbortController());
  readonly #open = new Set<(error: Error) => void>();

  constructor(
    private readonly inner: Store,
    private readonly clock: ProcessClock,
  ) {}

  /** The process dies. */
  kill(): void {
    this.#end(new OrreryError('UNAVAILABLE', 'This process is dead (simulated).'));
  }

  get(key: string): Promise<StoreEntry | undefined> {
    return this.#call(() => this.inner.get(key));
  }

  range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    return this.#call(() => this.inner.range(prefix, options));
  }

  revision(): Promise<number> {
    return this.#call(() => this.inner.revision());
  }

  compact(revision: number): Promise<void> {
    return this.#call(() => this.inner.compact(revision));
  }

  commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    return this.#call(() => this.inner.commit(change), 'OUTCOME_UNKNOWN');
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    const lease = await this.#call(() => this.inner.acquireLease(name, options));
    return lease && { name: lease.name, epoch: lease.epoch, renew: (signal) => this.#call(() => lease.renew(signal)), release: () => this.#call(() => lease.release()) };
  }

  async *watch(prefix: string, { since, signal }: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    await this.#call(async () => undefined);
    const ended = new AbortController();
    const end = (): void => ended.abort();
    for (const source of [signal, this.#over.signal]) {
      source.addEventListener('abort', end, { once: true });
      if (source.aborted) end();
    }
    try {
      for await (const batch of this.inner.watch(prefix, { since, signal: ended.signal })) {
        await this.clock.awake();
        if (ended.signal.aborted) break;
        if (this.cut) throw new OrreryError('UNAVAILABLE', 'The line to the store is broken (simulated).');
        yield batch;
      }
      if (!signal.aborted) this.#over.signal.throwIfAborted();
    } finally {
      for (const source of [signal, this.#over.signal]) source.removeEventListener('abort', end);
      end();
    }
  }

  /** Ends this process's part in it; the others go on. */
  async close(): Promise<void> {
    this.#end(new OrreryError('CLOSED', 'The store is closed.'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(error: OrreryError): void {
    this.#over.abort(error);
    for (const fail of [...this.#open]) fail(error);
  }

  /** @param lost what a caller is told whose call may have taken effect */
  #call<T>(work: () => Promise<T>, lost: 'OUTCOME_UNKNOWN' | 'UNAVAILABLE' = 'UNAVAILABLE'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#over.signal.aborted) return reject(this.#over.signal.reason as Error);
      this.#open.add(reject);
      this.#send(work, lost).then(resolve, reject).finally(() => this.#open.delete(reject));
    });
  }

  async #send<T>(work: () => Promise<T>, lost: 'OUTCOME_UNKNOWN' | 'UNAVAILABLE'): Promise<T> {
    await this.clock.awake();
    this.#over.signal.throwIfAborted();
    if (this.cut) await this.#unheard('UNAVAILABLE');
    try {
      return await work();
    } finally {
      await this.clock.awake();
      if (this.cut) await this.#unheard(lost);
    }
  }

  async #unheard(code: 'OUTCOME_UNKNOWN' | 'UNAVAILABLE'): Promise<never> {
    await this.clock.sleep(GIVE_UP_MS, this.#over.signal);
    throw new OrreryError(code, 'The store does not answer (simulated).');
  }
}
