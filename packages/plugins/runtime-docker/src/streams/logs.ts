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
  const position = new LogPosition();
  const stopped = (): boolean => signal.aborted || engine.closed.aborted;
  for (let lostAt: number | undefined; ; ) {
    try {
      for await (const entry of once(engine, id, facts.tty, options, position, signal)) {
        lostAt = undefined;
        yield entry;
      }
      if (options.follow !== true || stopped()) return;
    } catch (error) {
      if (stopped() && !OrreryError.is(error, 'NOT_FOUND')) return endedBy(engine, signal, error);
      if (options.follow !== true || !passes(error)) throw engineError(`read the log of ${id.slice(0, 12)}`, error);
    }
    // The stream has ended: with the container, or with the engine.
    lostAt ??= engine.clock.monotonic();
    try {
      if ((await inventory.container(id, signal)).facts.state !== 'running') return;
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

/** An end that the caller or the closing of the runtime brought about is no failure of following. */
function endedBy(engine: Engine, signal: AbortSignal, error: unknown): void {
  if (!signal.aborted && !engine.closed.aborted) throw error;
}

function passes(error: unknown): boolean {
  return !OrreryError.is(error) || OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'TIMEOUT');
}

/** One request, from the position on. */
async function* once(engine: Engine, id: string, tty: boolean, options: LogOptions, position: LogPosition, signal: AbortSignal): AsyncGenerator<LogEntry> {
  const resumed = position.latest !== '';
  position.resume();
  const query = {
    stdout: true,
    stderr: true,
    timestamps: true,
    follow: options.follow === true,
    // A line that was seen already is not counted again.
    tail: options.tailLines === undefined || resumed ? 'all' : options.tailLines,
    ...(resumed ? { since: unixSeconds(Date.parse(position.latest) - RESUME_BEFORE_MS) } : options.sinceTime === undefined ? {} : { since: unixSeconds(options.sinceTime) }),
  };
  const stream = await engine.open(`read the log of ${id.slice(0, 12)}`, signal, (docker, abortSignal) => dialStream<Readable>(docker, { method: 'GET', path: `/containers/${id}/logs`, query, abortSignal }));
  const silence = options.follow === true ? endAfterSilence(engine, id, stream, signal) : undefined;
  const decoder = logDecoder(tty);
  function* fresh(all: Iterable<LogEntry>): Generator<LogEntry> {
    for (const entry of all) {
      const told = position.accept(entry);
      if (told !== undefined) yield told;
    }
  }
  try {
    for await (const chunk of stream) {
      silence?.heard();
      yield* fresh(decoder.push(chunk as Buffer));
      if (signal.aborted) return;
    }
    yield* fresh(decoder.end());
  } catch (error) {
    if (silence?.ended() !== true) throw error;
  } finally {
    silence?.stop();
    stream.destroy();
  }
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
