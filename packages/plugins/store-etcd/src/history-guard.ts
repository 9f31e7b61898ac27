import type { HistoryLoss } from '@orrery/core';
import type { Header } from './messages.js';

/** What was known when a call was made. */
export interface Stamp {
  readonly history: number;
  readonly highest: number;
}

/**
 * Notices that etcd went back: a linearizable answer must not be older than what was known before the question, and must come from the same cluster.
 * That fails only where a cluster was restored from a backup, made anew, or replaced by another behind the same addresses.
 */
export class HistoryGuard {
  #cluster: number | undefined;
  #highest = 0;
  #history = 0;
  readonly #listeners = new Set<(loss: HistoryLoss) => void>();

  /** The newest revision known. */
  get highest(): number {
    return this.#highest;
  }

  /** See `Store.onHistoryLost`. */
  listen(listener: (loss: HistoryLoss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be taken before a question is asked. */
  stamp(): Stamp {
    return { history: this.#history, highest: this.#highest };
  }

  /**
   * Looks at the answer to a linearizable question, tells the listeners of a loss, and says whether the answer belongs to the history that counts now;
   * an answer of before a loss that was noticed meanwhile does not.
   */
  admits(stamp: Stamp, { clusterId, revision }: Header): boolean {
    if (stamp.history !== this.#history) return false;
    if (this.#cluster !== undefined && clusterId !== this.#cluster) this.#lose(revision, clusterId, 'the endpoints lead to another cluster than before (its id differs)');
    else if (revision < stamp.highest) this.#lose(revision, clusterId, `the cluster went back from revision ${stamp.highest} to ${revision}: it was restored from a backup, or lost its data`);
    this.#cluster = clusterId;
    this.#highest = Math.max(this.#highest, revision);
    return true;
  }

  #lose(revision: number, clusterId: number, reason: string): void {
    // How much of the old history a backup had cannot be seen from the new one.
    const loss: HistoryLoss = { lastCommon: 0, seen: this.#highest, reason };
    this.#history += 1;
    this.#highest = revision;
    this.#cluster = clusterId;
    for (const listener of [...this.#listeners]) listener(loss);
  }
}
