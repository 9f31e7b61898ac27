import type { Client, ClientDuplexStream, Metadata, ServiceError } from '@grpc/grpc-js';
import { type Clock, OrreryError, storeClosed } from '@orrery/core';
import { type Driver, loadDriver } from './driver.js';
import { EtcdFailure, STATUS } from './failure.js';
import { makeClient, parseEndpoint, type Endpoint } from './members.js';
import { startUnary } from './unary.js';
import type { StreamCalls, UnaryCalls } from './messages.js';
import type { EtcdStoreOptions } from './options.js';

/** What happens on a stream. Nothing comes after `ended`, which comes once. */
export interface StreamHandler<Response> {
  data(response: Response): void;
  /** The stream is over, with the failure that ended it. */
  ended(failure: EtcdFailure | OrreryError): void;
}

/** A stream that is open. */
export interface OpenStream {
  /** Which member it goes to. */
  readonly member: number;
  /** Ends it; the handler hears nothing more. */
  cancel(): void;
}

/**
 * Calls to the members of one cluster, to one at a time: when it fails, the next one is asked from then on. One try a call; who calls knows whether a second
 * one is safe. Signs in when there is a user, and again when the token is no longer good.
 */
export class EtcdConnection {
  readonly #options: EtcdStoreOptions;
  readonly #clock: Clock;
  readonly #endpoints: readonly Endpoint[];
  readonly #timeoutMs: number;
  readonly #clients: (Client | undefined)[] = [];
  readonly #underWay = new Set<() => void>();
  readonly #moved = new Set<(member: number) => void>();
  #driver: Driver | undefined;
  #current = 0;
  #token: Promise<string> | undefined;
  #closed = false;

  constructor(options: EtcdStoreOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#endpoints = options.endpoints.map((text) => parseEndpoint(text, options.tls !== undefined));
    if (this.#endpoints.length === 0) throw new OrreryError('INVALID', 'At least one endpoint of etcd is needed.');
    this.#timeoutMs = options.requestTimeoutMs ?? 2_000;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Tells which member has just been given up. Returns the removal. */
  onMoved(listener: (member: number) => void): () => void {
    this.#moved.add(listener);
    return () => this.#moved.delete(listener);
  }

  /** One call to the current member. Throws {@link EtcdFailure}, `CLOSED`, or `ABORTED`. */
  async call<P extends keyof UnaryCalls>(path: P, request: UnaryCalls[P][0], signal?: AbortSignal): Promise<UnaryCalls[P][1]> {
    const driver = this.#driver ?? (await this.#load());
    const signedIn = this.#signIn();
    const token = await signedIn;
    if (this.#closed) throw storeClosed('etcd');
    try {
      return await this.#try(driver, path, request, token, signal);
    } catch (error) {
      if (!(error instanceof EtcdFailure) || !error.staleToken || token === undefined) throw error;
      // Refused, so it did nothing. Others may have signed in again since.
      if (this.#token === signedIn) this.forgetToken();
      return this.#try(driver, path, request, await this.#signIn(), signal);
    }
  }

  /** Opens a stream to the current member and sends one request on it. */
  async stream<P extends keyof StreamCalls>(path: P, request: StreamCalls[P][0], handler: StreamHandler<StreamCalls[P][1]>): Promise<OpenStream> {
    const driver = this.#driver ?? (await this.#load());
    const token = await this.#signIn();
    if (this.#closed) throw storeClosed('etcd');
    const member = this.#current;
    const { path: wirePath, requestSerialize, responseDeserialize } = driver.method(path);
    const metadata = this.#metadata(driver, token);
    // A member that has lost its leader ends the stream instead of falling silent.
    metadata.set('hasleader', 'true');
    const call = this.#client(driver, member).makeBidiStreamRequest(wirePath, requestSerialize, responseDeserialize, metadata, {}) as ClientDuplexStream<object, object>;
    let over = false;
    const end = (failure?: EtcdFailure | OrreryError): void => {
      if (over) return;
      over = true;
      this.#underWay.delete(closing);
      call.cancel();
      if (failure !== undefined) handler.ended(failure);
    };
    const closing = (): void => end(storeClosed('etcd'));
    this.#underWay.add(closing);
    call.on('data', (response: StreamCalls[P][1]) => over || handler.data(response));
    call.on('error', (error: ServiceError) => {
      if (over) return;
      const failure = this.#failure(error, member);
      this.#blame(member, failure);
      end(failure);
    });
    call.on('end', () => end(new EtcdFailure(STATUS.UNAVAILABLE, 'the stream ended', this.#name(member))));
    call.write(request);
    return { member, cancel: () => end() };
  }

  /** The next call signs in again. */
  forgetToken(): void {
    this.#token = undefined;
  }

  /** Ends every call under way with `CLOSED`, and every later one. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#underWay]) end();
    for (const client of this.#clients) client?.close();
  }

  async #load(): Promise<Driver> {
    this.#driver = await loadDriver();
    return this.#driver;
  }

  #signIn(): Promise<string> | undefined {
    const { user, password } = this.#options;
    if (user === undefined || this.#closed) return undefined;
    this.#token ??= this.#authenticate(user, password ?? '');
    return this.#token;
  }

  async #authenticate(name: string, password: string): Promise<string> {
    const attempt = (async () => (await this.#try(await this.#load(), 'Auth/Authenticate', { name, password }, undefined)).token)();
    try {
      return await attempt;
    } catch (error) {
      // Whatever was to follow was not sent: the caller must not take it for a call of unknown effect.
      this.#token = undefined;
      if (error instanceof EtcdFailure && error.effect === 'unknown') throw new EtcdFailure(STATUS.UNAVAILABLE, `No connection established for signing in: ${error.details}`, error.endpoint);
      throw error;
    }
  }

  #try<P extends keyof UnaryCalls>(driver: Driver, path: P, request: UnaryCalls[P][0], token: string | undefined, signal?: AbortSignal): Promise<UnaryCalls[P][1]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new OrreryError('ABORTED', 'The call to etcd was aborted.'));
        return;
      }
      const member = this.#current;
      const settle = (): void => {
        cancelTimer();
        this.#underWay.delete(closing);
        signal?.removeEventListener('abort', abort);
      };
      const fail = (error: Error): void => {
        settle();
        call.cancelWithStatus(STATUS.CANCELLED, 'given up');
        reject(error);
      };
      const closing = (): void => fail(storeClosed('etcd'));
      const abort = (): void => fail(new OrreryError('ABORTED', 'The call to etcd was aborted.'));
      const cancelTimer = this.#clock.timer(this.#timeoutMs, () => {
        const failure = new EtcdFailure(STATUS.DEADLINE_EXCEEDED, `no answer within ${this.#timeoutMs} ms`, this.#name(member));
        this.#blame(member, failure);
        fail(failure);
      });
      this.#underWay.add(closing);
      signal?.addEventListener('abort', abort, { once: true });
      const call = startUnary(driver.method(path), this.#client(driver, member), request, this.#metadata(driver, token), (status, response) => {
        settle();
        if (response !== undefined) {
          resolve(response as UnaryCalls[P][1]);
          return;
        }
        const failure = this.#failure(status, member);
        this.#blame(member, failure);
        reject(failure);
      });
    });
  }

  #metadata({ grpc }: Driver, token: string | undefined): Metadata {
    const metadata = new grpc.Metadata();
    if (token !== undefined) metadata.set('token', token);
    return metadata;
  }

  #client(driver: Driver, member: number): Client {
    return (this.#clients[member] ??= makeClient(driver, this.#endpoints[member] as Endpoint, this.#options.tls));
  }

  #name(member: number): string {
    return (this.#endpoints[member] as Endpoint).target;
  }

  #failure(error: { readonly code: number; readonly details: string }, member: number): EtcdFailure {
    return new EtcdFailure(error.code, error.details, this.#name(member));
  }

  /** The next call goes to the next member if this one cannot be reached or has no leader. */
  #blame(member: number, failure: EtcdFailure): void {
    if (failure.status !== STATUS.UNAVAILABLE && failure.status !== STATUS.DEADLINE_EXCEEDED) return;
    if (member === this.#current) this.#current = (member + 1) % this.#endpoints.length;
    if (!failure.details.startsWith('etcdserver:')) for (const listener of [...this.#moved]) listener(member);
  }
}
