import type { Duplex } from 'node:stream';
import type { ExecSession } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import { ByteQueue } from './byte-queue.js';
import { FrameParser } from './frames.js';

/** Above this much unread output the other side is made to wait, bytes. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** What a session needs beside its stream. */
export interface SessionParts {
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Asked when the stream has ended: the exit code. Rejects when the command goes on, that is, the connection was lost. */
  exitCode(): Promise<number>;
  /** Resolves when the terminal has the size, or will not get it. */
  resize(columns: number, rows: number): Promise<void>;
  /** Ends what the session belongs to, before the stream is closed. */
  terminate(): Promise<void>;
}

/** A session over the engine's two-way stream. The stream ends with the session, and the session with the stream. */
export function sessionOver(stream: Duplex, parts: SessionParts, signal: AbortSignal): ExecSession {
  let backlog = 0;
  const taken = (bytes: number): void => {
    backlog -= bytes;
    if (backlog < HIGH_WATER_BYTES) stream.resume();
  };
  const stdout = new ByteQueue(taken);
  const stderr = new ByteQueue(taken);
  const push = (queue: ByteQueue, bytes: Buffer): void => {
    queue.push(bytes);
    backlog += bytes.length;
  };
  const frames = new FrameParser();
  stream.on('data', (chunk: Buffer) => {
    if (parts.tty) push(stdout, chunk);
    else {
      try {
        for (const { stream: name, payload } of frames.push(chunk)) push(name === 'stderr' ? stderr : stdout, payload);
      } catch (error) {
        stream.destroy(error as Error);
      }
    }
    if (backlog >= HIGH_WATER_BYTES) stream.pause();
  });
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  const ended = new Promise<void>((resolve) => {
    stream.once('end', resolve);
    void closed.then(resolve);
  }).then(() => {
    stdout.end();
    stderr.end();
  });
  const exitCode = ended.then(() => parts.exitCode());
  // Not everybody asks for the exit code of a session they close.
  exitCode.catch(() => undefined);
  void exitCode.then(() => stream.destroy(), () => stream.destroy());
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      signal.removeEventListener('abort', abort);
      try {
        if (!stream.destroyed) await parts.terminate();
      } finally {
        stream.destroy();
        await closed;
      }
    })());
  // Whoever aborts does not wait; what cannot be ended ends with its container.
  const abort = (): void => void close().catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  void closed.then(() => signal.removeEventListener('abort', abort));
  if (signal.aborted) abort();
  let resized: Promise<void> = Promise.resolve();
  return {
    stdin: {
      async write(chunk) {
        if (!parts.stdin) throw new OrreryError('INVALID', 'The session was opened without standard input.');
        // A size goes another way than bytes; what is typed after it must not be there before it.
        await resized;
        await writeTo(stream, chunk);
      },
      end: () => {
        if (parts.stdin && !stream.destroyed) stream.end();
      },
    },
    stdout,
    stderr,
    exitCode,
    resize: (columns, rows) => {
      if (parts.tty) resized = resized.then(() => parts.resize(columns, rows));
    },
    close,
  };
}

/** Resolves when the stream has taken the bytes. */
export function writeTo(stream: Duplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(new OrreryError('UNAVAILABLE', `The connection was lost: ${errorMessage(error)}`, {}, error));
    });
  });
}
