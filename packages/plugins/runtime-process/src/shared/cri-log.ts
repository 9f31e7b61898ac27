import type { LogEntry } from '@orrery/core';

// The CRI log format: `<RFC3339Nano> <stdout|stderr> <F|P> <content>\n`.
// Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md.

/** Content above this many bytes is cut into pieces marked `P`, as containerd does. */
export const MAX_LINE_BYTES = 16 * 1024;

/** Reads one line of a log file, without its line end. `undefined` for a line that is not in the format (a torn write). */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  const third = line.indexOf(0x20, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  const tag = line.toString('latin1', second + 1, third);
  if ((stream !== 'stdout' && stream !== 'stderr') || (tag !== 'F' && tag !== 'P')) return undefined;
  return { timestamp: line.toString('latin1', 0, first), stream, partial: tag === 'P', line: line.toString('utf8', third + 1) };
}

/**
 * Turns one stream's bytes into log lines. Keeps an unfinished line until its end arrives, but never more than {@link MAX_LINE_BYTES}:
 * longer lines become `P` pieces, cut between characters of UTF-8.
 */
export class LineFormatter {
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly stream: 'stdout' | 'stderr') {}

  /** The log lines that these bytes complete, ready to be written; empty when none. */
  push(chunk: Buffer, timestamp: string): Buffer {
    const pieces: Buffer[] = [];
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const end = data.indexOf(0x0a);
      if (end >= 0 && end <= MAX_LINE_BYTES) {
        this.#emit(pieces, timestamp, 'F', data.subarray(0, end));
        data = data.subarray(end + 1);
      } else if (data.length > MAX_LINE_BYTES) {
        const cut = characterStart(data, MAX_LINE_BYTES);
        this.#emit(pieces, timestamp, 'P', data.subarray(0, cut));
        data = data.subarray(cut);
      } else {
        break;
      }
    }
    // A copy, so that a few left-over bytes do not hold a whole read buffer.
    this.#rest = data.length === 0 ? data : Buffer.from(data);
    return pieces.length === 0 ? EMPTY : Buffer.concat(pieces);
  }

  /** What is left when the stream ends without a line end: a piece, as containerd writes it. */
  end(timestamp: string): Buffer {
    const pieces: Buffer[] = [];
    if (this.#rest.length > 0) this.#emit(pieces, timestamp, 'P', this.#rest);
    this.#rest = EMPTY;
    return Buffer.concat(pieces);
  }

  #emit(pieces: Buffer[], timestamp: string, tag: 'F' | 'P', content: Buffer): void {
    pieces.push(Buffer.from(`${timestamp} ${this.stream} ${tag} `, 'latin1'), content, NEWLINE);
  }
}

const EMPTY = Buffer.alloc(0);
const NEWLINE = Buffer.from('\n');

/** The start of the character that holds byte `at`, at most three bytes before it; `at` itself when the bytes are not UTF-8. */
function characterStart(data: Buffer, at: number): number {
  for (let back = 0; back <= 3; back++) {
    if (((data[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  return at;
}
