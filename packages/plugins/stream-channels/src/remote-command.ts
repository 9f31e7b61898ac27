import { ApiError, type ExecSession, errorMessage, type Logger, longLived, type Status, unlessAborted } from '@orrery/core';
import { CHANNEL, clientMessage, exitStatus, failureStatus, serverMessage } from './channels.js';
import { CLOSE, type MessageTunnel } from './tunnel.js';

/** A command, or a container to join, and how the client hears of it. */
export interface RemoteCommand {
  /** Opens the session; it ends when the signal aborts. */
  open(signal: AbortSignal): Promise<ExecSession>;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The protocol knows closed channels (v5). */
  readonly closes: boolean;
  /** The client wants to know the exit code; who only joined a container does not. */
  readonly tellsExit: boolean;
  /** What the client is told of a failure. */
  statusOf(error: unknown): Status;
}

/**
 * Serves exec and attach over `v4.channel.k8s.io` or v5 until the command or the client ends, or the server stops. Never rejects.
 * Ends with a Status on its channel and 1000; when the server stops with 1001.
 */
export async function serveCommand(tunnel: MessageTunnel, command: RemoteCommand, stopping: AbortSignal, log: Logger): Promise<void> {
  const over = longLived(new AbortController());
  const end = (): void => over.abort();
  for (const signal of [tunnel.gone, stopping]) {
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  }
  try {
    // As kube-apiserver begins: clients wait for it.
    await tunnel.send(serverMessage(CHANNEL.stdout, Buffer.alloc(0)));
    const status = await outcome(tunnel, command, over.signal, stopping);
    if (tunnel.gone.aborted) return;
    await tunnel.send(serverMessage(CHANNEL.status, Buffer.from(JSON.stringify(status))));
    await tunnel.close(stopping.aborted ? CLOSE.goingAway : CLOSE.normal);
  } catch (error) {
    if (!tunnel.gone.aborted) log.warn('a stream to a container broke off', { error: errorMessage(error) });
    tunnel.terminate();
  } finally {
    for (const signal of [tunnel.gone, stopping]) signal.removeEventListener('abort', end);
    end();
  }
}

/** What the last message says. */
async function outcome(tunnel: MessageTunnel, command: RemoteCommand, over: AbortSignal, stopping: AbortSignal): Promise<object> {
  let session: ExecSession | undefined;
  try {
    session = await command.open(over);
    const { stdout, stderr, exitCode } = session;
    // It is awaited below, when the output has ended; that it fails before must not count as a rejection nobody handles.
    exitCode.catch(() => undefined);
    const fed = feed(tunnel, session, command);
    const copied = Promise.all([copy(stdout, tunnel, command.stdout ? CHANNEL.stdout : undefined), copy(stderr, tunnel, command.stderr ? CHANNEL.stderr : undefined)]);
    await unlessAborted(Promise.race([copied, fed]), over);
    const code = await unlessAborted(exitCode, over);
    return exitStatus(command.tellsExit ? code : 0);
  } catch (error) {
    return failureStatus(stopping.aborted ? new ApiError('ServiceUnavailable', 'the server is shutting down').toStatus() : command.statusOf(error));
  } finally {
    await session?.close();
  }
}

/** Output that is not wanted is read all the same, or the command would wait. */
async function copy(output: AsyncIterable<Uint8Array>, tunnel: MessageTunnel, channel: number | undefined): Promise<void> {
  for await (const chunk of output) if (channel !== undefined && chunk.length > 0) await tunnel.send(serverMessage(channel, chunk));
}

/** Brings what the client says to the command. Does not resolve: when the client is gone, that ends everything. */
async function feed(tunnel: MessageTunnel, session: ExecSession, { stdin, closes }: RemoteCommand): Promise<never> {
  let isOpen = stdin;
  for await (const bytes of tunnel.messages) {
    const message = clientMessage(bytes, closes);
    if (message.type === 'resize') session.resize(message.columns, message.rows);
    if (!isOpen) continue;
    if (message.type === 'stdin') {
      // A command that has ended, or closed its input, takes no more: what else is sent is dropped, and how it ended is told.
      isOpen = await session.stdin.write(message.payload).then(
        () => true,
        () => false,
      );
    }
    if (message.type !== 'stdinEnd') continue;
    isOpen = false;
    session.stdin.end();
  }
  return new Promise<never>(() => {});
}
