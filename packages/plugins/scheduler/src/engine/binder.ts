import { ApiError, type Client, type Clock, type Logger, Pod, errorMessage, keyOf } from '@orrery/core';
import type { WaitingPod } from '../queue/scheduling-queue.js';

/** How a bind ended. */
export type BindOutcome =
  | { readonly kind: 'bound' }
  /** The pod is gone, or somebody else has placed it. */
  | { readonly kind: 'moot' }
  /** Refused: it may be tried again. */
  | { readonly kind: 'refused'; readonly error: unknown };

/** First wait before an unknown outcome is looked into, and the longest one, milliseconds. */
const LOOK_AGAIN_MS = 100;
const LOOK_AGAIN_MAX_MS = 5_000;

/**
 * Binds pods to nodes, many at the same time. An outcome that is not known (time-out, connection lost) is found out by reading and binding
 * again to the same node; until then the caller must go on counting the pod there.
 */
export class Binder {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #running = new Set<Promise<void>>();

  constructor(client: Client, clock: Clock, log: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** Binds on their way. */
  get inFlight(): number {
    return this.#running.size;
  }

  /** Starts a bind after `first` has settled; `done` is told how it ended, unless the signal aborts before that is known. */
  start(waiting: WaitingPod, node: string, first: Promise<void>, done: (outcome: BindOutcome) => void, signal: AbortSignal): void {
    const task: Promise<void> = this.#bind(waiting, node, first, signal)
      .then((outcome) => {
        this.#running.delete(task);
        if (outcome !== undefined) done(outcome);
      });
    this.#running.add(task);
  }

  /** Resolves when nothing is on its way any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #bind({ pod }: WaitingPod, node: string, first: Promise<void>, signal: AbortSignal): Promise<BindOutcome | undefined> {
    await first;
    const known = await this.#try(pod, node);
    if (known !== undefined) return known;
    for (let wait = LOOK_AGAIN_MS; ; wait = Math.min(LOOK_AGAIN_MAX_MS, wait * 2)) {
      try {
        await this.#clock.sleep(wait, signal);
      } catch {
        // Stopping: whoever comes next reads from the API what became of it.
        return undefined;
      }
      const outcome = await this.#settle(pod, node);
      if (outcome !== undefined) return outcome;
    }
  }

  /** One bind; undefined when it is not known whether it happened. */
  async #try(pod: Pod, node: string): Promise<BindOutcome | undefined> {
    const { namespace, name = '', uid } = pod.metadata;
    try {
      await this.#client.bind({ namespace, name, ...(uid === undefined ? {} : { uid }) }, node);
      return { kind: 'bound' };
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return { kind: 'moot' };
      if (isRefusal(error)) return { kind: 'refused', error };
      this.#log.warn('It is not known whether a pod was bound; finding out.', { pod: keyOf(pod), node, error: errorMessage(error) });
      return undefined;
    }
  }

  /** Reads where the pod is; if nowhere, binds it to the same node again. */
  async #settle(pod: Pod, node: string): Promise<BindOutcome | undefined> {
    const { namespace, name = '', uid } = pod.metadata;
    try {
      const now = await this.#client.kind(Pod).find({ namespace, name });
      if (now === undefined || now.metadata.uid !== uid) return { kind: 'moot' };
      if (now.spec.nodeName) return { kind: now.spec.nodeName === node ? 'bound' : 'moot' };
    } catch (error) {
      this.#log.warn('Could not read whether a pod was bound; trying again.', { pod: keyOf(pod), node, error: errorMessage(error) });
      return undefined;
    }
    const again = await this.#try(pod, node);
    // Refused as a conflict: the first attempt may have come through in between.
    return again?.kind === 'refused' && ApiError.is(again.error, 'Conflict') ? undefined : again;
  }
}

/** Whether the server said no, so that it is certain that nothing happened. */
const isRefusal = (error: unknown): boolean => ApiError.is(error) && error.code >= 400 && error.code < 500 && error.code !== 408;
