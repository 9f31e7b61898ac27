import type { Clock, Random } from '@orrery/core';
import type { SqliteDriver } from './driver.js';
import type { Durability } from './schema.js';

/** Options of `SqliteStore.open`. Times are milliseconds. */
export interface SqliteStoreOptions {
  /** The database file. It and its folder are made when missing, for their owner only. */
  readonly path: string;
  /** `full` (default): an acknowledged commit survives the loss of power. `normal`: only the end of the process; a crash of the machine may take the last commits. */
  readonly durability?: Durability;
  /** Default `auto`. */
  readonly driver?: SqliteDriver;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Revisions kept for watchers and reads of the past; default 100,000. */
  readonly historyLimit?: number;
  /** How long a revision is kept at most; default: as long as {@link SqliteStoreOptions.historyLimit} allows. */
  readonly historyMs?: number;
  /** How often it looks whether history is due to be forgotten; default 10,000. */
  readonly compactEveryMs?: number;
  /** Longest encoding of one value, bytes; default 3 MiB. */
  readonly maxValueBytes?: number;
  /** How long a call waits for the lock of another process before it fails with `UNAVAILABLE`; default 5,000. */
  readonly busyTimeoutMs?: number;
  /** How often it looks for writes of other processes beside the system's hints; default 1,000. */
  readonly recheckMs?: number;
  /** Silence after which a watcher gets a bookmark; default 10,000. */
  readonly bookmarkMs?: number;
  /** Whether the whole file is checked at the start, at about a second a gigabyte; default true. */
  readonly check?: boolean;
  /** Told of what goes wrong in the background and is tried again: history that could not be forgotten, hints that do not come. */
  readonly problem?: (what: string, error: unknown) => void;
}
