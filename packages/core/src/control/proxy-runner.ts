import type { EventRecorder, Informers } from '../contracts/client.js';
import { exponentialBuckets, type HistogramInstrument, type Instruments, noInstruments } from '../contracts/instruments.js';
import { type Proxy, type RouteDelta, routeFailures } from '../contracts/proxy.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock, Random } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { EndpointSlice } from '../model/kinds/endpointslice.js';
import { Service } from '../model/kinds/service.js';
import { DeltaBuffer } from './delta-buffer.js';
import { RouteTracker } from './route-tracker.js';

/** What running a proxy needs. */
export interface ProxyRunnerOptions {
  readonly informers: Informers;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where it counts how long routes take to be programmed; default: nowhere. */
  readonly instruments?: Instruments;
}

const BACKOFF = { baseMs: 50, maxMs: 30_000, jitter: 0.2 } as const;

/**
 * Feeds a proxy: informers → tracker → deltas. One delta at a time; what changes meanwhile is in the next. A delta that failed is given again after a
 * back-off, or with the next change if that comes first: a route that cannot be programmed does not hold up the others.
 */
export class ProxyRunner {
  readonly #tracker = new RouteTracker();
  readonly #buffer = new DeltaBuffer();
  readonly #log: Logger;
  readonly #took: HistogramInstrument;
  #wake = (): void => {};

  constructor(
    readonly proxy: Proxy,
    private readonly options: ProxyRunnerOptions,
  ) {
    this.#log = options.log.child({ proxy: proxy.name });
    const about = { name: 'kubeproxy_sync_proxy_rules_duration_seconds', help: 'How long it took to program routes.', buckets: exponentialBuckets(0.001, 2, 15) };
    this.#took = (options.instruments ?? noInstruments).histogram(about);
  }

  /** Runs until the signal aborts; ready when the first delta, which holds everything, has been given. Leaves the proxy open: its plugin closes it. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const services = this.options.informers.get(Service);
    const slices = this.options.informers.get(EndpointSlice);
    const unsubscribe = [
      services.subscribe({
        added: (service) => this.#note(() => this.#tracker.service(service)),
        updated: (service) => this.#note(() => this.#tracker.service(service)),
        deleted: (service) => this.#note(() => this.#tracker.serviceGone(service)),
      }),
      slices.subscribe({
        added: (slice) => this.#note(() => this.#tracker.slice(slice)),
        updated: (slice) => this.#note(() => this.#tracker.slice(slice)),
        deleted: (slice) => this.#note(() => this.#tracker.sliceGone(slice)),
      }),
    ];
    const stop = (): void => this.#wake();
    signal.addEventListener('abort', stop);
    try {
      await Promise.all([services.synced(signal), slices.synced(signal)]);
      const revision = (): number => Math.min(services.health().revision, slices.health().revision);
      await this.#feed(revision, signal, ready);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      for (const remove of unsubscribe) remove();
    }
  }

  #note(change: () => void): void {
    change();
    this.#wake();
  }

  async #feed(revision: () => number, signal: AbortSignal, ready: () => void): Promise<void> {
    let failures = 0;
    for (let first = true; !signal.aborted; first = false) {
      this.#buffer.add(this.#tracker.take());
      if (first || !this.#buffer.empty) {
        const delta = { ...this.#buffer.take(), revision: revision() };
        failures = (await this.#apply(delta, failures, signal)) ? 0 : failures + 1;
        if (first) ready();
      }
      if (!signal.aborted && !this.#tracker.pending) await this.#changeOr(this.#buffer.empty ? undefined : backoffDelay(BACKOFF, failures, this.options.random));
    }
  }

  /** False: it has to be given again. */
  async #apply(delta: RouteDelta, failures: number, signal: AbortSignal): Promise<boolean> {
    const began = this.options.clock.monotonic();
    try {
      await this.proxy.apply(delta, signal);
      this.#took.observe({}, (this.options.clock.monotonic() - began) / 1000);
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      // Doing the same again would fail the same way: a change of the Service is what can help.
      const hopeless = OrreryError.is(error) && !error.retryable;
      this.#log.warn('routes could not be programmed', { failures: failures + 1, again: !hopeless, error: errorMessage(error) });
      this.#report(delta, error);
      if (!hopeless) this.#buffer.putBack(delta);
      return hopeless;
    }
  }

  /** An event on each Service whose route failed. The recorder counts repeats and holds back floods. */
  #report(delta: RouteDelta, error: unknown): void {
    for (const { route, reason } of routeFailures(error)) {
      const service = delta.upserts.find(({ id }) => id === route)?.service;
      const object = service && this.#tracker.find(`${service.namespace}/${service.name}`);
      if (object !== undefined) this.options.events.event(object, 'Warning', 'ProxyProgrammingFailed', `Route ${route}: ${reason}`);
    }
  }

  /** Resolves at the next change, at the abort, or after the delay. */
  #changeOr(delayMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = delayMs === undefined ? () => {} : this.options.clock.timer(delayMs, () => this.#wake());
      this.#wake = () => {
        this.#wake = () => {};
        cancel();
        resolve();
      };
    });
  }
}
