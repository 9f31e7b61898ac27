import { errorMessage, type Logger, longLived } from '@orrery/core';
import { BytePipe, CLOSE, type MessageTunnel } from '@orrery/stream-channels';
import { CONTROL, controlFrame, dataFrame, type Frame, FrameReader, goAway, RESET, rstStream, SpdyError, words } from './frames.js';
import { emptyHeaders, HeaderReader } from './header-blocks.js';

/** Streams of one client at the same time; more are refused. */
const MAX_STREAMS = 2_000;
/** Bytes of all streams of a client that wait, beyond which the client is made to wait: its streams have no flow control of their own. */
const BACKLOG_BYTES = 4 * 1024 * 1024;
const FIN = 1;
const NOTHING = new Uint8Array();

/** One stream that the client opened. */
export interface SpdyStream {
  readonly headers: ReadonlyMap<string, string>;
  /** What the client says, until it says nothing more. For one reader. */
  readonly input: BytePipe;
  /** Aborts when the client gives the stream up, and when the session is over. */
  readonly givenUp: AbortSignal;
  /** Rejects when the client is gone. */
  send(chunk: Uint8Array): Promise<void>;
  /** Nothing more is said. Rejects when the client is gone. */
  end(): Promise<void>;
  /** What the client still says is dropped, and the stream does not count any more. */
  forget(): void;
}

/** Who the streams are for. */
export interface StreamTaker {
  /** Why a stream with such headers is reset (`RESET`); undefined: it is taken. */
  refuses(headers: ReadonlyMap<string, string>): number | undefined;
  /** Called when the client was answered. */
  opened(stream: SpdyStream): void;
}

/** The server's side of SPDY/3.1 as Kubernetes uses it: streams that clients open, without flow control. */
export class SpdySession {
  readonly #headers = new HeaderReader();
  readonly #streams = new Map<number, { readonly pipe: BytePipe; readonly abort: AbortController }>();
  #hasReplied = false;
  #last = 0;
  #held = 0;
  #wake = (): void => {};

  /** @param tunnel carries the bytes; the borders of its messages mean nothing */
  constructor(
    private readonly tunnel: MessageTunnel,
    private readonly taker: StreamTaker,
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
  async leave(code: number = CLOSE.normal, reason = ''): Promise<void> {
    // A client that left before it could be told is what closing would come to.
    await this.tunnel.send(goAway(this.#last)).catch((error: unknown) => this.log.debug('a client left before it was told to', { error: errorMessage(error) }));
    await this.tunnel.close(code, reason);
  }

  /** Gives all streams up. */
  close(): void {
    for (const { pipe, abort } of this.#streams.values()) {
      abort.abort();
      pipe.discard();
    }
    this.#streams.clear();
    this.#headers.close();
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
    const refused = this.#streams.size >= MAX_STREAMS ? RESET.refusedStream : this.taker.refuses(headers);
    if (refused !== undefined) return this.tunnel.send(rstStream(id, refused));
    const stream = this.#stream(id, headers);
    if (fin) stream.input.end();
    const reply = Buffer.concat([words(id), emptyHeaders(!this.#hasReplied)]);
    this.#hasReplied = true;
    await this.tunnel.send(controlFrame(CONTROL.synReply, reply));
    this.taker.opened(stream);
  }

  #stream(id: number, headers: ReadonlyMap<string, string>): SpdyStream {
    const abort = longLived(new AbortController());
    const input = new BytePipe((cost) => {
      this.#held -= cost;
      this.#wake();
    });
    this.#streams.set(id, { pipe: input, abort });
    return {
      headers,
      input,
      givenUp: abort.signal,
      send: (chunk) => this.tunnel.send(dataFrame(id, chunk)),
      end: () => this.tunnel.send(dataFrame(id, NOTHING, true)),
      forget: () => {
        input.discard();
        this.#streams.delete(id);
      },
    };
  }

  /** The client gives a stream up. */
  #reset(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.abort.abort();
    stream.pipe.discard();
  }
}

function numberAt(body: Buffer, at: number): number {
  if (body.length < at + 4) throw new SpdyError('a frame is too short');
  return body.readUInt32BE(at);
}
