import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import { FRAME, encodeFrame, encodeJson } from '../shared/protocol.js';
import type { Frame } from '../shared/protocol.js';
import type { Container } from './container.js';
import { HelperFailure } from './failure.js';
import { LaunchError, launch } from './launch.js';
import { startInside } from './cgroups.js';
import { signalProcess } from './proc.js';

/** What a session's connection does with frames that the host sends. */
export type FrameHandler = (frame: Frame) => void;

/**
 * Runs a command in a running container and gives the connection over to its streams. The command ends with the container and with the connection.
 * Resolves once it runs; its end is told by an `exit` message. Throws `NOT_FOUND` when the container does not run, `INVALID` when the command cannot start.
 */
export async function execIn(container: Container, command: readonly string[], wantsStdin: boolean, socket: Socket): Promise<FrameHandler> {
  requireRunning(container);
  const launched = await start(container, command, wantsStdin);
  const kill = (): void => {
    signalProcess(-launched.pid, 'SIGKILL');
  };
  container.guests.add(kill);
  socket.once('close', kill);
  const copied = Promise.all([copy(launched.stdout, FRAME.stdout, socket), copy(launched.stderr, FRAME.stderr, socket)]);
  void launched.exited.then(async ({ code, signal }) => {
    container.guests.delete(kill);
    socket.off('close', kill);
    kill();
    await copied;
    socket.end(encodeJson({ exit: signal === null ? (code ?? 255) : 128 + constants.signals[signal] }));
  });
  return (frame) => {
    if (frame.type === FRAME.stdin) launched.stdin?.write(frame.payload, resumeAfter(socket, launched.stdin.writableNeedDrain));
    if (frame.type === FRAME.stdinEnd) launched.stdin?.end();
  };
}

/** Joins a running container's streams until it ends or the connection does. Throws `NOT_FOUND` when it does not run. */
export function attachTo(container: Container, wantsStdin: boolean, socket: Socket): FrameHandler {
  requireRunning(container);
  const tap = (stream: 'stdout' | 'stderr', chunk: Buffer): void => {
    socket.write(encodeFrame(FRAME[stream], chunk));
    // A reader that does not keep up must not make the helper hoard: the log has everything.
    if (socket.writableLength > MAX_BACKLOG_BYTES) socket.destroy();
  };
  container.taps.add(tap);
  socket.once('close', () => container.taps.delete(tap));
  void container.ended.then(() => socket.end(encodeJson({ exit: container.record.ending?.exitCode ?? 255 })));
  return (frame) => {
    if (!wantsStdin) return;
    if (frame.type === FRAME.stdin) container.stdin?.write(frame.payload, resumeAfter(socket, container.stdin.writableNeedDrain));
    if (frame.type === FRAME.stdinEnd) container.stdin?.end();
  };
}

const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;

function requireRunning(container: Container): void {
  if (container.state !== 'running') throw new HelperFailure('NOT_FOUND', `Container ${container.record.id} is not running.`);
}

async function start(container: Container, command: readonly string[], wantsStdin: boolean) {
  try {
    return startInside(container.record.cgroups ?? [], () => launch(container.program(command, wantsStdin)));
  } catch (error) {
    throw error instanceof LaunchError ? await error.reason : error;
  }
}

/** Sends a stream as frames and waits for the socket where it is slower. Resolves at the stream's end. */
function copy(source: Readable, type: typeof FRAME.stdout | typeof FRAME.stderr, socket: Socket): Promise<void> {
  source.on('data', (chunk: Buffer) => {
    if (socket.destroyed || socket.write(encodeFrame(type, chunk))) return;
    source.pause();
    socket.once('drain', () => source.resume());
    socket.once('close', () => source.resume());
  });
  return new Promise((resolve) => {
    source.once('close', resolve);
  });
}

/** Stops reading from the host while the program does not read. */
function resumeAfter(socket: Socket, full: boolean): (() => void) | undefined {
  if (!full) return undefined;
  socket.pause();
  return () => socket.resume();
}
