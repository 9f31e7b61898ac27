import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import { ApiError, type Clock, type ResourceRef, type Status, type UserInfo, yieldToPlatform } from '@orrery/core';
import { acceptsGzip, type Encoding } from './accept.js';
import { type Query } from './query.js';

/** Answers beyond this many bytes are compressed for clients that accept it (as kube-apiserver does). */
const GZIP_BYTES = 128 * 1024;
/** Annotations of one request that are kept. */
const MOST_ANNOTATIONS = 1_000;
/** Of the warnings of one answer together, and of one of them (as kube-apiserver's). */
const WARNINGS_LENGTH = 4096;
const WARNING_LENGTH = 256;
/** Items of a list that is written as YAML at most: writing it takes the process for itself. */
const YAML_ITEMS = 1_000;

/** How long a list is written before others have their turn, milliseconds. */
const SLICE_MS = 20;

const compress = promisify(gzip);

/** One request with its answer. */
export class Exchange {
  readonly #warnings: string[] = [];
  /** What admission has to say for the audit log. */
  readonly annotations = new Map<string, string>();
  readonly #gone = new AbortController();
  /** Who asks; set when that is known. */
  user: UserInfo | undefined;
  /** Who really asks, when that is in the name of `user`. */
  impersonator: UserInfo | undefined;
  /** What was sent and what is answered, once that is known, for who writes requests down. */
  sent: unknown;
  answered: unknown;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Told when it is over; set when it is known what it is about. */
  counted: ((code: number, seconds: number) => void) | undefined;
  /** What it asks of which objects, once that is known, for who follows it. */
  about: { readonly verb: string; readonly ref: ResourceRef } | undefined;
  /** Objects of the list that is answered. */
  length: number | undefined;

  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    readonly query: Query,
    readonly clock: Clock,
    readonly id: string,
    readonly stallMs: number,
  ) {
    this.receivedAt = clock.now();
    // In a server of the host somebody may have answered before, or the client have gone: of that nothing is told again.
    if (response.headersSent || response.writableEnded || response.destroyed) {
      this.#gone.abort();
      return;
    }
    response.setHeader('Audit-Id', id);
    response.setHeader('Cache-Control', 'no-cache, private');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    // A connection that breaks while it is written to is news for nobody: `close` follows.
    response.on('error', () => this.#gone.abort());
    response.on('close', () => this.#gone.abort());
  }

  /** Aborts when the client is gone, or the answer complete. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Adds an annotation for the audit log. The first ones count. */
  annotate(key: string, value: string): void {
    if (this.annotations.size < MOST_ANNOTATIONS && !this.annotations.has(key)) this.annotations.set(key, value);
  }

  /** Adds a warning for the client. The first ones count. */
  warn(message: string): void {
    if (this.#warnings.length < 100 && !this.#warnings.includes(message)) this.#warnings.push(message);
  }

  /** Answers a Status. `closes`: the connection cannot be used any more. */
  async refuse(status: Status, closes: boolean): Promise<void> {
    if (this.response.headersSent || this.response.destroyed) {
      this.response.destroy();
      return;
    }
    this.answered = status;
    const retryAfter = status.details?.retryAfterSeconds;
    if (retryAfter !== undefined) this.response.setHeader('Retry-After', String(retryAfter));
    // Else what is left of a long body would be read, to the end.
    if (closes || !this.request.complete) this.response.setHeader('Connection', 'close');
    await this.text(status.code, 'application/json', JSON.stringify(status));
  }

  /** Answers one value. */
  async value(code: number, value: object, encoding: Encoding = 'json'): Promise<void> {
    this.answered = value;
    if (encoding === 'json') return this.text(code, 'application/json', JSON.stringify(value));
    const { stringify } = await import('yaml');
    return this.text(code, 'application/yaml', stringify(value, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 }));
  }

  /** Answers what has a long list of `items` or `rows`, in pieces: it is never as a whole in memory as text. */
  async list(rest: object, key: 'items' | 'rows', list: readonly object[], encoding: Encoding): Promise<void> {
    this.length = list.length;
    if (encoding === 'json') return this.#pieces(jsonOfList(rest, key, list));
    if (list.length > YAML_ITEMS) throw new ApiError('NotAcceptable', `lists of more than ${YAML_ITEMS} objects are written as JSON only; ask for pages with limit`);
    return this.value(200, { ...rest, [key]: list }, encoding);
  }

  /** Answers JSON whose pieces are made when the client takes them. */
  async #pieces(pieces: Iterable<string>): Promise<void> {
    const type = 'application/json';
    let first = '';
    const iterator = pieces[Symbol.iterator]();
    for (let next = iterator.next(); ; next = iterator.next()) {
      if (next.done === true) return this.text(200, type, first);
      first += next.value;
      if (first.length > GZIP_BYTES) break;
    }
    this.#head(200, type);
    const zip = acceptsGzip(this.request.headers['accept-encoding'] as string | undefined) ? createGzip({ level: 1 }) : undefined;
    if (zip !== undefined) {
      this.response.setHeader('Content-Encoding', 'gzip');
      zip.on('error', () => this.response.destroy()).pipe(this.response);
      this.gone.addEventListener('abort', () => zip.destroy(), { once: true });
    }
    const out = zip ?? this.response;
    let turn = this.clock.monotonic();
    for (let piece: string | undefined = first; piece !== undefined; piece = pieceOf(iterator.next())) {
      if (this.gone.aborted) return;
      if (!out.write(piece)) await this.drained(out);
      // What the system takes at once is drained without anybody else having had a turn.
      if (this.clock.monotonic() - turn < SLICE_MS) continue;
      await yieldToPlatform();
      turn = this.clock.monotonic();
    }
    if (this.gone.aborted) return;
    const finished = this.#finished();
    out.end();
    await finished;
  }

  /** Answers text. */
  async text(code: number, type: string, text: string | Buffer): Promise<void> {
    if (this.response.destroyed) return;
    this.#head(code, type);
    let body = typeof text === 'string' ? Buffer.from(text) : text;
    if (body.length > GZIP_BYTES && acceptsGzip(this.request.headers['accept-encoding'] as string | undefined)) {
      body = await compress(body, { level: 1 });
      this.response.setHeader('Content-Encoding', 'gzip');
    }
    this.response.setHeader('Content-Length', body.length);
    this.response.end(body);
    if (!this.response.writableFinished) await this.#finished();
  }

  /** Begins an answer that goes on. */
  open(type: string): void {
    this.#head(200, type);
    this.response.flushHeaders();
  }

  /** Resolves when more can be written, or the client is gone; one that takes nothing for too long is cut off. */
  drained(out: NodeJS.WritableStream = this.response): Promise<void> {
    return this.#until(out, 'drain');
  }

  /** Ends an answer that went on, and resolves when the client has it. */
  async end(): Promise<void> {
    if (this.response.destroyed) return;
    this.response.end();
    await this.#finished();
  }

  #finished(): Promise<void> {
    return this.#until(this.response, 'finish');
  }

  #until(out: NodeJS.WritableStream, event: 'drain' | 'finish'): Promise<void> {
    if (this.gone.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.clock.timer(this.stallMs, () => this.response.destroy());
      const done = (): void => {
        cancel();
        out.off(event, done);
        this.gone.removeEventListener('abort', done);
        resolve();
      };
      out.on(event, done);
      this.gone.addEventListener('abort', done);
    });
  }

  #head(code: number, type: string): void {
    const { response } = this;
    response.statusCode = code;
    response.setHeader('Content-Type', type);
    if (!response.hasHeader('Vary')) response.setHeader('Vary', 'Accept, Accept-Encoding');
    const warnings = warningHeaders(this.#warnings);
    if (warnings.length > 0) response.setHeader('Warning', warnings);
  }
}

const pieceOf = (next: IteratorResult<string, unknown>): string | undefined => (next.done === true ? undefined : next.value);

/** Warnings as headers (RFC 7234, 5.5), bounded; characters that a header cannot hold are left out. */
export function warningHeaders(messages: readonly string[]): string[] {
  const headers: string[] = [];
  let left = WARNINGS_LENGTH;
  for (const message of messages) {
    const text = message.replace(/[^\x20-\x7e]/g, '').slice(0, WARNING_LENGTH);
    left -= text.length;
    if (left < 0) break;
    headers.push(`299 - "${text.replace(/["\\]/g, '\\$&')}"`);
  }
  return headers;
}

/** Characters in one piece, about. */
const PIECE = 64 * 1024;

/** `rest` must not be empty. */
function* jsonOfList(rest: object, key: string, list: readonly object[]): Generator<string, void, undefined> {
  let text = `${JSON.stringify(rest).slice(0, -1)},"${key}":[`;
  let separator = '';
  for (const item of list) {
    text += separator + JSON.stringify(item);
    separator = ',';
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield `${text}]}`;
}
