import { type Clock, expired, longLived, OrreryError } from '@orrery/core';
import type { EtcdConnection } from './connection.js';
import { deferred } from './deferred.js';
import { EtcdFailure, STATUS, toOrreryError } from './failure.js';
import type { HistoryGuard } from './history-guard.js';
import type { Header, RangeRequest, RangeResponse, TxnRequest, TxnResponse } from './messages.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
const never = longLived(new AbortController()).signal;

/** An answer of a history that has been lost since. */
const OUTLIVED = 'the history was lost while the call was under way';

/** Calls whose answers are checked against the history, and tried again at other members where that is safe. */
export class EtcdClient {
  constructor(
    readonly connection: EtcdConnection,
    readonly guard: HistoryGuard,
    readonly clock: Clock,
    private readonly patienceMs: number,
  ) {}

  /** A time after which a call that begins now is given up, on the monotonic clock. */
  deadline(): number {
    return this.clock.monotonic() + this.patienceMs;
  }

  /** A linearizable read, tried until it succeeds or time is up. Throws `UNAVAILABLE`, or {@link EtcdFailure} where etcd refuses the question itself. */
  range(request: RangeRequest, signal?: AbortSignal): Promise<RangeResponse> {
    return this.persist(() => this.#checked(() => this.connection.call('KV/Range', request, signal)), signal);
  }

  /**
   * Throws `EXPIRED` when anything behind a revision is compacted. A watch alone does not tell: etcd serves one that begins exactly at the compacted revision, and
   * leaves out the deletes of that revision (etcd #18089, #19179).
   */
  async kept(key: Buffer, since: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.range({ key, keysOnly: true, limit: 1, revision: Math.max(1, since) }, signal);
    } catch (error) {
      if (!(error instanceof EtcdFailure)) throw error;
      // An error has no header: it takes an answer to see that the history went back.
      if (error.future) await this.range({ key, keysOnly: true }, signal);
      throw error.compacted ? expired(since + 1, since + 1) : error;
    }
  }

  /** One try of a transaction, at one member. Throws {@link EtcdFailure}. */
  txn(request: TxnRequest, signal?: AbortSignal): Promise<TxnResponse> {
    return this.#checked(() => this.connection.call('KV/Txn', request, signal));
  }

  /** Tries again, after pauses, what may be done twice. Throws `UNAVAILABLE` when time is up; another refusal as {@link EtcdFailure}. */
  async persist<T>(attempt: () => Promise<T>, signal: AbortSignal = never): Promise<T> {
    const deadline = this.deadline();
    for (let tries = 0; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof EtcdFailure) || !error.passing) throw error;
        if (!(await this.pause(tries, deadline, signal))) throw toOrreryError(error);
      }
    }
  }

  /** Waits before the next try; false when there is no time for one. Throws `CLOSED` or `ABORTED`. */
  async pause(tries: number, deadline: number, signal: AbortSignal = never): Promise<boolean> {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS);
    if (this.connection.closed) return true;
    if (this.clock.monotonic() + pause >= deadline) return false;
    await this.clock.sleep(pause, signal);
    return true;
  }

  /** What a promise of others gives, if it comes before a time on the monotonic clock. Else throws {@link EtcdFailure}. */
  async by<T>(deadline: number, shared: Promise<T>): Promise<T> {
    const late = deferred<never>();
    const cancel = this.clock.timer(deadline - this.clock.monotonic(), () => late.reject(new EtcdFailure(STATUS.DEADLINE_EXCEEDED, 'no answer in time', 'etcd')));
    try {
      return await Promise.race([shared, late.promise]);
    } finally {
      cancel();
    }
  }

  async #checked<T extends { readonly header: Header }>(call: () => Promise<T>): Promise<T> {
    const stamp = this.guard.stamp();
    const answer = await call();
    if (!this.guard.admits(stamp, answer.header)) throw new EtcdFailure(STATUS.UNKNOWN, OUTLIVED, 'etcd');
    return answer;
  }
}

/** A refusal as the caller's error; anything else as it is. */
export function asOrreryError(error: unknown): unknown {
  return error instanceof EtcdFailure ? toOrreryError(error) : error;
}

/** The store's own word for a commit whose answer took too long, or was cut off by closing. */
export const outcomeUnknown = (cause: unknown): OrreryError =>
  new OrreryError('OUTCOME_UNKNOWN', 'etcd did not say in time whether the commit happened.', {}, cause);
