import type { Client, EventRecorder } from '../contracts/client.js';
import type { Clock, Random } from '../kernel/clock.js';
import { errorMessage } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { ApiError } from '../model/api-error.js';
import { Event } from '../model/kinds/event.js';
import type { KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';

/** Events about one object in a burst, and the time to earn one more (client-go's EventSourceObjectSpamFilter). */
const BURST = 25;
const REFILL_MS = 300_000;
/** Repeats remembered. */
const REMEMBERED = 4096;
/** Events waiting to be written; what comes beyond is dropped, and told once in the log. */
const BACKLOG = 20_000;
/** Events that are written without a pause, and a second from then on: telling of work must not hold it up (the kubelet writes 100, and then 50 a second for each node). */
const AT_ONCE = 1_000;
const PER_SECOND = 1_000;
const PAUSE_MS = 50;
const LONGEST_MESSAGE = 1024;

interface Known {
  readonly name: string;
  count: number;
}

/** Writes Kubernetes Events one after the other in the background, at a pace. Repeats of one event count up on it. */
export class RecorderFactory {
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #queue: (() => Promise<void>)[] = [];
  #draining: Promise<void> | undefined;
  #dropped = false;
  #closed = false;
  #pace = { tokens: AT_ONCE, at: 0 };
  /** Ends the pause that is being made. */
  #endPause: () => void = () => {};

  constructor(private readonly options: { readonly client: Client; readonly clock: Clock; readonly random: Random; readonly log: Logger }) {
    this.#pace.at = options.clock.monotonic();
  }

  /** The recorder of a component. */
  for(component: string): EventRecorder {
    return { event: (about, type, reason, message) => this.#record(component, about, type, reason, message.slice(0, LONGEST_MESSAGE)) };
  }

  /** Takes no more, and resolves when the one being written is written. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    this.#endPause();
    await this.#draining;
  }

  #record(component: string, about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#closed || !this.#affords(`${component}/${about.metadata.uid}`)) return;
    if (this.#queue.length >= BACKLOG) {
      if (!this.#dropped) this.options.log.warn('events come faster than they can be written; some are dropped');
      this.#dropped = true;
      return;
    }
    const at = this.options.clock.now();
    this.#queue.push(() => this.#write(component, about, type, reason, message, at));
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await next().catch((error: unknown) => {
        if (!this.#closed) this.options.log.warn('an event could not be written', { error: errorMessage(error) });
      });
      if (this.#queue.length > 0 && !this.#isInPace()) await this.#pause();
    }
    this.#draining = undefined;
    this.#dropped = false;
  }

  /** Whether one more may be written now. */
  #isInPace(): boolean {
    const now = this.options.clock.monotonic();
    const { tokens, at } = this.#pace;
    const left = Math.min(AT_ONCE, tokens + ((now - at) / 1000) * PER_SECOND) - 1;
    this.#pace = { tokens: left, at: now };
    return left >= 0;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.timer(PAUSE_MS, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }

  async #write(component: string, about: KubeObject, type: string, reason: string, message: string, at: number): Promise<void> {
    const { metadata, apiVersion, kind } = about;
    const id = [component, metadata.uid, type, reason, message].join('\n');
    const time = timeOfMillis(at);
    const namespace = metadata.namespace ?? 'default';
    const events = this.options.client.kind(Event);
    const known = this.#known.get(id);
    if (known !== undefined) {
      known.count += 1;
      try {
        await events.patch({ namespace, name: known.name }, 'merge', { count: known.count, lastTimestamp: time });
        this.#remember(id, known);
        return;
      } catch (error) {
        // It was deleted meanwhile (they expire): begin anew.
        if (!ApiError.is(error, 'NotFound')) throw error;
      }
    }
    const name = `${(metadata.name ?? '').slice(0, 200)}.${this.options.random.uuid().replaceAll('-', '').slice(0, 16)}`;
    const event: Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
      type,
      reason,
      message,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    await events.create(event);
    this.#remember(id, { name, count: 1 });
  }

  #remember(id: string, known: Known): void {
    this.#known.delete(id);
    this.#known.set(id, known);
    forgetOldest(this.#known);
  }

  /** A token bucket per object and component. */
  #affords(id: string): boolean {
    const now = this.options.clock.monotonic();
    const bucket = this.#buckets.get(id) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS);
    bucket.at = now;
    this.#buckets.delete(id);
    this.#buckets.set(id, bucket);
    forgetOldest(this.#buckets);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** Forgets the oldest when there are a quarter too many: a map steps over all that was deleted from its beginning, each time it is read from there. */
function forgetOldest(remembered: Map<string, unknown>): void {
  let tooMany = remembered.size - REMEMBERED;
  if (tooMany <= REMEMBERED / 4) return;
  for (const oldest of remembered.keys()) {
    if (tooMany-- <= 0) return;
    remembered.delete(oldest);
  }
}
