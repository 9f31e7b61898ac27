import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { DuplexStream, ExecSession } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import { FRAME, encodeFrame } from '../shared/protocol.js';
import type { FrameType } from '../shared/protocol.js';
import type { Connection } from './link.js';

/** Above this much unread output the helper is made to wait. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** A session over its own connection. `closed` rejects nothing: only the exit code tells how it went. */
export function sessionOver(connection: Connection, signal: AbortSignal): ExecSession {
  const { socket } = connection;
  const backlog = { bytes: 0 };
  const taken = (bytes: number): void => {
    backlog.bytes -= bytes;
    if (backlog.bytes < HIGH_WATER_BYTES) socket.resume();
  };
  const stdout = new ByteQueue(taken);
  const stderr = new ByteQueue(taken);
  connection.onStream = (type, payload) => {
    (type === FRAME.stderr ? stderr : stdout).push(payload);
    backlog.bytes += payload.length;
    if (backlog.bytes >= HIGH_WATER_BYTES) socket.pause();
  };
  const exitCode = new Promise<number>((resolve, reject) => {
    connection.onExit = resolve;
    socket.once('close', () => reject(new OrreryError('UNAVAILABLE', 'The connection to the command was lost.')));
  });
  // Not everybody asks for the exit code of a session they close.
  exitCode.catch(() => undefined);
  const abort = (): void => void socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      stdout.end();
      stderr.end();
      resolve();
    });
  });
  const send = (type: FrameType, payload: Uint8Array): Promise<void> => writeTo(socket, encodeFrame(type, payload));
  return {
    stdin: {
      write: (chunk) => send(FRAME.stdin, chunk),
      end: () => void socket.write(encodeFrame(FRAME.stdinEnd, new Uint8Array())),
    },
    stdout,
    stderr,
    exitCode,
    resize() {},
    async close() {
      socket.destroy();
      await closed;
    },
  };
}

/** Connects to a pod's port. Throws `UNAVAILABLE` when refused, `ABORTED`. */
export function openPort(address: string, port: number, signal: AbortSignal): Promise<DuplexStream> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true });
    const abort = (): void => {
      socket.destroy();
      reject(new OrreryError('ABORTED', 'The caller stopped waiting.', {}, signal.reason));
    };
    const refused = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      reject(new OrreryError('UNAVAILABLE', `Port ${port} of ${address} does not answer: ${errorMessage(error)}`, { address, port }, error));
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      socket.once('close', () => signal.removeEventListener('abort', abort));
      resolve(duplexOver(socket));
    });
  });
}

function duplexOver(socket: Socket): DuplexStream {
  let failure: Error | undefined;
  // The reader gets it from the iterator, the writer from its own promise.
  socket.on('error', (error) => (failure = error));
  return {
    readable: socket,
    write: (chunk) => (failure === undefined ? writeTo(socket, chunk) : Promise.reject(failure)),
    end: () => void socket.end(),
    async close() {
      if (socket.closed) return;
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.destroy();
      await closed;
    },
  };
}

/** Resolves when the socket has taken the bytes and would take more. */
function writeTo(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error == null ? resolve() : reject(new OrreryError('UNAVAILABLE', 'The connection was lost.', {}, error))));
  });
}

/** Bytes that wait to be read, once. */
class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #wake = (): void => undefined;

  constructor(readonly taken: (bytes: number) => void) {}

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.taken(chunk.length);
        yield chunk;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
