import type { LogEntry } from '@orrery/core';
import { FrameParser } from './frames.js';

/** The engine cuts a longer line into pieces of this size. */
const PIECE_BYTES = 16 * 1024;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00) /;
/** `2006-01-02T15:04:05.000000000Z ` */
const MAX_STAMP_BYTES = 37;
const NEWLINE = 0x0a;

/** Makes log entries of the bytes that the engine's log sends, whatever way they are cut. */
export interface LogDecoder {
  push(chunk: Buffer): Iterable<LogEntry>;
  /** What is left when the bytes have ended. */
  end(): Iterable<LogEntry>;
}

/** A decoder for a container with or without a terminal. */
export function logDecoder(tty: boolean): LogDecoder {
  const last = { stamp: '' };
  return tty ? terminalDecoder(last) : framedDecoder(last);
}

/** Without a terminal each frame is one message, and a message without a line end goes on in the next. */
function framedDecoder(last: { stamp: string }): LogDecoder {
  const frames = new FrameParser();
  return {
    *push(chunk) {
      for (const { stream, payload } of frames.push(chunk)) {
        const partial = payload.at(-1) !== NEWLINE;
        yield entryOf(partial ? payload : payload.subarray(0, -1), stream, partial, last);
      }
    },
    *end() {},
  };
}

/**
 * With a terminal there are no frames: lines stand one after the other, each with its time, and a piece of a long line is followed at once by the time of the next.
 */
function terminalDecoder(last: { stamp: string }): LogDecoder {
  let rest = Buffer.alloc(0);
  function* cut(line: Buffer, whole: boolean): Generator<LogEntry> {
    let left = line;
    for (;;) {
      const stamp = stampLength(left);
      const next = stamp + PIECE_BYTES;
      if (stamp === 0 || left.length <= next || stampLength(left.subarray(next)) === 0) break;
      yield entryOf(left.subarray(0, next), 'stdout', true, last);
      left = left.subarray(next);
    }
    yield entryOf(left, 'stdout', !whole, last);
  }
  return {
    *push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        const line = rest.length === 0 ? chunk.subarray(from, at) : Buffer.concat([rest, chunk.subarray(from, at)]);
        rest = Buffer.alloc(0);
        from = at + 1;
        yield* cut(line, true);
      }
      rest = Buffer.concat([rest, chunk.subarray(from)]);
      // A line without an end (a progress bar) must not grow here without limit: its finished pieces go out.
      while (rest.length > 2 * (PIECE_BYTES + MAX_STAMP_BYTES)) {
        const piece = Math.max(stampLength(rest), 0) + PIECE_BYTES;
        yield entryOf(rest.subarray(0, piece), 'stdout', true, last);
        rest = rest.subarray(piece);
      }
    },
    *end() {
      if (rest.length > 0) yield* cut(rest, false);
    },
  };
}

function stampLength(bytes: Buffer): number {
  return STAMP.exec(bytes.toString('latin1', 0, MAX_STAMP_BYTES))?.[0].length ?? 0;
}

function entryOf(bytes: Buffer, stream: LogEntry['stream'], partial: boolean, last: { stamp: string }): LogEntry {
  const match = STAMP.exec(bytes.toString('latin1', 0, MAX_STAMP_BYTES));
  const stamp = match === null ? last.stamp : `${match[1]}.${(match[2] ?? '').padEnd(9, '0')}Z`;
  last.stamp = stamp;
  return { timestamp: stamp, stream, line: bytes.toString('utf8', match?.[0].length ?? 0), partial };
}
