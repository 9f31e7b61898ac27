import { connect, createServer, type Server, type Socket } from 'node:net';
import { type AttachOptions, type DuplexStream, type ExecOptions, type ExecSession, type LogQuery, type NodeStreams, type PodIdentity, systemClock } from '@orrery/core';

/** A session whose ends are in the hands of the test. */
export class FakeSession implements ExecSession {
  readonly written: Buffer[] = [];
  readonly sizes: string[] = [];
  isStdinEnded = false;
  isClosed = false;
  /** While true nothing of the input is taken. */
  isBlocked = false;
  readonly #out = [new Pieces(), new Pieces()] as const;
  #exit!: (code: number) => void;
  #lost!: (error: unknown) => void;
  readonly exitCode = new Promise<number>((resolve, reject) => ([this.#exit, this.#lost] = [resolve, reject]));
  readonly #taken = new Set<() => void>();

  get stdout(): AsyncIterable<Uint8Array> {
    return this.#out[0];
  }

  get stderr(): AsyncIterable<Uint8Array> {
    return this.#out[1];
  }

  readonly stdin = {
    write: async (chunk: Uint8Array): Promise<void> => {
      while (this.isBlocked) await new Promise<void>((resolve) => this.#taken.add(resolve));
      this.written.push(Buffer.from(chunk));
    },
    end: (): void => void (this.isStdinEnded = true),
  };

  say(stream: 'stdout' | 'stderr', text: string | Uint8Array): void {
    this.#out[stream === 'stdout' ? 0 : 1].push(Buffer.from(text as string));
  }

  unblock(): void {
    this.isBlocked = false;
    for (const resume of this.#taken) resume();
  }

  exit(code: number): void {
    for (const out of this.#out) out.end();
    this.#exit(code);
  }

  lose(error: unknown): void {
    for (const out of this.#out) out.end();
    this.#lost(error);
  }

  resize(columns: number, rows: number): void {
    this.sizes.push(`${columns}x${rows}`);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.exit(137);
  }
}

/** Pieces that are handed out when they are there. `given` counts those that were taken. */
export class Pieces implements AsyncIterable<Uint8Array> {
  readonly #pieces: Buffer[] = [];
  #isEnded = false;
  #wake = (): void => {};
  given = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.given += 1;
        yield piece;
      } else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A node whose pods say what the test says; ports are those of this machine. */
export class FakeNode implements NodeStreams {
  readonly node = 'n1';
  readonly asked: { readonly what: string; readonly pod: PodIdentity; readonly container?: string; readonly options?: LogQuery | ExecOptions | AttachOptions }[] = [];
  readonly sessions: FakeSession[] = [];
  log: AsyncIterable<Uint8Array> = new Pieces();
  /** When set, everything is refused with it. */
  refusal: Error | undefined;

  async logs(pod: PodIdentity, container: string, options: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    this.#ask({ what: 'logs', pod, container, options });
    signal.addEventListener('abort', () => (this.log as Pieces).end?.());
    return this.log;
  }

  async exec(pod: PodIdentity, container: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    this.#ask({ what: 'exec', pod, container, options });
    return this.#session(signal);
  }

  async attach(pod: PodIdentity, container: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    this.#ask({ what: 'attach', pod, container, options });
    return this.#session(signal);
  }

  async portForward(pod: PodIdentity, port: number, signal: AbortSignal): Promise<DuplexStream> {
    this.#ask({ what: 'portForward', pod });
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.on('error', () => {});
    signal.addEventListener('abort', () => socket.destroy());
    return {
      readable: socket,
      write: (chunk) => new Promise((resolve, reject) => socket.write(chunk, (error) => (error == null ? resolve() : reject(error)))),
      end: () => void socket.end(),
      close: async () => void socket.destroy(),
    };
  }

  #ask(asked: FakeNode['asked'][number]): void {
    this.asked.push(asked);
    if (this.refusal !== undefined) throw this.refusal;
  }

  #session(signal: AbortSignal): FakeSession {
    const session = new FakeSession();
    this.sessions.push(session);
    signal.addEventListener('abort', () => session.lose(new Error('the caller left')));
    return session;
  }
}

/** A server on a free port of this machine. */
export async function listening(serve: (socket: Socket) => void): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, server };
}

/** Resolves when a condition holds, which must be soon. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const until = systemClock.monotonic() + 5_000;
  while (!condition()) {
    if (systemClock.monotonic() > until) throw new Error(`it did not come about: ${what}`);
    await systemClock.sleep(1, new AbortController().signal);
  }
}
