import type { ApiRequest, Transport, WatchEvent, WatchRequest } from '../../contracts/transport.js';
import { untilAborted } from '../../kernel/abort.js';
import type { Clock } from '../../kernel/clock.js';
import { OrreryError } from '../../kernel/errors.js';
import { ApiError } from '../../model/api-error.js';
import type { KubeList, KubeObject } from '../../model/object.js';

/** What goes wrong with one request: it waits, is refused before or its answer is lost after it was done (both are errors that a client may try again). */
export interface RequestFault {
  readonly delayMs?: number;
  readonly outcome?: 'refused' | 'replyLost';
}

/** Decides about each request and each batch of a watch; undefined or false: nothing goes wrong. */
export interface LineFaults {
  request?(request: ApiRequest): RequestFault | undefined;
  /** True: the watch breaks off before these events. */
  cut?(events: readonly WatchEvent[]): boolean;
}

/** Which way a link is broken. */
export type Partition = 'none' | 'toServer' | 'fromServer' | 'both';

/** After so long a client gives up on an answer. */
const GIVE_UP_MS = 5_000;

/**
 * One process's line to the server: it can be partitioned, one way or both, and the process at its end can die.
 * A watch that met a broken way back stays silent for ever, as a half-open connection does.
 */
export class SimulatedLine implements Transport {
  /** Broken now. */
  partition: Partition = 'none';
  #dead = false;
  #watches = 0;
  /** What waits for an answer, and is told when the process dies. */
  readonly #open = new Set<(error: Error) => void>();

  constructor(
    private readonly inner: Transport,
    private readonly clock: Clock,
    private readonly faults: LineFaults = {},
  ) {}

  /** Watches that are open. */
  get watches(): number {
    return this.#watches;
  }

  /** The process dies: what is on its way to the server still happens, but nobody hears of it; nothing more is sent. */
  kill(): void {
    this.#dead = true;
    for (const fail of [...this.#open]) fail(gone());
  }

  request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> {
    if (this.#dead) return Promise.reject(gone());
    const fault = this.faults.request?.(request);
    const work = fault === undefined && this.partition === 'none' ? this.inner.request(request, signal) : this.#disturbed(request, fault ?? {}, signal);
    return this.#unlessDead(work);
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    return { [Symbol.asyncIterator]: () => this.#events(request, signal) };
  }

  async #disturbed(request: ApiRequest, fault: RequestFault, signal: AbortSignal | undefined): Promise<KubeObject | KubeList> {
    if (fault.delayMs !== undefined) await this.#wait(fault.delayMs);
    if (this.partition === 'toServer' || this.partition === 'both') {
      await this.#wait(GIVE_UP_MS);
      throw new ApiError('Timeout', 'no answer from the server (simulated)');
    }
    if (fault.outcome === 'refused') throw new ApiError('ServiceUnavailable', 'the server is overloaded (simulated)');
    const result = await this.inner.request(request, signal);
    if (fault.outcome !== 'replyLost' && !this.#noWayBack()) return result;
    await this.#wait(GIVE_UP_MS);
    throw new ApiError('Timeout', 'the answer of the server was lost (simulated)');
  }

  #noWayBack(): boolean {
    return this.partition === 'fromServer' || this.partition === 'both';
  }

  async *#events(request: WatchRequest, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[], void, undefined> {
    if (this.#dead) throw gone();
    if (this.partition !== 'none') {
      await this.#wait(GIVE_UP_MS);
      throw new OrreryError('UNAVAILABLE', 'The server cannot be reached (simulated).');
    }
    // A signal that has aborted already tells nobody again.
    if (signal.aborted) return;
    const ended = new AbortController();
    const stop = (): void => ended.abort();
    signal.addEventListener('abort', stop, { once: true });
    this.#open.add(stop);
    this.#watches += 1;
    try {
      for await (const events of this.inner.watch(request, ended.signal)) {
        if (this.#noWayBack()) await untilAborted(ended.signal);
        if (ended.signal.aborted) break;
        if (this.faults.cut?.(events) === true) throw new OrreryError('UNAVAILABLE', 'The connection was reset (simulated).');
        yield events;
      }
      if (this.#dead) throw gone();
    } finally {
      this.#watches -= 1;
      this.#open.delete(stop);
      signal.removeEventListener('abort', stop);
      ended.abort();
    }
  }

  #unlessDead<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#open.add(reject);
      work.then(resolve, reject).finally(() => this.#open.delete(reject));
    });
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.clock.timer(delayMs, resolve));
  }
}

const gone = (): OrreryError => new OrreryError('UNAVAILABLE', 'This process is dead (simulated).');
