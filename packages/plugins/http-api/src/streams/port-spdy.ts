import { type DuplexStream, errorMessage, type Logger, longLived } from '@orrery/core';
import { CLOSE, type ConnectPort, copyPort, type MessageTunnel } from '@orrery/stream-channels';
import { RESET, SpdyError } from './spdy/frames.js';
import { SpdySession, type SpdyStream, type StreamTaker } from './spdy/session.js';

/**
 * Forwards ports as kubectl does, over SPDY/3.1. Of each connection one stream has the bytes and one tells why it failed.
 * Lasts until the client is gone, or the server stops. Never rejects.
 */
export async function servePortSpdy(tunnel: MessageTunnel, connect: ConnectPort, stopping: AbortSignal, log: Logger): Promise<void> {
  const forwarder = new PortForwarder(tunnel, connect, log);
  const session = new SpdySession(tunnel, forwarder, log);
  let leaving: Promise<void> | undefined;
  const stop = (): void => void (leaving = session.leave(CLOSE.goingAway, 'the server is shutting down'));
  stopping.addEventListener('abort', stop, { once: true });
  if (stopping.aborted) stop();
  try {
    await session.run();
  } catch (error) {
    if (!tunnel.gone.aborted) log.warn('forwarding ports broke off', { error: errorMessage(error) });
    if (error instanceof SpdyError) await tunnel.close(CLOSE.protocolError, error.message);
  } finally {
    stopping.removeEventListener('abort', stop);
    session.close();
    await forwarder.ended();
    await leaving;
    tunnel.terminate();
  }
}

/** What the headers of a stream ask for. */
interface Asked {
  readonly type: 'error' | 'data';
  readonly port: number;
  readonly requestId: string;
}

/** Undefined: they make no sense. Pure. */
function askedBy(headers: ReadonlyMap<string, string>): Asked | undefined {
  const [type, port, requestId] = [headers.get('streamtype'), Number(headers.get('port')), headers.get('requestid') ?? ''];
  return (type === 'error' || type === 'data') && Number.isInteger(port) && port >= 1 && port <= 65_535 ? { type, port, requestId } : undefined;
}

/** The connections of one client. */
class PortForwarder implements StreamTaker {
  /** The first stream of a connection, until the second comes, by request. */
  readonly #halves = new Map<string, Asked & { readonly stream: SpdyStream }>();
  readonly #forwards = new Set<Promise<void>>();

  constructor(
    private readonly tunnel: MessageTunnel,
    private readonly connect: ConnectPort,
    private readonly log: Logger,
  ) {}

  refuses(headers: ReadonlyMap<string, string>): number | undefined {
    const asked = askedBy(headers);
    if (asked === undefined) return RESET.protocolError;
    const half = this.#halves.get(asked.requestId);
    return half !== undefined && (half.type === asked.type || half.port !== asked.port) ? RESET.refusedStream : undefined;
  }

  opened(stream: SpdyStream): void {
    const asked = askedBy(stream.headers) as Asked;
    const half = this.#halves.get(asked.requestId);
    if (half === undefined) {
      this.#halves.set(asked.requestId, { ...asked, stream });
      stream.givenUp.addEventListener('abort', () => this.#halves.get(asked.requestId)?.stream === stream && this.#halves.delete(asked.requestId), { once: true });
      return;
    }
    this.#halves.delete(asked.requestId);
    const [data, error] = asked.type === 'data' ? [stream, half.stream] : [half.stream, stream];
    const forward = this.#forward(data, error, asked.port).finally(() => this.#forwards.delete(forward));
    this.#forwards.add(forward);
  }

  /** Resolves when no connection is open any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#forwards);
  }

  async #forward(data: SpdyStream, error: SpdyStream, port: number): Promise<void> {
    const { tunnel } = this;
    const over = longLived(new AbortController());
    const { signal } = over;
    for (const { givenUp } of [data, error]) {
      givenUp.addEventListener('abort', () => over.abort(), { once: true });
      if (givenUp.aborted) over.abort();
    }
    try {
      let target: DuplexStream;
      try {
        target = await this.connect(port, signal);
      } catch (cause) {
        if (signal.aborted) return;
        await error.send(Buffer.from(errorMessage(cause)));
        await error.end();
        await data.end();
        return;
      }
      await copyPort(target, { input: data.input, send: (chunk) => data.send(chunk) }, signal, this.log);
      if (signal.aborted) return;
      await data.end();
      await error.end();
    } catch (cause) {
      if (!tunnel.gone.aborted && !signal.aborted) this.log.warn('a forwarded connection broke off', { error: errorMessage(cause) });
    } finally {
      data.forget();
      error.forget();
    }
  }
}
