import type { Store, StoreEvent } from '@orrery/core';
import { expect } from 'vitest';

/** Reads a watch in the background and checks that it never goes back or leaves out a change of a key. */
export class Watching {
  readonly events: StoreEvent[] = [];
  error: unknown;
  revision = 0;
  readonly #abort = new AbortController();
  readonly done: Promise<void>;

  constructor(store: Store, prefix: string, since: number) {
    this.done = this.#read(store, prefix, since);
  }

  /** Waits until it was told of everything up to a revision. */
  async reached(revision: number, limitMs = 30_000): Promise<void> {
    await expect.poll(() => this.error !== undefined || this.revision >= revision, { timeout: limitMs, interval: 10 }).toBe(true);
    if (this.error !== undefined) throw new Error('the watch ended', { cause: this.error });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.done;
  }

  async #read(store: Store, prefix: string, since: number): Promise<void> {
    const known = new Map<string, number>();
    try {
      for await (const batch of store.watch(prefix, { since, signal: this.#abort.signal })) {
        if (batch.revision < this.revision) throw new Error(`went back from ${this.revision} to ${batch.revision}`);
        for (const event of batch.events) {
          if (event.modRevision <= this.revision && event.modRevision !== this.events.at(-1)?.modRevision) throw new Error(`revision ${event.modRevision} comes after ${this.revision}`);
          const before = known.get(event.key);
          if (before !== undefined && before !== event.previousRevision) throw new Error(`${event.key} was at ${before}, and now at ${event.previousRevision}`);
          known.set(event.key, event.type === 'put' ? event.modRevision : 0);
          this.events.push(event);
        }
        this.revision = batch.revision;
      }
    } catch (error) {
      this.error = error;
    }
  }
}
