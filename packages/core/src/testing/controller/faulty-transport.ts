import type { ApiRequest, Transport, WatchEvent, WatchRequest } from '../../contracts/transport.js';
import type { Clock } from '../../kernel/clock.js';
import { ApiError } from '../../model/api-error.js';
import type { KubeList, KubeObject } from '../../model/object.js';

/** What can go wrong between a controller and the API, and what is counted there. */
export interface Faults {
  /** Called before each write; throws to refuse it. */
  refuse?: ((request: ApiRequest) => void) | undefined;
  /** Called after each write that succeeded. */
  written?: ((request: ApiRequest) => Promise<void>) | undefined;
  /** Milliseconds by which watches are behind. */
  lagMs: number;
  /** Watches hear nothing; what happens meanwhile is lost to them. */
  deaf: boolean;
}

/** Writes after which a controller counts as running away: it may be doing so without time passing, and then nothing else would ever end it. */
const RUNAWAY = 5_000;

const READS: ReadonlySet<string> = new Set(['get', 'list']);

/** A transport that misbehaves as told, between one controller and the API. */
export class MisbehavingTransport implements Transport {
  readonly faults: Faults = { lagMs: 0, deaf: false };
  /** Writes that were asked for. */
  attempts = 0;
  /** Writes that were made. */
  writes = 0;
  readonly #cuts = new Set<AbortController>();

  constructor(
    private readonly inner: Transport,
    private readonly clock: Clock,
  ) {}

  async request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> {
    if (READS.has(request.verb)) return this.inner.request(request, signal);
    this.attempts += 1;
    if (this.attempts > RUNAWAY) throw new ApiError('TooManyRequests', `the controller has tried more than ${RUNAWAY} writes`);
    this.faults.refuse?.(request);
    const answer = await this.inner.request(request, signal);
    this.writes += 1;
    await this.faults.written?.(request);
    return answer;
  }

  /** The controller was stopped because it would not stop writing. */
  get ranAway(): boolean {
    return this.attempts > RUNAWAY;
  }

  /** Ends deafness: what was missed can only be learnt by listing again. */
  hear(): void {
    this.faults.deaf = false;
    for (const cut of this.#cuts) cut.abort();
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    const cut = new AbortController();
    this.#cuts.add(cut);
    try {
      for await (const events of this.inner.watch(request, AbortSignal.any([signal, cut.signal]))) {
        if (this.faults.deaf) continue;
        if (this.faults.lagMs > 0) await this.clock.sleep(this.faults.lagMs, signal);
        yield events;
      }
    } finally {
      this.#cuts.delete(cut);
    }
    if (cut.signal.aborted && !signal.aborted) throw new ApiError('Expired', 'too old resource version');
  }
}
