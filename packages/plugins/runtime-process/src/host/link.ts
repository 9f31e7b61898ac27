import { setMaxListeners } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock, Logger, RuntimeEvent } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import type { HelperOptions } from '../shared/layout.js';
import { FRAME, FrameReader, PROTOCOL_VERSION, encodeJson, parseJson } from '../shared/protocol.js';
import type { HelperMessage, Operation, Operations, WireError } from '../shared/protocol.js';
import { startHelper } from './starter.js';

/** How long a helper may take to answer for the first time, on a machine that has other things to do. */
const CONNECT_TIMEOUT_MS = 15_000;
const RETRY_MS = 20;
/** The longest pause between attempts to get a helper again. */
const LONGEST_RETRY_MS = 10_000;
/** How often one call is sent again because its connection was lost. Every operation may be repeated. */
const MAX_SENDS = 5;

/** Hears hints, and that the connection was made anew (`resync`: anything may have happened between). */
export type EventListener = (event: RuntimeEvent) => void;

/**
 * The connection to the helper. Connects on first use, starts a helper if none answers, and if the helper dies, starts the next at once:
 * running containers need somebody to watch them.
 */
export class HelperLink {
  readonly #listeners = new Set<EventListener>();
  readonly #aborted = new AbortController();
  #connection: Promise<Connection> | undefined;
  /** The helper was told to end: its going is no reason to start another. */
  #retiring = false;

  constructor(readonly options: HelperOptions, readonly clock: Clock, readonly logger: Logger) {}

  /** Asks the helper. Sends again when the connection is lost meanwhile. Throws what the helper says, `UNAVAILABLE`, `ABORTED`, `CLOSED`. */
  async request<K extends Operation>(op: K, args: Operations[K]['args'], signal: AbortSignal): Promise<Operations[K]['result']> {
    for (let sends = 1; ; sends++) {
      const connection = await abortable(this.connected(), signal);
      try {
        return await abortable(connection.request(op, args), signal);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        this.#mustBeOpen();
        if (sends >= MAX_SENDS) throw new OrreryError('UNAVAILABLE', `The helper went away ${sends} times during ${op}.`, { op });
      }
    }
  }

  /**
   * Opens a connection that belongs to one session. `prepare` gets it before anything can arrive on it, and makes the session.
   * Throws what the helper says, `UNAVAILABLE`, `ABORTED`.
   */
  async openSession<K extends 'exec' | 'attach', T>(op: K, args: Operations[K]['args'], signal: AbortSignal, prepare: (connection: Connection) => T): Promise<T> {
    await abortable(this.connected(), signal);
    const connection = new Connection(await abortable(dial(this.options.socketPath), signal), () => undefined, () => undefined);
    const session = prepare(connection);
    try {
      await abortable(connection.request(op, args), signal);
      return session;
    } catch (error) {
      connection.socket.destroy();
      throw error instanceof ConnectionLost ? new OrreryError('UNAVAILABLE', `The helper went away during ${op}.`, { op }) : error;
    }
  }

  /** The connection, made if need be. */
  connected(): Promise<Connection> {
    if (this.#aborted.signal.aborted) return Promise.reject(closedError());
    this.#connection ??= this.#connect().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  /** Hears events until the returned function is called. */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Has the helper remove everything and end. Resolves when it has let go; the link is closed then. */
  async destroy(signal: AbortSignal): Promise<void> {
    const connection = await abortable(this.connected(), signal);
    this.#retiring = true;
    const gone = new Promise<void>((resolve) => connection.socket.once('close', () => resolve()));
    try {
      await abortable(connection.request('destroy', {}), signal);
      await abortable(gone, signal);
    } catch (error) {
      this.#retiring = false;
      throw error instanceof ConnectionLost ? new OrreryError('UNAVAILABLE', 'The helper went away while it removed everything. Ask again.') : error;
    }
    await this.close();
  }

  /** Aborts when the link is closed. */
  get closed(): AbortSignal {
    return this.#aborted.signal;
  }

  /** Leaves the helper and its containers as they are. Pending calls end with `CLOSED`. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#aborted.abort(closedError());
    this.#connection = undefined;
    const open = await connection?.catch(() => undefined /* told to whoever asked for it */);
    open?.socket.destroy();
  }

  async #connect(): Promise<Connection> {
    const deadline = this.clock.monotonic() + CONNECT_TIMEOUT_MS;
    for (;;) {
      this.#mustBeOpen();
      const socket = await dial(this.options.socketPath).catch((error: unknown) => {
        if (this.clock.monotonic() > deadline) throw new OrreryError('UNAVAILABLE', `The helper does not answer: ${errorMessage(error)}`, {}, error);
        return undefined;
      });
      if (socket !== undefined) {
        const connection = await this.#greet(socket);
        if (connection !== undefined) return connection;
      } else if ((await startHelper(this.options)) === 'busy') {
        // Another host's helper is starting, or the last one is leaving.
        await this.clock.sleep(RETRY_MS, this.#aborted.signal);
      }
    }
  }

  /** Makes sure that the other side speaks our language. `undefined` when it left while we said hello. */
  async #greet(socket: Socket): Promise<Connection | undefined> {
    const connection: Connection = new Connection(socket, (event) => this.#tell(event), () => this.#lost(connection));
    try {
      await connection.request('hello', { version: PROTOCOL_VERSION });
      await connection.request('subscribe', {});
    } catch (error) {
      socket.destroy();
      if (error instanceof ConnectionLost) return undefined;
      throw error;
    }
    connection.established = true;
    this.#tell({ type: 'resync' });
    return connection;
  }

  #lost(connection: Connection): void {
    if (this.#aborted.signal.aborted || !connection.established) return;
    this.#connection = undefined;
    if (this.#retiring) return;
    this.logger.warn('The connection to the process helper was lost; making it anew.', { stateDir: this.options.stateDir });
    void this.#reconnect();
  }

  /** Running containers need a keeper, so this does not give up before the link is closed. */
  async #reconnect(): Promise<void> {
    for (let waitMs = 100; !this.#aborted.signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
      try {
        await this.connected();
        return;
      } catch (error) {
        if (this.#aborted.signal.aborted) return;
        this.logger.error('No process helper can be started; trying again.', { error: errorMessage(error), waitMs });
        await this.clock.sleep(waitMs, this.#aborted.signal).catch(() => undefined /* closed: the loop sees it */);
      }
    }
  }

  #tell(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #mustBeOpen(): void {
    if (this.#aborted.signal.aborted) throw closedError();
  }
}

/** The connection ended before the answer came. */
export class ConnectionLost extends Error {}

/** One socket to the helper. */
export class Connection {
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  readonly #reader = new FrameReader();
  #nextId = 1;
  #corked = false;
  /** True once both sides have said hello. */
  established = false;
  /** Hears the frames of a session's streams, and its exit message. */
  onStream: ((type: number, payload: Buffer) => void) | undefined;
  onExit: ((code: number) => void) | undefined;

  constructor(readonly socket: Socket, onEvent: EventListener, onLost: () => void) {
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of this.#reader.push(chunk)) {
          if (frame.type === FRAME.json) this.#receive(parseJson(frame.payload.toString('utf8')) as HelperMessage, onEvent);
          else this.onStream?.(frame.type, frame.payload);
        }
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(errorMessage(error)));
      }
    });
    // 'close' follows and tells everybody.
    socket.on('error', (error) => (this.#failure = error));
    socket.once('close', () => {
      for (const { reject } of this.#pending.values()) reject(new ConnectionLost(this.#failure?.message ?? 'The connection ended.'));
      this.#pending.clear();
      onLost();
    });
  }

  #failure: Error | undefined;

  /** Asks. Questions that are asked together travel together. Rejects with {@link ConnectionLost}. */
  request<K extends Operation>(op: K, args: Operations[K]['args']): Promise<Operations[K]['result']> {
    if (this.socket.destroyed) return Promise.reject(new ConnectionLost('The connection ended.'));
    const id = this.#nextId++;
    const frame = encodeJson({ id, op, args });
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#cork();
      this.socket.write(frame);
    });
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.socket.cork();
    queueMicrotask(() => {
      this.#corked = false;
      this.socket.uncork();
    });
  }

  #receive(message: HelperMessage, onEvent: EventListener): void {
    if ('event' in message) return onEvent(message.event);
    if ('exit' in message) return this.onExit?.(message.exit);
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('error' in message) pending?.reject(fromWire(message.error));
    else pending?.resolve(message.value);
  }
}

function fromWire({ code, message, details }: WireError): OrreryError {
  return new OrreryError(code, message, details ?? {});
}

function closedError(): OrreryError {
  return new OrreryError('CLOSED', 'The process runtime has been closed.');
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** The promise, or `ABORTED` as soon as the signal says so. What was asked goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new OrreryError('ABORTED', 'The caller stopped waiting.', {}, signal.reason));
    if (signal.aborted) {
      // Somebody must hear a failure that comes later.
      promise.catch(() => undefined);
      return abort();
    }
    // One signal may stand for thousands of calls under way; that is not a leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
