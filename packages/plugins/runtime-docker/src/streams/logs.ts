import type { Readable } from 'node:stream';
import type { LogEntry, LogOptions } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { dialStream } from '../engine/dial.js';
import type { Engine } from '../engine/engine.js';
import { engineError } from '../engine/errors.js';
import type { Inventory } from '../inventory/inventory.js';
import { logDecoder } from './log-lines.js';
import { LogPosition } from './log-position.js';

/** When a container has ended and nothing more has come for so long, a stream that the engine forgot to end is ended, milliseconds. */
const SILENCE_AFTER_END_MS = 3_000;
/** A follower whose engine went away waits so long for it, milliseconds. */
const RESUME_WITHIN_MS = 15_000;
const RESUME_EVERY_MS = 250;
/** Lines of two streams may lie in another order than their times; so much is read again, milliseconds. */
const RESUME_BEFORE_MS = 1_000;
/** A follower waits so long for more before it reads, and so long for a hint before it looks in any case, milliseconds. */
const GATHER_MS = 50;
const LOOK_EVERY_MS = 2_000;
/** So many lines are read backwards: at first, and at most before everything since the last look is read. */
const LEAST_LINES = 64;
const MOST_LINES = 64 * 1024;

/**
 * A container's output. `tailLines` counts lines of the engine's log: a piece of a long line is one. `limitBytes` counts content with one byte for each line end;
 * the entry in which the limit falls is cut and marked partial. A follower outlives a restart of the engine, and sees each line once.
 */
export async function* readLogs(engine: Engine, inventory: Inventory, id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogEntry> {
  let budget = options.limitBytes ?? Infinity;
  for await (const entry of entries(engine, inventory, id, options, signal)) {
    const size = Buffer.byteLength(entry.line) + (entry.partial ? 0 : 1);
    if (size > budget) {
      if (budget > 0) yield { ...entry, line: Buffer.from(entry.line).subarray(0, budget).toString('utf8'), partial: true };
      return;
    }
    budget -= size;
    yield entry;
    if (budget <= 0) return;
  }
}

async function* entries(engine: Engine, inventory: Inventory, id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogEntry> {
  const { facts } = await inventory.container(id, signal);
  const source: Source = { engine, id, tty: facts.tty, signal };
  if (options.follow !== true) yield* new LogReader(source, options).more();
  else yield* follow(source, inventory, options);
}

/** Where lines come from. */
interface Source {
  readonly engine: Engine;
  readonly id: string;
  readonly tty: boolean;
  readonly signal: AbortSignal;
}

/** Goes on until the container has ended, over a loss of the engine too. */
async function* follow(source: Source, inventory: Inventory, options: LogOptions): AsyncGenerator<LogEntry> {
  const { engine, id, signal } = source;
  const reader = new LogReader(source, options);
  const stopped = (): boolean => signal.aborted || engine.closed.aborted;
  for (let lostAt: number | undefined; ; ) {
    try {
      const hints = await openHints(source);
      lostAt = undefined;
      try {
        do yield* reader.more();
        while (await hints.next());
        yield* reader.more();
      } finally {
        hints.close();
      }
      if (stopped()) return;
    } catch (error) {
      if (stopped() && !OrreryError.is(error, 'NOT_FOUND')) return endedBy(engine, signal, error);
      if (!passes(error)) throw engineError(`read the log of ${id.slice(0, 12)}`, error);
    }
    // The hints have ended: with the container, or with the engine.
    lostAt ??= engine.clock.monotonic();
    try {
      if ((await inventory.container(id, signal)).facts.state !== 'running') {
        yield* reader.more();
        return;
      }
    } catch (error) {
      if (stopped()) return endedBy(engine, signal, error);
      if (OrreryError.is(error, 'NOT_FOUND')) return;
      if (!passes(error) || engine.clock.monotonic() - lostAt > RESUME_WITHIN_MS) throw error;
    }
    try {
      await engine.clock.sleep(RESUME_EVERY_MS, AbortSignal.any([signal, engine.closed]));
    } catch (error) {
      return endedBy(engine, signal, error);
    }
  }
}

/**
 * Reads what is new, each line once and in order. The engine's own follower loses and repeats lines when the log is rotated under it, so what is new
 * is read from the end of the log backwards until that meets what was read before.
 */
class LogReader {
  readonly #position = new LogPosition();
  readonly #source: Source;
  readonly #options: LogOptions;
  #started = false;
  /** So many lines are asked for at first. */
  #lines = LEAST_LINES;

  constructor(source: Source, options: LogOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** What was asked for at first, then what is new. */
  async *more(): AsyncGenerator<LogEntry> {
    if (!this.#started) {
      yield* this.#first();
      return;
    }
    this.#position.resume();
    const { latest } = this.#position;
    const since = latest === '' ? this.#options.sinceTime : Date.parse(latest) - RESUME_BEFORE_MS;
    for (let lines = this.#lines; lines <= MOST_LINES; lines *= 4) {
      const found: LogEntry[] = [];
      for await (const entry of read(this.#source, queryOf(lines, since))) found.push(entry);
      // As many as were asked for: there may be more between these and what was read before.
      if (found.length >= lines) continue;
      this.#lines = Math.min(MOST_LINES, Math.max(LEAST_LINES, found.length * 2));
      for (const entry of found) yield* this.#fresh(entry);
      return;
    }
    for await (const entry of read(this.#source, queryOf('all', since))) yield* this.#fresh(entry);
  }

  async *#first(): AsyncGenerator<LogEntry> {
    const none = this.#options.tailLines === 0;
    // Of no line at all it would not be known where to go on.
    for await (const entry of read(this.#source, none ? queryOf(1, undefined) : firstQuery(this.#options))) {
      this.#position.beginAt(entry.timestamp);
      for (const told of this.#fresh(entry)) if (!none) yield told;
    }
    this.#started = true;
  }

  *#fresh(entry: LogEntry): Generator<LogEntry> {
    const told = this.#position.accept(entry);
    if (told !== undefined) yield told;
  }
}

type Query = Readonly<Record<string, string | number | boolean>>;

const queryOf = (tail: number | 'all', sinceTime: number | undefined): Query => ({
  stdout: true, stderr: true, timestamps: true, follow: false, tail, ...(sinceTime === undefined ? {} : { since: unixSeconds(sinceTime) }),
});

const firstQuery = ({ tailLines, sinceTime }: LogOptions): Query => queryOf(tailLines ?? 'all', sinceTime);

/** An end that the caller or the closing of the runtime brought about is no failure of following. */
function endedBy(engine: Engine, signal: AbortSignal, error: unknown): void {
  if (!signal.aborted && !engine.closed.aborted) throw error;
}

function passes(error: unknown): boolean {
  return !OrreryError.is(error) || OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'TIMEOUT');
}

/** One request, to the end of what there is now. */
async function* read({ engine, id, tty, signal }: Source, query: Query): AsyncGenerator<LogEntry> {
  const stream = await openLog(engine, id, query, signal);
  const decoder = logDecoder(tty);
  try {
    for await (const chunk of stream) {
      yield* decoder.push(chunk as Buffer);
      if (signal.aborted) return;
    }
    yield* decoder.end();
  } finally {
    stream.destroy();
  }
}

function openLog(engine: Engine, id: string, query: Query, signal: AbortSignal): Promise<Readable> {
  return engine.open(`read the log of ${id.slice(0, 12)}`, signal, (docker, abortSignal) => dialStream<Readable>(docker, { method: 'GET', path: `/containers/${id}/logs`, query, abortSignal }));
}

/** Tells when there may be something new. */
interface Hints {
  /** False when there will be no more: the container has ended. Throws when the engine was lost. */
  next(): Promise<boolean>;
  close(): void;
}

/** The engine's follower, of which only the fact that something comes is used. */
async function openHints({ engine, id, signal }: Source): Promise<Hints> {
  const stream = await openLog(engine, id, { stdout: true, stderr: true, follow: true, tail: 0 }, signal);
  const silence = endAfterSilence(engine, id, stream, signal);
  let heard = false;
  let over = false;
  let failure: Error | undefined;
  let wake = (): void => undefined;
  stream.on('data', () => {
    silence.heard();
    heard = true;
    wake();
  });
  stream.once('error', (error) => (failure = error));
  stream.once('close', () => {
    over = true;
    wake();
  });
  const woken = (forMs: number, until: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const cancel = engine.clock.timer(forMs, () => wake());
      wake = () => {
        wake = () => undefined;
        cancel();
        resolve();
      };
      if (until()) wake();
    });
  return {
    async next() {
      // What is written in one go is read in one go.
      await woken(GATHER_MS, () => over);
      // The follower may have lost the last line before a silence: there is a look now and then in any case.
      if (!heard && !over) await woken(LOOK_EVERY_MS, () => heard || over);
      heard = false;
      if (failure !== undefined && !silence.ended()) throw failure;
      return !over;
    },
    close() {
      silence.stop();
      stream.destroy();
    },
  };
}

/** Some engines leave a followed log open when the container has ended: it is closed here when nothing comes any more. */
function endAfterSilence(engine: Engine, id: string, stream: Readable, signal: AbortSignal): { heard(): void; ended(): boolean; stop(): void } {
  const life = new AbortController();
  let cancel = (): void => undefined;
  let over = false;
  let silent = false;
  const arm = (): void => {
    cancel();
    if (over) cancel = engine.clock.timer(SILENCE_AFTER_END_MS, () => ((silent = true), stream.destroy()));
  };
  engine.wait(`wait for ${id.slice(0, 12)}`, AbortSignal.any([signal, life.signal]), (docker, abortSignal) => docker.getContainer(id).wait({ abortSignal })).then(
    () => {
      if (life.signal.aborted) return;
      over = true;
      arm();
    },
    // Without that answer the stream itself must end, or the watch over all streams ends it.
    () => undefined,
  );
  return {
    heard: arm,
    ended: () => silent,
    stop() {
      life.abort();
      cancel();
    },
  };
}

function unixSeconds(milliseconds: number): string {
  return `${Math.floor(milliseconds / 1000)}.${String(Math.floor(milliseconds) % 1000).padStart(3, '0')}000000`;
}
