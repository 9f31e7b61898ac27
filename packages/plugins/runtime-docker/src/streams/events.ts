import type { Readable } from 'node:stream';
import type { Random, RuntimeEvent } from '@orrery/core';
import { OrreryError, backoffDelay, longLived, systemRandom } from '@orrery/core';
import { dialStream } from '../engine/dial.js';
import type { Engine } from '../engine/engine.js';
import { engineError } from '../engine/errors.js';
import { LABEL, decodeLabels } from '../identity/labels.js';
import type { Inventory } from '../inventory/inventory.js';

/** More unread hints than this become one `resync`: a hint only says that listing is worth while. */
const MAX_UNREAD = 1_000;
/** An event carries all labels, annotations included. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
/** An engine that stays away longer ends the subscriptions, milliseconds. */
const GIVE_UP_MS = 10_000;
const RECONNECT = { baseMs: 50, maxMs: 1_000, jitter: 0.2 };
const ACTIONS = ['start', 'die', 'destroy', 'pause', 'unpause'];

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
  readonly timeNano?: number;
}

interface Subscriber {
  push(event: RuntimeEvent): void;
  fail(error: OrreryError): void;
}

/**
 * Hints from the engine's event stream: one connection for all subscribers, there while anybody listens. After a break it resumes where it was,
 * and says `resync`, since the engine remembers only its last events and none over a restart.
 */
export class EventFeed {
  readonly #engine: Engine;
  readonly #inventory: Inventory;
  readonly #owner: string;
  readonly #random: Random;
  readonly #subscribers = new Set<Subscriber>();
  #running: AbortController | undefined;

  constructor(engine: Engine, inventory: Inventory, owner: string, random: Random = systemRandom) {
    this.#engine = engine;
    this.#inventory = inventory;
    this.#owner = owner;
    this.#random = random;
  }

  /** Hints until the signal aborts or the runtime closes. Throws `UNAVAILABLE` when the engine stays away. */
  async *subscribe(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    let unread: RuntimeEvent[] = [];
    let failure: OrreryError | undefined;
    let wake = (): void => undefined;
    const subscriber: Subscriber = {
      push(event) {
        if (unread.length >= MAX_UNREAD) unread = [{ type: 'resync' }];
        else unread.push(event);
        wake();
      },
      fail(error) {
        failure = error;
        wake();
      },
    };
    const aborted = (): void => wake();
    const ends = [signal, this.#engine.closed];
    for (const each of ends) each.addEventListener('abort', aborted, { once: true });
    this.#join(subscriber);
    try {
      while (!ends.some((each) => each.aborted)) {
        const event = unread.shift();
        if (event !== undefined) yield event;
        else if (failure !== undefined) throw failure;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      for (const each of ends) each.removeEventListener('abort', aborted);
      this.#leave(subscriber);
    }
  }

  #join(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    if (this.#running !== undefined) return;
    this.#running = longLived(new AbortController());
    void this.#run(this.#running);
  }

  #leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0) return;
    this.#running?.abort();
    this.#running = undefined;
  }

  #emit(event: RuntimeEvent): void {
    for (const subscriber of this.#subscribers) subscriber.push(event);
  }

  /** Keeps the stream until nobody listens or the engine stays away. */
  async #run(life: AbortController): Promise<void> {
    const { clock } = this.#engine;
    let since = seconds(clock.now() * 1_000_000);
    let lostAt: number | undefined;
    let failures = 0;
    while (!life.signal.aborted && !this.#engine.closed.aborted) {
      try {
        const filters = JSON.stringify({ type: ['container'], event: ACTIONS, label: [`${LABEL.owner}=${this.#owner}`] });
        const from = since;
        const stream = await this.#engine.open('listen to events', life.signal, (docker, abortSignal) =>
          dialStream<Readable>(docker, { method: 'GET', path: '/events', query: { since: from, filters }, abortSignal }),
        );
        if (lostAt !== undefined) {
          this.#inventory.forgetAll();
          this.#emit({ type: 'resync' });
        }
        lostAt = undefined;
        failures = 0;
        for await (const event of eventsOf(stream)) {
          if (event.timeNano !== undefined) since = seconds(event.timeNano);
          this.#hear(event);
        }
        lostAt = clock.monotonic();
      } catch (error) {
        if (life.signal.aborted || this.#engine.closed.aborted) return;
        lostAt ??= clock.monotonic();
        if (clock.monotonic() - lostAt >= GIVE_UP_MS) return this.#giveUp(life, engineError('listen to events', error));
      }
      failures += 1;
      const slept = await clock.sleep(backoffDelay(RECONNECT, failures, this.#random), AbortSignal.any([life.signal, this.#engine.closed])).then(() => true, () => false);
      if (!slept) return;
    }
  }

  /** The next subscriber tries anew. */
  #giveUp(life: AbortController, error: OrreryError): void {
    if (this.#running === life) this.#running = undefined;
    const unavailable = error.code === 'UNAVAILABLE' ? error : new OrreryError('UNAVAILABLE', 'The engine stays away.', {}, error);
    for (const subscriber of this.#subscribers) subscriber.fail(unavailable);
    this.#subscribers.clear();
  }

  #order: Promise<void> = Promise.resolve();

  /** Passes an event on once the list shows what it says. */
  #hear({ Action: action = '', Actor: actor }: EngineEvent): void {
    const id = actor?.ID;
    const identity = decodeLabels(this.#owner, actor?.Attributes);
    if (id === undefined || identity === undefined) return;
    if (action === 'start') this.#inventory.started(id);
    else this.#inventory.forget(id);
    // That a sandbox was started is heard by whoever has it started.
    if (action === 'start' && identity.kind === 'sandbox') return;
    const type = identity.kind === 'sandbox' ? 'sandboxChanged' : action === 'start' ? 'containerStarted' : action === 'die' ? 'containerExited' : action === 'destroy' ? 'containerRemoved' : undefined;
    if (type === undefined) return;
    // The engine tells an end before its own list shows it; an inspection waits until it does. A failure of it is no reason to hold the hint back.
    const shown = action === 'die' ? this.#inventory.find(id, this.#engine.closed).then(() => undefined, () => undefined) : undefined;
    this.#order = this.#order.then(() => shown).then(() => this.#emit({ type, pod: identity.pod, ...(identity.kind === 'container' ? { containerId: id } : {}) }));
  }
}

/** One JSON object a line. */
async function* eventsOf(stream: Readable): AsyncGenerator<EngineEvent> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let at = rest.indexOf(0x0a); at !== -1; at = rest.indexOf(0x0a)) {
      const line = rest.toString('utf8', 0, at);
      rest = rest.subarray(at + 1);
      if (line.trim() !== '') yield JSON.parse(line) as EngineEvent;
    }
    if (rest.length > MAX_EVENT_BYTES) throw new OrreryError('UNAVAILABLE', 'The engine sent an event without an end.');
  }
}

/** Nanoseconds since the epoch as the engine takes them; numbers of that size have lost their last digits, so the microsecond is rounded down. */
function seconds(nanoseconds: number): string {
  const micro = Math.floor(nanoseconds / 1_000);
  return `${Math.floor(micro / 1_000_000)}.${String(micro % 1_000_000).padStart(6, '0')}000`;
}
