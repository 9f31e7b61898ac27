import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import type { Clock, LogEntry, LogOptions } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { parseLogLine } from '../shared/cri-log.js';
import { LogCursor, sincePosition, tailPosition } from './log-files.js';

/** Where the machine gives out no more file watches, a follower looks this often instead. */
const POLL_MS = 250;

/** What following needs to know of the container. */
export interface Followed {
  /** True when the container has ended (or was removed) and its log is complete. */
  ended(): Promise<boolean>;
  /** Calls back when that may have changed, until the returned function is called. */
  onChange(wake: () => void): () => void;
}

/**
 * A container's output from its log files.
 * `tailLines` counts lines of the log as the kubelet does: a piece of a long line is one. `limitBytes` counts content with one byte for each line end, as a
 * reader of the text sees it; the entry in which the limit falls is cut and marked partial.
 */
export async function* readLog(directory: string, options: LogOptions, followed: Followed, clock: Clock, signal: AbortSignal): AsyncGenerator<LogEntry> {
  const start =
    options.tailLines !== undefined ? await tailPosition(directory, options.tailLines)
    : options.sinceTime !== undefined ? await sincePosition(directory, options.sinceTime)
    : { file: 1, offset: 0 };
  const cursor = new LogCursor(directory, start);
  const changes = options.follow === true ? new Changes(directory, followed, clock) : undefined;
  let budget = options.limitBytes ?? Infinity;
  try {
    for (;;) {
      // Asked before reading: what was written before the end is then read for certain.
      const last = changes === undefined || (await followed.ended());
      for await (const line of cursor.lines()) {
        if (signal.aborted) return;
        const entry = parseLogLine(line);
        if (entry === undefined || isBefore(entry, options.sinceTime)) continue;
        const size = Buffer.byteLength(entry.line) + (entry.partial ? 0 : 1);
        if (size > budget) {
          if (budget > 0) yield cutEntry(entry, budget);
          return;
        }
        budget -= size;
        yield entry;
      }
      if (last || budget <= 0 || signal.aborted) return;
      await changes.next(signal);
    }
  } finally {
    changes?.close();
    await cursor.close();
  }
}

function isBefore(entry: LogEntry, sinceTime: number | undefined): boolean {
  return sinceTime !== undefined && Date.parse(entry.timestamp) < sinceTime;
}

function cutEntry(entry: LogEntry, bytes: number): LogEntry {
  return { ...entry, line: Buffer.from(entry.line).subarray(0, bytes).toString('utf8'), partial: true };
}

/** Wakes a follower when the log grows or the container changes. */
class Changes {
  readonly #stopListening: () => void;
  #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(readonly directory: string, followed: Followed, readonly clock: Clock) {
    this.#stopListening = followed.onChange(() => this.#note());
    this.#watch();
  }

  /** Resolves when something changed since the last call, or when the signal aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#watcher === undefined) this.#watch();
    const waiting = new Promise<void>((resolve) => (this.#wake = resolve));
    const abort = (): void => this.#wake?.();
    signal.addEventListener('abort', abort, { once: true });
    // There is no directory to watch before the first output, and on some machines no watch to be had.
    const cancelPoll = this.#watcher === undefined ? this.clock.timer(POLL_MS, () => this.#wake?.()) : undefined;
    if (!this.#changed && !signal.aborted) await waiting;
    this.#changed = false;
    this.#wake = undefined;
    cancelPoll?.();
    signal.removeEventListener('abort', abort);
  }

  close(): void {
    this.#stopListening();
    this.#watcher?.close();
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.directory, { persistent: true }, () => this.#note());
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch (error) {
      if (!(error instanceof Error) || !['ENOENT', 'ENOSPC', 'EMFILE'].includes((error as NodeJS.ErrnoException).code ?? '')) {
        throw new OrreryError('UNAVAILABLE', `The log in ${this.directory} cannot be followed.`, {}, error);
      }
    }
  }

  #note(): void {
    this.#changed = true;
    this.#wake?.();
  }
}
