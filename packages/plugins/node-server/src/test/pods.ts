import { connect } from 'node:net';
import { ApiError, type AttachOptions, type DuplexStream, type ExecOptions, type ExecSession, type LogQuery, type NodeStreams, type PodIdentity } from '@orrery/core';
import { BytePipe } from '@orrery/stream-channels';

/** A command that answers what it is told, and ends when its input does; or, of the name `exit`, at once with a code. */
class Echo implements ExecSession {
  readonly out = new BytePipe();
  readonly err = new BytePipe();
  readonly sizes: string[] = [];
  isClosed = false;
  #exit!: (code: number) => void;
  readonly exitCode = new Promise<number>((resolve) => (this.#exit = resolve));

  get stdout(): AsyncIterable<Uint8Array> {
    return this.out;
  }

  get stderr(): AsyncIterable<Uint8Array> {
    return this.err;
  }

  readonly stdin = {
    write: async (chunk: Uint8Array): Promise<void> => this.out.push(Buffer.from(chunk)),
    end: (): void => this.exit(0),
  };

  exit(code: number): void {
    this.out.end();
    this.err.end();
    this.#exit(code);
  }

  resize(columns: number, rows: number): void {
    this.sizes.push(`${columns}x${rows}`);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.exit(137);
  }
}

/** The pods of a node whose containers echo. Ports are those of this machine. */
export class EchoPods implements NodeStreams {
  readonly node = 'n1';
  readonly asked: unknown[] = [];
  readonly sessions: Echo[] = [];
  /** The output of every container. */
  log = new BytePipe();
  /** Whether somebody reads it still. */
  isLogAborted = false;

  async logs(pod: PodIdentity, container: string, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    this.asked.push({ pod, container, query });
    if (container === 'none') throw ApiError.notFound({ group: '', plural: 'pods' }, pod.name);
    signal.addEventListener('abort', () => {
      this.isLogAborted = true;
      this.log.end();
    });
    return this.log;
  }

  async exec(pod: PodIdentity, container: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    this.asked.push({ pod, container, options });
    if (container === 'none') throw new ApiError('InternalError', 'error executing command in container: it does not run');
    const session = this.#session(signal);
    const [word, code] = options.command;
    if (word === 'exit') session.exit(Number(code));
    return session;
  }

  async attach(pod: PodIdentity, container: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    this.asked.push({ pod, container, options });
    return this.#session(signal);
  }

  async portForward(_pod: PodIdentity, port: number, signal: AbortSignal): Promise<DuplexStream> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject)).catch((error: unknown) => {
      throw new ApiError('InternalError', `error forwarding port ${port}: ${String(error)}`);
    });
    socket.on('error', () => socket.destroy());
    signal.addEventListener('abort', () => socket.destroy());
    return {
      readable: socket,
      write: (chunk) => new Promise((resolve, reject) => void socket.write(chunk, (error) => (error == null ? resolve() : reject(error)))),
      end: () => void socket.end(),
      close: async () => void socket.destroy(),
    };
  }

  #session(signal: AbortSignal): Echo {
    const session = new Echo();
    this.sessions.push(session);
    signal.addEventListener('abort', () => void session.close());
    return session;
  }
}
