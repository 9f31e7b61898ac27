import { type DuplexStream, errorMessage, type Logger, longLived } from '@orrery/core';
import { BytePipe, CLOSE, type ConnectPort, copyPort, type Tunnel } from '@orrery/stream-channels';
import { CONTROL, controlFrame, dataFrame, type Frame, FrameReader, goAway, RESET, rstStream, SpdyError, words } from './spdy/frames.js';
import { emptyHeaders, HeaderReader } from './spdy/header-blocks.js';

/** Streams of one client at the same time: two a connection. More are refused. */
const MAX_STREAMS = 2_000;
/** Bytes for the pod that wait, over all connections of a client, beyond which the client is made to wait: its streams have no flow control of their own. */
const BACKLOG_BYTES = 4 * 1024 * 1024;
const FIN = 1;

/** One stream of the client. */
interface ClientStream {
  readonly id: number;
  readonly requestId: string;
  readonly port: number;
  readonly pipe: BytePipe;
  /** Ends the connection that it belongs to. */
  readonly abort: AbortController;
}

/**
 * Forwards ports as kubectl does: SPDY/3.1 in the binary messages of a tunnel, whose borders mean nothing. Of each connection one stream has the bytes and one tells why it failed.
 * Lasts until the client is gone, or the server stops. Never rejects.
 */
export async function servePortSpdy(tunnel: Tunnel, connect: ConnectPort, stopping: AbortSignal, log: Logger): Promise<void> {
  const forwarder = new PortForwarder(tunnel, connect, log);
  let leaving: Promise<void> | undefined;
  const stop = (): void => void (leaving = forwarder.leave());
  stopping.addEventListener('abort', stop, { once: true });
  if (stopping.aborted) stop();
  try {
    await forwarder.run();
  } catch (error) {
    if (!tunnel.gone.aborted) log.warn('forwarding ports broke off', { error: errorMessage(error) });
    if (error instanceof SpdyError) await tunnel.close(CLOSE.protocolError, error.message);
  } finally {
    stopping.removeEventListener('abort', stop);
    await forwarder.close();
    await leaving;
    tunnel.terminate();
  }
}

/** The connections of one client. */
class PortForwarder {
  readonly #headers = new HeaderReader();
  readonly #streams = new Map<number, ClientStream>();
  /** The first stream of a connection, until the second comes, by request and type. */
  readonly #halves = new Map<string, { readonly type: 'error' | 'data'; readonly stream: ClientStream }>();
  readonly #forwards = new Set<Promise<void>>();
  #hasReplied = false;
  #last = 0;
  #held = 0;
  #wake = (): void => {};

  constructor(
    private readonly tunnel: Tunnel,
    private readonly connect: ConnectPort,
    private readonly log: Logger,
  ) {
    tunnel.gone.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** Until the client closes or is gone. Throws SpdyError for what is not the protocol. */
  async run(): Promise<void> {
    const reader = new FrameReader();
    for await (const message of this.tunnel.messages) {
      for (const frame of reader.push(message)) await this.#take(frame);
      while (this.#held > BACKLOG_BYTES && !this.tunnel.gone.aborted) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** Takes no more streams, and closes. */
  async leave(): Promise<void> {
    // A client that left before it could be told is what closing would come to.
    await this.tunnel.send(goAway(this.#last)).catch((error: unknown) => this.log.debug('a client left before it was told to', { error: errorMessage(error) }));
    await this.tunnel.close(CLOSE.goingAway, 'the server is shutting down');
  }

  /** Ends all connections; resolves when they are ended. */
  async close(): Promise<void> {
    for (const { pipe, abort } of this.#streams.values()) {
      abort.abort();
      pipe.discard();
    }
    this.#headers.close();
    await Promise.all(this.#forwards);
  }

  async #take(frame: Frame): Promise<void> {
    if (frame.type === 'data') return this.#data(frame.stream, frame.payload, frame.fin);
    const { kind, body, flags } = frame;
    switch (kind) {
      case CONTROL.synStream:
        return this.#open(body, (flags & FIN) !== 0);
      case CONTROL.rstStream:
        return this.#reset(numberAt(body, 0));
      case CONTROL.ping:
        return this.tunnel.send(controlFrame(CONTROL.ping, words(numberAt(body, 0))));
      case CONTROL.headers:
        // Means nothing here, but those that follow cannot be read without it.
        await this.#headers.read(body.subarray(4));
        return undefined;
      default:
        return undefined;
    }
  }

  async #data(id: number, payload: Buffer, fin: boolean): Promise<void> {
    const stream = this.#streams.get(id);
    // What comes for a stream that is over was sent before the client knew.
    if (stream === undefined) return;
    if (payload.length > 0) {
      const before = stream.pipe.length;
      stream.pipe.push(payload);
      this.#held += stream.pipe.length - before;
    }
    if (fin) stream.pipe.end();
  }

  async #open(body: Buffer, fin: boolean): Promise<void> {
    const id = numberAt(body, 0) & 0x7fff_ffff;
    const headers = await this.#headers.read(body.subarray(10));
    if (id <= this.#last || id % 2 === 0) throw new SpdyError('a stream has a number that it cannot have');
    this.#last = id;
    const [type, port, requestId] = [headers.get('streamtype'), Number(headers.get('port')), headers.get('requestid') ?? ''];
    const isMeant = (type === 'error' || type === 'data') && Number.isInteger(port) && port >= 1 && port <= 65_535;
    if (!isMeant) return this.tunnel.send(rstStream(id, RESET.protocolError));
    const half = this.#halves.get(requestId);
    if (this.#streams.size >= MAX_STREAMS || (half !== undefined && (half.type === type || half.stream.port !== port))) return this.tunnel.send(rstStream(id, RESET.refusedStream));
    const pipe = new BytePipe((cost) => {
      this.#held -= cost;
      this.#wake();
    });
    const stream: ClientStream = { id, requestId, port, pipe, abort: half?.stream.abort ?? longLived(new AbortController()) };
    if (fin) pipe.end();
    this.#streams.set(id, stream);
    const reply = Buffer.concat([words(id), emptyHeaders(!this.#hasReplied)]);
    this.#hasReplied = true;
    await this.tunnel.send(controlFrame(CONTROL.synReply, reply));
    if (half === undefined) {
      this.#halves.set(requestId, { type, stream });
      return;
    }
    this.#halves.delete(requestId);
    const [data, error] = type === 'data' ? [stream, half.stream] : [half.stream, stream];
    const forward = this.#forward(data, error).finally(() => this.#forwards.delete(forward));
    this.#forwards.add(forward);
  }

  /** The client gives a connection up. */
  #reset(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    if (this.#halves.get(stream.requestId)?.stream === stream) this.#halves.delete(stream.requestId);
    stream.abort.abort();
    stream.pipe.discard();
  }

  async #forward(data: ClientStream, error: ClientStream): Promise<void> {
    const { tunnel } = this;
    const { signal } = data.abort;
    try {
      let target: DuplexStream;
      try {
        target = await this.connect(data.port, signal);
      } catch (cause) {
        if (signal.aborted) return;
        await tunnel.send(dataFrame(error.id, Buffer.from(errorMessage(cause)), true));
        await tunnel.send(dataFrame(data.id, NOTHING, true));
        return;
      }
      await copyPort(target, { input: data.pipe, send: (chunk) => tunnel.send(dataFrame(data.id, chunk)) }, signal, this.log);
      if (signal.aborted) return;
      await tunnel.send(dataFrame(data.id, NOTHING, true));
      await tunnel.send(dataFrame(error.id, NOTHING, true));
    } catch (cause) {
      if (!tunnel.gone.aborted && !signal.aborted) this.log.warn('a forwarded connection broke off', { error: errorMessage(cause) });
    } finally {
      data.pipe.discard();
      error.pipe.discard();
      this.#streams.delete(data.id);
      this.#streams.delete(error.id);
    }
  }
}

const NOTHING = new Uint8Array();

function numberAt(body: Buffer, at: number): number {
  if (body.length < at + 4) throw new SpdyError('a frame is too short');
  return body.readUInt32BE(at);
}
