import { type FSWatcher, watch } from 'node:fs';
import type { CancelTimer, Clock } from '@orrery/core';

/** How {@link OutsideWrites} looks. */
export interface OutsideWritesOptions {
  /** The database's path. */
  readonly path: string;
  readonly clock: Clock;
  /** Milliseconds between looks without a hint. */
  readonly recheckMs: number;
  /** Something may have been written. Cheap, for most hints are of this process's own writes; throws nothing. */
  look(): void;
  /** Also the file itself is to be checked; called every `recheckMs`. */
  recheck(): void;
  /** The system gives no hints; only the regular look is left. */
  deaf(error: unknown): void;
}

/**
 * Says when another process may have written to the database: the system's file watch on the write-ahead log tells at once, and a slow regular look makes good for hints that
 * do not come.
 */
export class OutsideWrites {
  #watcher: FSWatcher | undefined;
  #cancel: CancelTimer = () => {};

  constructor(private readonly options: OutsideWritesOptions) {
    try {
      this.#watcher = watch(`${options.path}-wal`, { persistent: false }, () => options.look());
      this.#watcher.on('error', (error) => this.#deaf(error));
    } catch (error) {
      this.#deaf(error);
    }
    this.#arm();
  }

  /** No more looks. */
  close(): void {
    this.#cancel();
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #arm(): void {
    this.#cancel = this.options.clock.timer(this.options.recheckMs, () => {
      this.#arm();
      this.options.look();
      this.options.recheck();
    });
  }

  #deaf(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.options.deaf(error);
  }
}
