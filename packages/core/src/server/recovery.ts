import type { HistoryLoss, Store } from '../contracts/store.js';
import type { Clock } from '../kernel/clock.js';
import type { Logger } from '../kernel/logger.js';
import { ApiError } from '../model/api-error.js';

/** How long no pod is bound anew after a loss: agents that can be reached have read their pods again long before, and said where those run that the store no longer knows to be bound. */
export const RECOVERY_MS = 15_000;

/** What a server does, and tells. */
export interface RecoveryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each loss. Must not throw. */
  lost(loss: HistoryLoss): void;
}

/**
 * What follows when the store lost history that it had acknowledged. Caches and clients read everything again (their watches end with Expired). What the lost part said about where pods
 * run is known to the nodes alone, so for a while nothing is bound but what a node says it runs already: else a pod would be started a second time elsewhere.
 */
export class Recovery {
  #until = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: RecoveryOptions) {}

  /** Follows the store's losses. Returns the end of it. */
  follow(store: Store): () => void {
    return store.onHistoryLost?.((loss) => this.begin(loss)) ?? (() => {});
  }

  /** History was lost. Safe to call again: the time begins anew. */
  begin(loss: HistoryLoss): void {
    const { clock, log, lost } = this.options;
    this.#until = clock.monotonic() + RECOVERY_MS;
    log.error('the store lost history that it had acknowledged; binding waits until the nodes have told what they run', { ...loss, waitMs: RECOVERY_MS });
    lost(loss);
  }

  /** Nothing is bound anew now. */
  get active(): boolean {
    return this.options.clock.monotonic() < this.#until;
  }

  /** Throws `ApiError` ServiceUnavailable for a binding that has to wait. `runs`: the node says that the pod runs there already. */
  checkBinding(runs: boolean): void {
    if (!this.active || runs) return;
    const seconds = Math.ceil((this.#until - this.options.clock.monotonic()) / 1000);
    throw new ApiError('ServiceUnavailable', `the store lost acknowledged history; pods are bound again in ${seconds} s, when the nodes have told what they run`, { retryAfterSeconds: seconds });
  }
}
