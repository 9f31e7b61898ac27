import { ApiError, type Clock, errorMessage, type KindDefinition, OrreryError, type Status, type WatchEvent } from '@orrery/core';
import type { Exchange } from './exchange.js';
import { bookmarkAs, objectAs, type Shape } from './forms.js';

/** Events in one write, at most, and characters that are enough for one. */
const BATCH = 64;
const PIECE = 64 * 1024;
/** How long the first word of a watch is waited for before the answer begins, milliseconds: a refusal that comes at once can then still have its code. */
const FIRST_WORD_MS = 50;

/** What a watch needs besides its events. */
export interface WatchStreamOptions {
  readonly kind: KindDefinition;
  readonly shape: Omit<Shape, 'now'>;
  readonly clock: Clock;
  /** Events the client may be behind, the first chunk not counted. */
  readonly backlog: number;
  /** The first bookmark tells that the initial events are complete. */
  readonly marksInitialEvents: boolean;
  /** JSON of objects, shared among watches. */
  readonly encoded: EncodedObjects;
  /** Told of what the events failed with, when the client is told no more than that something failed. */
  readonly failed: (error: unknown) => void;
  readonly told: WatchProgress;
}

/** Told how far a watch is. */
export interface WatchProgress {
  /** What there is in the beginning has been written, or nothing of it is there yet; `length` objects. Called more than once. */
  begun(length: number): void;
  /** So many more events were written. */
  wrote(events: number): void;
}

/** JSON of the objects that were told last, so that an object is written once for all its watchers. Bounded in number and in length. */
export class EncodedObjects {
  readonly #texts = new Map<object, string>();
  #length = 0;

  /**
   * @param capacity objects that are kept
   * @param characters that they have together, at most
   */
  constructor(
    readonly capacity = 512,
    readonly characters = 16 * 2 ** 20,
  ) {}

  /** Characters that are kept. */
  get length(): number {
    return this.#length;
  }

  /** The JSON of an object, which must not change any more. */
  of(object: object): string {
    let text = this.#texts.get(object);
    if (text !== undefined) return text;
    text = JSON.stringify(object);
    this.#texts.set(object, text);
    this.#length += text.length;
    for (const [oldest, { length }] of this.#texts) {
      if (this.#texts.size <= this.capacity && this.#length <= this.characters) break;
      this.#texts.delete(oldest);
      this.#length -= length;
    }
    return text;
  }
}

/**
 * Writes the events of a watch as lines of JSON until they end, the client is gone, or it is too far behind: then the last line is an ERROR with Expired (410).
 * Rejects with what the events failed with before anything was written, but for Expired, which is told in the stream as kube-apiserver does.
 */
export async function streamWatch(exchange: Exchange, events: AsyncIterable<readonly WatchEvent[]>, options: WatchStreamOptions): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  const first = iterator.next();
  await firstWord(first, options.clock);
  exchange.open('application/json');
  const lines = new Lines(options);
  const pending: WatchEvent[] = [];
  /** How many of those are of the first chunk, which is as long as what there is. */
  let initial = 0;
  let length = 0;
  let end: { readonly error?: Status } | undefined;
  let wake = (): void => {};
  const pump = (async (): Promise<void> => {
    let isFirst = true;
    for (let next = await first; next.done !== true; next = await iterator.next()) {
      if (!isFirst && pending.length - initial + next.value.length > options.backlog) {
        pending.length = 0;
        throw new ApiError('Expired', `the watcher was more than ${options.backlog} events behind; list again`);
      }
      if (isFirst) initial = length = next.value.length;
      isFirst = false;
      for (const event of next.value) pending.push(event);
      wake();
    }
  })().then(
    () => (end = {}),
    (error: unknown) => {
      const status = endOf(error);
      if (status !== undefined && status.code >= 500) options.failed(error);
      end = status === undefined ? {} : { error: status };
    },
  ).finally(() => wake());
  const leave = (): void => wake();
  exchange.gone.addEventListener('abort', leave, { once: true });
  try {
    while (!exchange.gone.aborted) {
      if (pending.length > 0) {
        const { text, count } = lines.of(pending);
        pending.splice(0, count);
        options.told.wrote(count);
        initial = Math.max(0, initial - count);
        if (!exchange.response.write(text)) await exchange.drained();
      } else if (end !== undefined) break;
      else {
        options.told.begun(length);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (end?.error !== undefined) exchange.response.write(`${JSON.stringify({ type: 'ERROR', object: end.error })}\n`);
    await exchange.end();
  } finally {
    exchange.gone.removeEventListener('abort', leave);
    await iterator.return?.();
    await pump;
  }
}

/** Resolves with the first events, or when they take their time. Rejects with a refusal that came at once. */
async function firstWord(first: Promise<unknown>, clock: Clock): Promise<void> {
  let cancel = (): void => {};
  const patience = new Promise<void>((resolve) => {
    cancel = clock.timer(FIRST_WORD_MS, resolve);
  });
  try {
    await Promise.race([first, patience]);
  } catch (error) {
    if (!ApiError.is(error, 'Expired') && !ApiError.is(error, 'Gone')) throw error;
  } finally {
    cancel();
  }
}

/** What the last line says; undefined: the stream just ends, and the client watches again from where it is. */
function endOf(error: unknown): Status | undefined {
  if (ApiError.is(error)) return error.toStatus();
  if (OrreryError.is(error, 'ABORTED') || OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'CLOSED')) return undefined;
  if (OrreryError.is(error)) return new ApiError('InternalError', errorMessage(error)).toStatus();
  return new ApiError('InternalError', 'Internal error occurred').toStatus();
}

/** Events as lines. */
class Lines {
  #isFirstTable = true;
  #marks: boolean;

  constructor(private readonly options: WatchStreamOptions) {
    this.#marks = options.marksInitialEvents;
  }

  /** The first of these events, as many as make one write. */
  of(events: readonly WatchEvent[]): { readonly text: string; readonly count: number } {
    let [text, count] = ['', 0];
    for (const event of events) {
      if (count >= BATCH || text.length >= PIECE) break;
      text += `{"type":"${event.type}","object":${event.type === 'BOOKMARK' ? this.#bookmark(event.object.metadata.resourceVersion) : this.#object(event)}}\n`;
      count += 1;
    }
    return { text, count };
  }

  #object({ object }: Exclude<WatchEvent, { readonly type: 'BOOKMARK' }>): string {
    const { kind, shape, clock, encoded } = this.options;
    if (shape.as === 'object') return encoded.of(object);
    return this.#shaped(objectAs(kind, object, { ...shape, now: clock.now() }));
  }

  /** Of the tables of a watch the first alone has the columns. */
  #shaped(value: object): string {
    if (this.options.shape.as !== 'Table') return JSON.stringify(value);
    const text = JSON.stringify(this.#isFirstTable ? value : { ...value, columnDefinitions: null });
    this.#isFirstTable = false;
    return text;
  }

  #bookmark(resourceVersion: string): string {
    const { kind, shape, clock } = this.options;
    const annotations = this.#marks ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    this.#marks = false;
    return this.#shaped(bookmarkAs(kind, { resourceVersion, ...annotations }, { ...shape, now: clock.now() }));
  }
}
