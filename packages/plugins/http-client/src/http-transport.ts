import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { ApiError, type ApiRequest, type Clock, errorMessage, type KubeList, type KubeObject, longLived, OrreryError, type RemoteApi, type UserInfo, type WatchEvent, type WatchRequest } from '@orrery/core';
import type { Connection } from './credentials/connection.js';
import { type ClientLimits, DEFAULT_CLIENT_LIMITS } from './limits.js';
import { jsonOf, objectOf, textOf } from './wire/answer.js';
import { planRequest, planWatch, type WireRequest } from './wire/plan-request.js';
import { refusalOf } from './wire/refusal.js';
import { impersonating } from './wire/impersonating.js';
import { warningsOf } from './wire/warnings.js';
import { WatchLines } from './wire/watch-lines.js';
import { Unanswered, Wire } from './wire/wire.js';

/** What a transport over HTTP is made from. */
export interface HttpTransportOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Ask for what is asked by the user of each request, whom the owner of the credentials must be allowed to impersonate. Default: requests are the credentials' owner's. */
  readonly impersonate?: boolean;
  readonly limits?: Partial<ClientLimits>;
  /** See `RemoteApi.silenceMs`; default 120,000. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 120_000;
/** How often a request is sent again because the server asks for it. */
const TURNS = 5;
/** How long a server is to let a watch go on, seconds; then the watch goes on with a new request. */
const WATCH_SECONDS = 540;
/** A watch that a server ends sooner is not simply asked for again. */
const SHORT_WATCH_MS = 1_000;

/**
 * The Kubernetes API over HTTPS. Objects are passed as they come, with fields that no schema here knows.
 * A read that cannot be made throws `UNAVAILABLE` or `TIMEOUT`; a write of which it is not known whether it was made throws `ApiError` Timeout, whose cause is `OUTCOME_UNKNOWN`.
 * Requests that change nothing when they are repeated are sent again when the server is too busy (429), after the time it names.
 * A fence of a request is not sent: no API server over the wire knows one.
 */
export class HttpTransport implements RemoteApi, AsyncDisposable {
  readonly silenceMs: number;
  readonly #limits: ClientLimits;
  readonly #wire: Wire;
  readonly #closed = longLived(new AbortController());

  /** Throws `INVALID` for a connection that cannot be used. */
  constructor(private readonly options: HttpTransportOptions) {
    this.silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#limits = { ...DEFAULT_CLIENT_LIMITS, ...options.limits };
    this.#wire = new Wire(options.connection, this.#limits.connections);
  }

  async request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> {
    const asked = planRequest(request);
    const { response, text } = await this.#ask(asked, request.user, signal);
    for (const warning of warningsOf(response.headers.warning)) request.warn?.(warning);
    return objectOf(request, jsonOf(text));
  }

  /** Asks for a path outside of the objects, such as `/version`; the answer as JSON. Throws as `request` does. */
  async read(path: `/${string}`, signal?: AbortSignal): Promise<unknown> {
    const { text } = await this.#ask({ method: 'GET', path, isRead: true, isIdempotent: true }, undefined, signal);
    return jsonOf(text);
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[], void, undefined> {
    const { clock } = this.options;
    // From where the watch can go on when the server ends it: only with a version that everything before it is known of.
    let { resourceVersion: since } = request;
    let isCaughtUp = since !== undefined && since !== '' && since !== '0';
    while (!signal.aborted) {
      const began = clock.monotonic();
      for await (const events of this.#watchOnce({ ...request, ...(since !== undefined && { resourceVersion: since }) }, signal)) {
        for (const { type, object } of events) {
          isCaughtUp ||= type === 'BOOKMARK';
          if (isCaughtUp) since = object.metadata.resourceVersion ?? since;
        }
        yield events;
      }
      if (signal.aborted) return;
      if (!isCaughtUp || clock.monotonic() - began < SHORT_WATCH_MS) throw new OrreryError('UNAVAILABLE', 'The server ended the watch.');
    }
  }

  /** Ends all requests and watches with `CLOSED`. Safe to call twice. */
  close(): void {
    this.#closed.abort(new OrreryError('CLOSED', 'The connection to the API was closed.'));
    this.#wire.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** One watch until its stream ends. */
  async *#watchOnce(request: WatchRequest, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[], void, undefined> {
    const { answerMs, eventBytes } = this.#limits;
    const stop = new AbortController();
    const unlink = linked(stop, signal, this.#closed.signal);
    const lines = new WatchLines(eventBytes);
    const cancel = this.options.clock.timer(answerMs, () => stop.abort(late(answerMs)));
    try {
      const response = await this.#begin(planWatch(request, WATCH_SECONDS), request.user, stop.signal, 'watches');
      cancel();
      for await (const chunk of response) {
        const events = lines.push(chunk as Buffer);
        if (events.length > 0) yield events;
      }
      if (lines.isWithinLine) throw new OrreryError('UNAVAILABLE', 'The watch broke off within an event.');
    } catch (error) {
      if (signal.aborted) return;
      if (stop.signal.aborted) throw stop.signal.reason;
      throw ApiError.is(error) || OrreryError.is(error) ? error : new OrreryError('UNAVAILABLE', `The watch broke off: ${errorMessage(error)}.`, {}, error);
    } finally {
      cancel();
      unlink();
      stop.abort(new OrreryError('ABORTED', 'The watch is over.'));
    }
  }

  /** A request with its whole answer. */
  async #ask(asked: WireRequest, user: UserInfo | undefined, signal: AbortSignal | undefined): Promise<{ readonly response: IncomingMessage; readonly text: string }> {
    const { answerMs, answerBytes } = this.#limits;
    const stop = new AbortController();
    const unlink = linked(stop, signal, this.#closed.signal);
    const cancel = this.options.clock.timer(answerMs, () => stop.abort(late(answerMs)));
    let isAnswered = false;
    try {
      const response = await this.#begin(asked, user, stop.signal, 'requests');
      isAnswered = true;
      return { response, text: await textOf(response, answerBytes) };
    } catch (error) {
      throw failureOf(error, asked, stop.signal, isAnswered);
    } finally {
      cancel();
      unlink();
    }
  }

  /** An answer that has begun well. Throws the refusal that it is otherwise, or why there is none. */
  async #begin(asked: WireRequest, user: UserInfo | undefined, signal: AbortSignal, purpose: 'requests' | 'watches'): Promise<IncomingMessage> {
    const { clock, connection } = this.options;
    let mayRepeat = true;
    for (let turn = 1; ; turn += 1) {
      const headers = await this.#headers(user, purpose);
      let response: IncomingMessage;
      try {
        response = await this.#wire.send(asked, headers, signal, purpose);
      } catch (error) {
        // The server closed a connection that had been idle, just when it was used again.
        if (mayRepeat && error instanceof Unanswered && error.reused && asked.isRead && !signal.aborted) {
          mayRepeat = false;
          continue;
        }
        throw error;
      }
      if (response.statusCode === 200 || response.statusCode === 201 || response.statusCode === 202) return response;
      const refusal = await this.#refusal(response);
      if (refusal.reason === 'Unauthorized' && connection.token?.refused() === true && mayRepeat) mayRepeat = false;
      else if (refusal.reason === 'TooManyRequests' && asked.isIdempotent && turn <= TURNS) await clock.sleep(this.#pauseMs(refusal), signal);
      else throw refusal;
    }
  }

  #pauseMs({ details }: ApiError): number {
    return Math.min((details.retryAfterSeconds ?? 1) * 1000, this.#limits.retryAfterMs);
  }

  async #refusal(response: IncomingMessage): Promise<ApiError> {
    const { statusCode = 500, headers } = response;
    const text = await textOf(response, this.#limits.answerBytes);
    let body: unknown;
    try {
      body = jsonOf(text);
    } catch {
      // What a proxy in between says is told as it is.
      body = undefined;
    }
    return refusalOf(statusCode, body, text, headers['retry-after']);
  }

  async #headers(user: UserInfo | undefined, purpose: 'requests' | 'watches'): Promise<OutgoingHttpHeaders> {
    const { connection, impersonate } = this.options;
    const token = await connection.token?.read();
    const as = impersonate === true ? user : connection.impersonate;
    return {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(as !== undefined && impersonating(as)),
      // Events of a watch would be held back by compression.
      ...(purpose === 'requests' && { 'accept-encoding': 'gzip' }),
    };
  }
}

/** Aborts when one of the signals does; returns the undoing. */
function linked(stop: AbortController, ...signals: readonly (AbortSignal | undefined)[]): () => void {
  const undo = signals.map((signal) => {
    const abort = (): void => stop.abort(signal?.reason);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    return () => signal?.removeEventListener('abort', abort);
  });
  return () => undo.forEach((one) => one());
}

const late = (ms: number): OrreryError => new OrreryError('TIMEOUT', `The API server did not answer within ${ms} ms.`);

/** What a request failed with, in the words of the contract. Of a write that may have been made nobody knows the outcome. */
function failureOf(error: unknown, { isRead, method, path }: WireRequest, stopped: AbortSignal, isAnswered: boolean): unknown {
  if (ApiError.is(error)) return error;
  const unsent = !isAnswered && !(error instanceof Unanswered && !error.unsent);
  const reason: unknown = stopped.aborted ? stopped.reason : error;
  if (stopped.aborted && !OrreryError.is(reason, 'TIMEOUT')) return OrreryError.is(reason) ? reason : new OrreryError('ABORTED', 'The request was aborted.', {}, reason);
  if (isRead || unsent) return OrreryError.is(reason) ? reason : new OrreryError('UNAVAILABLE', `The API server cannot be reached: ${errorMessage(reason)}.`, {}, reason);
  const cause = new OrreryError('OUTCOME_UNKNOWN', `${method} ${path.split('?', 1)[0]} was sent, and not answered: ${errorMessage(reason)}.`, {}, reason);
  return new ApiError('Timeout', cause.message, {}, cause);
}
