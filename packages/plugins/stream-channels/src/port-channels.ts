import { type DuplexStream, errorMessage, type Logger, longLived } from '@orrery/core';
import { BytePipe } from './byte-pipe.js';
import { CHANNEL, serverMessage } from './channels.js';
import { copyPort } from './port-copy.js';
import { CLOSE, type MessageTunnel } from './tunnel.js';

/** Opens a connection to a port of the pod; it ends when the signal aborts. */
export type ConnectPort = (port: number, signal: AbortSignal) => Promise<DuplexStream>;

/** Ports to forward. */
export interface ServedPorts {
  readonly ports: readonly number[];
  readonly connect: ConnectPort;
  /** The client may close a channel (`v5.channel.k8s.io`): it says nothing more on it, and may still be answered. */
  readonly closes?: boolean;
}

/** Bytes for one port that wait, beyond which the client is made to wait. */
const BACKLOG_BYTES = 1024 * 1024;

/**
 * Forwards ports over `v4.channel.k8s.io`, one connection each: channel 2i has the bytes of port i, channel 2i+1 tells why it failed; each begins with the number of the port.
 * Lasts until all are over, the client is gone, or the server stops. Never rejects.
 */
export async function servePortChannels(tunnel: MessageTunnel, { ports, connect, closes = false }: ServedPorts, stopping: AbortSignal, log: Logger): Promise<void> {
  const over = longLived(new AbortController());
  const end = (): void => over.abort();
  for (const signal of [tunnel.gone, stopping]) {
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  }
  let wake = (): void => {};
  const pipes = ports.map(() => new BytePipe(() => wake()));
  try {
    for (const [index, port] of ports.entries()) for (const channel of [2 * index, 2 * index + 1]) await tunnel.send(serverMessage(channel, littleEndian(port)));
    void (async (): Promise<void> => {
      for await (const message of tunnel.messages) {
        if (closes && message[0] === CHANNEL.close && message.length === 2) {
          pipes[(message[1] ?? 1) / 2]?.end();
          continue;
        }
        const pipe = (message[0] ?? 1) % 2 === 0 ? pipes[(message[0] ?? 0) / 2] : undefined;
        pipe?.push(message.subarray(1));
        while (pipe !== undefined && pipe.length > BACKLOG_BYTES && !over.signal.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      for (const pipe of pipes) pipe.end();
    })();
    await Promise.all(ports.map((port, index) => forward(tunnel, { port, channel: 2 * index, pipe: pipes[index] as BytePipe }, connect, over.signal, log)));
    await tunnel.close(stopping.aborted ? CLOSE.goingAway : CLOSE.normal);
  } catch (error) {
    if (!tunnel.gone.aborted) log.warn('a forwarded port broke off', { error: errorMessage(error) });
    tunnel.terminate();
  } finally {
    for (const signal of [tunnel.gone, stopping]) signal.removeEventListener('abort', end);
    end();
    for (const pipe of pipes) pipe.discard();
  }
}

async function forward(tunnel: MessageTunnel, { port, channel, pipe }: { readonly port: number; readonly channel: number; readonly pipe: BytePipe }, connect: ConnectPort, signal: AbortSignal, log: Logger): Promise<void> {
  let target: DuplexStream;
  try {
    target = await connect(port, signal);
  } catch (error) {
    pipe.discard();
    if (!signal.aborted) await tunnel.send(serverMessage(channel + 1, Buffer.from(errorMessage(error))));
    return;
  }
  try {
    await copyPort(target, { input: pipe, send: (chunk) => tunnel.send(serverMessage(channel, chunk)) }, signal, log);
  } finally {
    pipe.discard();
  }
}

function littleEndian(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(port);
  return bytes;
}
