import { type Clock, errorMessage, type Logger, OrreryError } from '@orrery/core';
import { BytePipe, CHANNEL, type MessageTunnel, type RemoteCommand, serveCommand, serverMessage } from '@orrery/stream-channels';
import { RESET } from './spdy/frames.js';
import { SpdySession, type SpdyStream, type StreamTaker } from './spdy/session.js';

/** What is spoken over SPDY to run and to attach. Before v4 how it ended is told as text, before v3 nothing of terminals' sizes. */
export const COMMAND_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;

/** A command over SPDY. */
export interface SpdyCommand extends Omit<RemoteCommand, 'closes'> {
  /** One of `COMMAND_PROTOCOLS`. */
  readonly protocol: string;
  readonly tty: boolean;
}

/** So long a client may take to open its streams, milliseconds; as the kubelet. */
const OPEN_MS = 30_000;
/** Bytes of input that wait behind what the session holds. */
const INPUT_BYTES = 256 * 1024;
/** Bytes of what a client says of the size of its terminal, in one piece, at most. */
const MAX_SIZE = 256;

/** Streams by their `streamtype`, with the channels they are over WebSockets. */
const CHANNELS: ReadonlyMap<string, number> = new Map(Object.entries({ error: CHANNEL.status, stdin: CHANNEL.stdin, stdout: CHANNEL.stdout, stderr: CHANNEL.stderr, resize: CHANNEL.resize }));

/** Serves exec and attach over SPDY/3.1 until the command or the client ends, or the server stops. Never rejects. */
export async function serveCommandSpdy(tunnel: MessageTunnel, command: SpdyCommand, { stopping, clock, log }: { readonly stopping: AbortSignal; readonly clock: Clock; readonly log: Logger }): Promise<void> {
  const streams = new CommandStreams();
  const session = new SpdySession(tunnel, streams, log);
  const reading = session.run().catch((error: unknown) => {
    if (!tunnel.gone.aborted) log.warn('a stream to a container broke off', { error: errorMessage(error) });
    tunnel.terminate();
  });
  const cut = (): void => tunnel.terminate();
  const cancel = clock.timer(OPEN_MS, cut);
  stopping.addEventListener('abort', cut, { once: true });
  if (stopping.aborted) cut();
  try {
    await streams.open(expectedOf(command), tunnel.gone);
  } finally {
    cancel();
    stopping.removeEventListener('abort', cut);
  }
  if (!tunnel.gone.aborted) await serveCommand(new ChannelsOverSpdy(tunnel, session, streams, command.protocol), { ...command, closes: true }, stopping, log);
  session.close();
  tunnel.terminate();
  await reading;
}

/** The streams without which there is no beginning. Pure. */
function expectedOf({ stdin, stdout, stderr, tty, protocol }: SpdyCommand): readonly number[] {
  const sizes = tty && (protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io');
  return [CHANNEL.status, ...(stdin ? [CHANNEL.stdin] : []), ...(stdout ? [CHANNEL.stdout] : []), ...(stderr ? [CHANNEL.stderr] : []), ...(sizes ? [CHANNEL.resize] : [])];
}

/** The streams of one client, each kind once. */
class CommandStreams implements StreamTaker {
  readonly #taken = new Set<number>();
  readonly #open = new Map<number, SpdyStream>();
  #changed = (): void => {};

  get(channel: number): SpdyStream | undefined {
    return this.#open.get(channel);
  }

  all(): readonly SpdyStream[] {
    return [...this.#open.values()];
  }

  refuses(headers: ReadonlyMap<string, string>): number | undefined {
    const channel = CHANNELS.get(headers.get('streamtype') ?? '');
    if (channel === undefined) return RESET.protocolError;
    if (this.#taken.has(channel)) return RESET.refusedStream;
    this.#taken.add(channel);
    return undefined;
  }

  opened(stream: SpdyStream): void {
    this.#open.set(CHANNELS.get(stream.headers.get('streamtype') ?? '') as number, stream);
    this.#changed();
  }

  /** Resolves when the channels are there, or the client is gone. */
  open(expected: readonly number[], gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (gone.aborted || expected.every((channel) => this.#open.has(channel))) resolve();
      };
      gone.addEventListener('abort', this.#changed, { once: true });
      this.#changed();
    });
  }
}

/** The streams as the messages that they would be over a WebSocket. */
class ChannelsOverSpdy implements MessageTunnel {
  #wake = (): void => {};
  readonly #inbox = new BytePipe(() => this.#wake());

  constructor(
    private readonly tunnel: MessageTunnel,
    private readonly session: SpdySession,
    private readonly streams: CommandStreams,
    private readonly protocol: string,
  ) {
    tunnel.gone.addEventListener('abort', () => this.#end(), { once: true });
    if (tunnel.gone.aborted) this.#end();
    void this.#input();
    void this.#sizes();
  }

  get gone(): AbortSignal {
    return this.tunnel.gone;
  }

  get messages(): AsyncIterable<Buffer> {
    return this.#inbox;
  }

  async send(message: Uint8Array): Promise<void> {
    const channel = message[0] as number;
    const said = channel === CHANNEL.status ? this.#told(message.subarray(1)) : message.subarray(1);
    if (said.length === 0) return;
    const stream = this.streams.get(channel);
    if (this.gone.aborted) throw new OrreryError('UNAVAILABLE', 'The client is gone.');
    // A stream that the client gave up is one that it does not want to hear.
    if (stream !== undefined && !stream.givenUp.aborted) await stream.send(said);
  }

  async close(code: number, reason = ''): Promise<void> {
    this.#end();
    for (const stream of this.streams.all()) {
      if (!stream.givenUp.aborted) await stream.end();
      // What a client still says when the command has ended is for nobody.
      stream.forget();
    }
    await this.session.leave(code, reason);
  }

  terminate(): void {
    this.#end();
    this.tunnel.terminate();
  }

  #end(): void {
    this.#inbox.discard();
    this.#wake();
  }

  /** How it ended, in the words of the protocol. */
  #told(status: Uint8Array): Uint8Array {
    if (this.protocol === 'v4.channel.k8s.io') return status;
    const { status: outcome, message = 'unknown reason' } = JSON.parse(Buffer.from(status).toString()) as { readonly status: string; readonly message?: string };
    return Buffer.from(outcome === 'Success' ? '' : message);
  }

  async #input(): Promise<void> {
    const stream = this.streams.get(CHANNEL.stdin);
    if (stream === undefined) return;
    for await (const chunk of stream.input) {
      this.#inbox.push(serverMessage(CHANNEL.stdin, chunk));
      while (this.#inbox.length > INPUT_BYTES) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
    this.#inbox.push(Buffer.from([CHANNEL.close, CHANNEL.stdin]));
  }

  /** One JSON object after the other, wherever the pieces begin and end. */
  async #sizes(): Promise<void> {
    let text = '';
    for await (const chunk of this.streams.get(CHANNEL.resize)?.input ?? []) {
      const sizes = (text + chunk.toString('latin1')).split('}');
      text = (sizes.pop() as string).slice(0, MAX_SIZE);
      // Only the last of those that came together matters.
      const last = sizes.at(-1);
      if (last !== undefined) this.#inbox.push(serverMessage(CHANNEL.resize, Buffer.from(`${last}}`.slice(-MAX_SIZE), 'latin1')));
    }
  }
}
