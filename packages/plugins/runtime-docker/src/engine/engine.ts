import type { Readable } from 'node:stream';
import { OrreryError, longLived, systemClock } from '@orrery/core';
import type { Clock } from '@orrery/core';
import type Docker from 'dockerode';
import { shortCallAgent, streamAgent } from './agents.js';
import { engineError } from './errors.js';
import { StreamWatch } from './stream-watch.js';

/** How the engine is reached. */
export interface EngineOptions {
  /** Path of the engine's Unix socket. Default `/var/run/docker.sock`. The environment (`DOCKER_HOST` …) is never read. */
  readonly socketPath?: string;
  readonly clock?: Clock;
  /** A short call that has not answered after so long is given up, milliseconds. Default 60,000. */
  readonly callTimeoutMs?: number;
  /** While streams are open the engine is asked so often whether it is alive, milliseconds. Default 10,000. */
  readonly watchMs?: number;
}

/** How one call is made. */
export interface CallOptions {
  /** Overrides {@link EngineOptions.callTimeoutMs}. */
  readonly timeoutMs?: number;
  /** Doing it twice does no harm: it is sent once more when the connection broke before an answer. */
  readonly idempotent?: boolean;
}

/** Makes one request with the driver. The signal must be passed on as `abortSignal`. */
export type EngineRequest<T> = (docker: Docker, abortSignal: AbortSignal) => Promise<T>;

const CALL_TIMEOUT_MS = 60_000;

/**
 * The link to one Docker engine: the driver (dockerode, loaded on first use) with what it lacks. Every call ends: by its answer, its time-out,
 * its caller's signal or {@link Engine.close}. Errors are {@link OrreryError}s with the engine's words, bounded and without credentials.
 * Streams have connections of their own, and are ended when the engine no longer answers (half-open connections).
 */
export class Engine {
  /** The engine's Unix socket. */
  readonly socketPath: string;
  readonly clock: Clock;
  readonly #callTimeoutMs: number;
  readonly #closing = longLived(new AbortController());
  readonly #shortAgent = shortCallAgent();
  readonly #streamAgent = streamAgent();
  readonly #watch: StreamWatch;
  #drivers: Promise<{ readonly calls: Docker; readonly streams: Docker }> | undefined;

  constructor({ socketPath = '/var/run/docker.sock', clock = systemClock, callTimeoutMs = CALL_TIMEOUT_MS, watchMs = 10_000 }: EngineOptions = {}) {
    this.socketPath = socketPath;
    this.clock = clock;
    this.#callTimeoutMs = callTimeoutMs;
    this.#watch = new StreamWatch(clock, watchMs, (signal) =>
      this.call('ask whether the engine is alive', signal, (docker, abortSignal) => (docker as unknown as { ping(options: object): Promise<unknown> }).ping({ abortSignal }), { timeoutMs: Math.min(watchMs, callTimeoutMs) }),
    );
  }

  /** Aborts when the link is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** The driver whose requests take connections of their own, for streams that {@link Engine.open} does not fit. */
  get docker(): Promise<Docker> {
    return this.#load().then(({ streams }) => streams);
  }

  /**
   * Makes a short call. Throws `ABORTED`, `CLOSED`, `TIMEOUT` (the engine may still act), or the engine's own failure (see {@link engineError}).
   * @param what the call in a few words, for errors: `create container web`
   */
  async call<T>(what: string, signal: AbortSignal, request: EngineRequest<T>, { timeoutMs = this.#callTimeoutMs, idempotent = false }: CallOptions = {}): Promise<T> {
    try {
      return await this.#once(what, signal, timeoutMs, async (abortSignal) => request((await this.#load()).calls, abortSignal));
    } catch (error) {
      // A kept connection that the engine has closed meanwhile fails at once: that says nothing of the engine now.
      if (!idempotent || !OrreryError.is(error, 'UNAVAILABLE') || error.details['sent'] !== true) throw error;
      return this.#once(what, signal, timeoutMs, async (abortSignal) => request((await this.#load()).calls, abortSignal));
    }
  }

  /**
   * Opens a stream: resolves when the engine has answered and the bytes come. It is destroyed when `signal` aborts or the link closes, and with an
   * `UNAVAILABLE` error when the engine stops answering. `timeoutMs` limits the opening, not the stream.
   */
  async open<S extends Readable>(what: string, signal: AbortSignal, request: EngineRequest<S>, { timeoutMs = this.#callTimeoutMs }: CallOptions = {}): Promise<S> {
    let late = false;
    const opening = this.#once(what, signal, timeoutMs, async (abortSignal) => {
      const stream = await request((await this.#load()).streams, abortSignal);
      // Nobody waits any more: what has come too late is closed, not leaked.
      if (late) stream.on('error', () => undefined).destroy();
      return stream;
    });
    const stream = await opening.catch((error: unknown) => {
      late = true;
      throw error;
    });
    this.#watch.add(stream, [signal, this.closed]);
    return stream;
  }

  /**
   * A call that answers only when something has happened (waiting for a container's end). It has no time-out of its own; a dead engine ends it with `UNAVAILABLE`.
   */
  async wait<T>(what: string, signal: AbortSignal, request: EngineRequest<T>): Promise<T> {
    const lost = longLived(new AbortController());
    const done = this.#watch.guard((error) => lost.abort(error));
    try {
      return await this.#once(what, signal, undefined, async (abortSignal) => request((await this.#load()).streams, AbortSignal.any([abortSignal, lost.signal])), lost.signal);
    } finally {
      done();
    }
  }

  /** Ends every call and stream. A second call does nothing. */
  close(): void {
    if (this.closed.aborted) return;
    this.#closing.abort(new OrreryError('CLOSED', 'The link to the engine is closed.'));
    this.#watch.close();
    this.#shortAgent.destroy();
    this.#streamAgent.destroy();
  }

  /** One attempt, raced against everything that may end it; the driver does not always hear an abort. */
  #once<T>(what: string, signal: AbortSignal, timeoutMs: number | undefined, send: (abortSignal: AbortSignal) => Promise<T>, lost?: AbortSignal): Promise<T> {
    if (this.closed.aborted) return Promise.reject(closedError(what));
    if (signal.aborted) return Promise.reject(new OrreryError('ABORTED', `${what}: aborted.`, {}, signal.reason));
    const ending = new AbortController();
    return new Promise<T>((resolve, reject) => {
      const end = (error: OrreryError) => (): void => {
        leave();
        reject(error);
        ending.abort(error);
      };
      const onAbort = (): void => end(new OrreryError('ABORTED', `${what}: aborted.`, {}, signal.reason))();
      const onClose = end(closedError(what));
      const onLost = (): void => end(engineError(what, lost?.reason))();
      const cancel = timeoutMs === undefined ? undefined : this.clock.timer(timeoutMs, end(new OrreryError('TIMEOUT', `${what}: the engine did not answer within ${timeoutMs} ms.`)));
      const leave = (): void => {
        cancel?.();
        signal.removeEventListener('abort', onAbort);
        this.closed.removeEventListener('abort', onClose);
        lost?.removeEventListener('abort', onLost);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.closed.addEventListener('abort', onClose, { once: true });
      lost?.addEventListener('abort', onLost, { once: true });
      send(ending.signal).then(
        (value) => {
          leave();
          resolve(value);
        },
        (error: unknown) => {
          leave();
          reject(engineError(what, error));
        },
      );
    });
  }

  /** The driver is loaded on first use: it is some 200 files. */
  #load(): Promise<{ readonly calls: Docker; readonly streams: Docker }> {
    this.#drivers ??= import('dockerode').then(({ default: Driver }) => {
      // Everything the driver would take from the environment is set here, so that DOCKER_HOST cannot redirect an orchestrator.
      const reach = { socketPath: this.socketPath, host: undefined, port: undefined, protocol: 'http', timeout: undefined } as unknown as Docker.DockerOptions;
      return {
        calls: new Driver({ ...reach, agent: this.#shortAgent } as Docker.DockerOptions),
        streams: new Driver({ ...reach, agent: this.#streamAgent } as Docker.DockerOptions),
      };
    });
    return this.#drivers;
  }
}

function closedError(what: string): OrreryError {
  return new OrreryError('CLOSED', `${what}: the runtime is closed.`);
}
