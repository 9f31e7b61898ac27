import type { Client, EventRecorder, Informer, InformerOptions, Informers } from '../contracts/client.js';
import { type Controller, type ControllerParts, type ControllerWatch, isTerminal, type ReconcileContext } from '../contracts/controller.js';
import { type Instruments, noInstruments } from '../contracts/instruments.js';
import { longLived } from '../kernel/abort.js';
import type { BackoffPolicy } from '../kernel/backoff.js';
import type { Clock, Random } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { within } from '../kernel/within.js';
import { WorkQueue } from '../kernel/work-queue.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject, ObjectKey } from '../model/object.js';
import { QueueInstruments } from './queue-instruments.js';
import { kindId, trackingClient, type WrittenRevisions } from './tracking-client.js';

/** What running a controller needs. */
export interface ControllerRunnerOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of a key that keeps failing; default what the controller wants. */
  readonly backoff?: BackoffPolicy;
  /** Where it counts what its queue does; default: nowhere. */
  readonly instruments?: Instruments;
}

/**
 * How long a reconcile waits for the caches to show the last one's writes before it goes on with what they show (ExpectationsTimeout of Kubernetes' controllers).
 * Longer than a cache needs to find its watch dead and to list again: going on earlier could make things twice.
 */
const OWN_WRITES_MS = 300_000;

/**
 * The loop of a controller: informers → queue → workers → reconcile. Before a key is looked at again, the caches have caught up with what the last
 * look at it wrote, so that nothing is made twice from a stale cache (Kubernetes' "expectations", without their bookkeeping).
 */
export class ControllerRunner {
  readonly #queue: WorkQueue<ObjectKey>;
  /** What this controller reads, by kind. */
  readonly #informers = new Map<string, Informer<KubeObject>[]>();
  readonly #written = new Map<ObjectKey, WrittenRevisions>();
  readonly #log: Logger;
  readonly #counted: QueueInstruments<ObjectKey> | undefined;

  constructor(
    readonly controller: Controller,
    private readonly options: ControllerRunnerOptions,
  ) {
    const { clock, random, backoff = controller.backoff, instruments = noInstruments } = options;
    this.#counted = QueueInstruments.of(controller.name, instruments, clock);
    this.#queue = new WorkQueue({ clock, random, ...(backoff && { backoff }), ...(this.#counted && { observer: this.#counted }) });
    this.#log = options.log.child({ controller: controller.name });
  }

  /** Nothing waits, runs or is due later: for tests that wait until all is quiet. */
  get idle(): boolean {
    return this.#queue.idle;
  }

  /** Runs until the signal aborts; ready when the caches are synced and the workers began. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { clock, random } = this.options;
    const undo: (() => void)[] = this.#counted === undefined ? [] : [this.#counted.show(this.#queue)];
    const stop = (): void => this.#queue.close();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const parts = this.controller.start({
        informer: (kind, options) => this.#informer(kind, options),
        watch: (watch) => void undo.push(this.#subscribe(watch)),
        defer: (last) => void undo.push(last),
        clock,
        random,
        log: this.#log,
      });
      for (const watch of parts.watches) undo.push(this.#subscribe(watch));
      await Promise.all([...this.#informers.values()].flat().map((informer) => informer.synced(signal)));
      ready();
      await Promise.all(Array.from({ length: this.controller.workers ?? 1 }, () => this.#work(parts, signal)));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const step of undo.reverse()) step();
      signal.removeEventListener('abort', stop);
      this.#queue.close();
    }
  }

  #subscribe(watch: ControllerWatch<never>): () => void {
    return this.#informer(watch.kind, watch.informer).subscribe({
      added: (object) => this.#enqueue(watch.keys(object, undefined, false)),
      updated: (object, old) => this.#enqueue(watch.keys(object, old, false)),
      deleted: (object) => this.#enqueue(watch.keys(object, undefined, true)),
    });
  }

  #enqueue(keys: readonly ObjectKey[]): void {
    for (const key of keys) this.#queue.add(key);
  }

  #informer<T extends KubeObject>(kind: KindDefinition<T>, options?: InformerOptions<T>): Informer<T> {
    const informer = this.options.informers.get(kind, options);
    const read = informer as unknown as Informer<KubeObject>;
    const known = this.#informers.get(kindId(kind)) ?? [];
    if (!known.includes(read)) this.#informers.set(kindId(kind), [...known, read]);
    return informer;
  }

  async #work(parts: ControllerParts, signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      try {
        await this.#reconcile(parts, key, signal);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcile(parts: ControllerParts, key: ObjectKey, signal: AbortSignal): Promise<void> {
    const { clock, random, events, client } = this.options;
    try {
      await this.#ownWrites(key, signal);
      const written: WrittenRevisions = new Map();
      const context: ReconcileContext = { client: trackingClient(client, written), events, clock, random, log: this.#log, signal };
      try {
        const result = await parts.reconcile(key, context);
        this.#queue.forget(key);
        if (result !== undefined) this.#queue.addAfter(key, result.againAfterMs);
      } finally {
        if (written.size > 0) this.#written.set(key, written);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isTerminal(error)) {
        this.#queue.forget(key);
        this.#log.error('reconcile failed for good; waiting for a change', { key, error: errorMessage(error) });
        return;
      }
      // A conflict is the normal way to learn that the cache was behind.
      const level = ApiError.is(error, 'Conflict') || ApiError.is(error, 'AlreadyExists') ? 'debug' : 'warn';
      this.#log[level]('reconcile failed; trying again', { key, failures: this.#queue.failures(key) + 1, error: errorMessage(error) });
      this.#queue.addRateLimited(key);
    }
  }

  /** Waits until every cache this controller reads shows what the last reconcile of the key wrote. */
  async #ownWrites(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const written = this.#written.get(key);
    if (written === undefined) return;
    this.#written.delete(key);
    const readers = [...written].flatMap(([kind, revision]) => (this.#informers.get(kind) ?? []).map((informer) => ({ informer, revision })));
    const behind = readers.filter(({ informer, revision }) => informer.health().revision < revision);
    if (behind.length === 0) return;
    const { clock } = this.options;
    // A controller of its own, not AbortSignal.any: what hangs on a signal that lives as long as the process must be taken off it again.
    const enough = longLived(new AbortController());
    const late = (): OrreryError => new OrreryError('TIMEOUT', `The caches did not show it within ${OWN_WRITES_MS} ms.`);
    const shown = Promise.all(behind.map(({ informer, revision }) => informer.observed(revision, enough.signal)));
    try {
      await within(shown, clock, OWN_WRITES_MS, late, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#log.warn('the caches do not show the last writes yet; going on with what they show', { key, error: errorMessage(error) });
    } finally {
      enough.abort();
    }
  }
}
