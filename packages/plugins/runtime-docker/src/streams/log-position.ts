import type { LogEntry } from '@orrery/core';

/** How far one stream was read. */
interface Mark {
  stamp: string;
  /** Lines of that time that were passed on. */
  seen: number;
  /** Lines of that time still to be passed over after going back. */
  skip: number;
}

/**
 * Passes each line on once, though each request begins before where the last one ended. Within one stream times never go back, so what is older than the
 * last line was seen already.
 */
export class LogPosition {
  readonly #marks = new Map<LogEntry['stream'], Mark>();
  #latest = '';
  #begin = '';

  /** The time of the latest line; '' before the first. */
  get latest(): string {
    return this.#latest;
  }

  /** The first line that was asked for: what is older is never told. A second call does nothing. */
  beginAt(timestamp: string): void {
    if (this.#begin === '') this.#begin = timestamp;
  }

  /** A new request begins: it may repeat everything. */
  resume(): void {
    for (const mark of this.#marks.values()) mark.skip = mark.seen;
  }

  /** The line as it is told, or undefined for one that was told already. */
  accept(entry: LogEntry): LogEntry | undefined {
    const { stream, timestamp } = entry;
    if (timestamp < this.#begin) return undefined;
    const mark = this.#marks.get(stream);
    if (mark === undefined || timestamp > mark.stamp) {
      this.#marks.set(stream, { stamp: timestamp, seen: 1, skip: 0 });
    } else if (timestamp < mark.stamp) {
      mark.skip = mark.seen;
      return undefined;
    } else if (mark.skip > 0) {
      mark.skip -= 1;
      return undefined;
    } else {
      mark.seen += 1;
    }
    // The engine takes the time of a line before it queues for the file, so two streams may be written in the other order by some microseconds.
    if (timestamp > this.#latest) this.#latest = timestamp;
    return timestamp === this.#latest ? entry : { ...entry, timestamp: this.#latest };
  }
}
