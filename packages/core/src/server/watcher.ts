import type { WatchEvent } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import type { KubeObject } from '../model/object.js';

/** Events a watcher may be behind before it is cut off. */
const BUFFER = 100_000;

/** One watch: a bounded buffer between the watch cache, which never waits, and a consumer that may. */
export class Watcher implements AsyncIterator<readonly WatchEvent[], undefined> {
  #buffer: WatchEvent[] = [];
  #error: unknown;
  #ended = false;
  #waiting: { resolve(result: IteratorResult<readonly WatchEvent[], undefined>): void; reject(error: unknown): void } | undefined;
  /** Nothing was told since somebody set this. */
  quiet = true;

  /**
   * @param since events up to here are not wanted
   * @param matches which objects it wants
   * @param bookmarks whether it wants bookmarks
   * @param release called when it wants to hear nothing more: it ended, was cut off, or its consumer is done; maybe twice
   */
  constructor(
    readonly since: number,
    readonly matches: (object: KubeObject) => boolean,
    readonly bookmarks: boolean,
    readonly release: (watcher: Watcher) => void,
  ) {}

  /** An object went from `old` to `object` (either may be absent). `last` is what a deletion reports. */
  changed(revision: number, object: KubeObject | undefined, old: KubeObject | undefined, last: () => KubeObject): void {
    if (revision <= this.since) return;
    const now = object !== undefined && this.matches(object);
    const before = old !== undefined && this.matches(old);
    if (now) this.#push({ type: before ? 'MODIFIED' : 'ADDED', object });
    else if (before) this.#push({ type: 'DELETED', object: last() });
  }

  /** Everything up to the revision has been delivered. */
  bookmark(revision: number): void {
    if (this.bookmarks && revision >= this.since) this.#push({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(revision) } } });
  }

  /** Ends the watch: quietly, or with an error after what is buffered. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.release(this);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    if (error === undefined) waiting.resolve({ done: true, value: undefined });
    else waiting.reject(error);
  }

  next(): Promise<IteratorResult<readonly WatchEvent[], undefined>> {
    if (this.#buffer.length > 0) {
      const value = this.#buffer;
      this.#buffer = [];
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<readonly WatchEvent[], undefined>> {
    this.end();
    this.#buffer = [];
    return Promise.resolve({ done: true, value: undefined });
  }

  #push(event: WatchEvent): void {
    if (this.#ended) return;
    this.quiet = false;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: [event] });
      return;
    }
    // Of bookmarks in a row only the last says anything.
    if (event.type === 'BOOKMARK' && this.#buffer.at(-1)?.type === 'BOOKMARK') this.#buffer.pop();
    if (this.#buffer.length >= BUFFER) {
      this.#buffer = [];
      this.end(new ApiError('Expired', `the watcher was more than ${BUFFER} events behind; list again`));
      return;
    }
    this.#buffer.push(event);
  }
}
