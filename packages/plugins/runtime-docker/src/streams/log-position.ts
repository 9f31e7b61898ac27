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
 * Passes each line on once. The engine repeats lines: a request that resumes starts a little before where the last one ended, and the engine's own follower goes
 * back when the log is rotated under it. Within one stream times never go back, so what is older than the last line was seen already.
 */
export class LogPosition {
  readonly #marks = new Map<LogEntry['stream'], Mark>();
  #latest = '';

  /** The time of the latest line; '' before the first. */
  get latest(): string {
    return this.#latest;
  }

  /** A new request begins: it may repeat everything. */
  resume(): void {
    for (const mark of this.#marks.values()) mark.skip = mark.seen;
  }

  /** The line as it is told, or undefined for one that was told already. */
  accept(entry: LogEntry): LogEntry | undefined {
    const { stream, timestamp } = entry;
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
