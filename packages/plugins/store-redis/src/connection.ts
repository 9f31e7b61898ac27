import { type Clock, errorMessage } from '@orrery/core';
import type { Redis } from 'ioredis';
import { classify, clean, ConnectionLost } from './failures.js';
import { scripts, type KeyName, type Script } from './lua/index.js';

/** A reply of a script: a word, and what belongs to it. */
export type Reply = readonly [word: string, ...rest: readonly unknown[]];

/**
 * One connection to one server, from its beginning to its end: it is never made anew under the hand of who uses it, and sends nothing twice,
 * so a command that failed with it was executed at most once, and by that server.
 */
export class Connection {
  /** Resolves with the reason when it has ended, from whichever side. */
  readonly ended: Promise<string>;
  #end: string | undefined;
  #finish: (reason: string) => void = () => {};
  readonly #calls = new Set<(error: Error) => void>();

  /**
   * @param stallMs a server that is silent for longer is given up, milliseconds
   */
  constructor(
    private readonly redis: Redis,
    readonly address: string,
    private readonly prefix: string,
    private readonly instance: string,
    private readonly clock: Clock,
    private readonly stallMs: number,
  ) {
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    redis.on('error', (error: unknown) => this.drop(clean(errorMessage(error))));
    redis.on('end', () => this.drop('the connection was closed'));
    redis.on('close', () => this.drop('the connection was closed'));
  }

  /** Whether it still stands. */
  get open(): boolean {
    return this.#end === undefined;
  }

  /** Ends it; calls under way fail with {@link ConnectionLost}. */
  drop(reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.redis.disconnect();
    for (const fail of this.#calls) fail(new ConnectionLost(reason));
    this.#calls.clear();
    this.#finish(reason);
  }

  /** What the server says of itself. */
  info(): Promise<string> {
    return this.#guard(this.redis.info(), this.stallMs);
  }

  /** For a node of a cluster: the master of the store's hash slot, if the node knows one. An empty host is the node's own. */
  async master(): Promise<{ readonly host: string; readonly port: number } | undefined> {
    const slot = await this.#guard(this.redis.cluster('KEYSLOT', this.#key('meta')), this.stallMs);
    const slots = (await this.#guard(this.redis.cluster('SLOTS'), this.stallMs)) as unknown as readonly (readonly [number, number, readonly [string | null, number]])[];
    const [host, port] = slots.find(([first, last]) => first <= slot && slot <= last)?.[2] ?? [];
    return port === undefined ? undefined : { host: host ?? '', port };
  }

  /** Loads every script. They are kept by the server until it restarts or somebody flushes them. */
  async load(): Promise<void> {
    await this.#guard(Promise.all(Object.values(scripts).map(({ text }) => this.redis.script('LOAD', text))), this.stallMs);
  }

  /** Runs a script; loads all of them again when the server has forgotten it. Rejects with the server's error, or {@link ConnectionLost}. */
  async run(script: Script, args: string | object, values: readonly string[] = []): Promise<Reply> {
    const given = [...script.keys.map((key) => this.#key(key)), typeof args === 'string' ? args : JSON.stringify(args), ...values];
    const send = (): Promise<unknown> => this.#guard(this.redis.evalsha(script.sha, script.keys.length, ...given), this.stallMs);
    try {
      return (await send()) as Reply;
    } catch (error) {
      if (!errorMessage(error).startsWith('NOSCRIPT')) throw error;
      await this.load();
      return (await send()) as Reply;
    }
  }

  /** Waits for log entries after a revision, at most `blockMs`; undefined when none came. */
  async follow(after: number, count: number, blockMs: number): Promise<readonly (readonly [id: string, fields: readonly string[]])[] | undefined> {
    const reply = await this.#guard(this.redis.xread('COUNT', count, 'BLOCK', blockMs, 'STREAMS', this.#key('log'), `${after}-0`), blockMs + this.stallMs);
    return reply?.[0]?.[1] as readonly (readonly [string, readonly string[]])[] | undefined;
  }

  /** What a failed call means; the connection is given up when another server must be asked or the answer was lost. */
  judge(error: unknown): ReturnType<typeof classify> {
    const failure = classify(error);
    if (failure.kind === 'elsewhere' || failure.kind === 'unknown') this.drop(failure.reason);
    return failure;
  }

  #key(name: KeyName): string {
    return name === 'session' ? `{${this.prefix}}:session:${this.instance}` : `{${this.prefix}}:${name}`;
  }

  /** The call's outcome, or {@link ConnectionLost} when the connection ends or the server is silent for too long: then the connection is dropped. */
  #guard<T>(call: Promise<T>, limitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        call.catch(() => undefined);
        reject(new ConnectionLost(this.#end));
        return;
      }
      const settle = (): void => {
        cancel();
        this.#calls.delete(fail);
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const cancel = this.clock.timer(limitMs, () => this.drop(`the server did not answer for ${limitMs} ms`));
      this.#calls.add(fail);
      call.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => fail(error instanceof Error && error.message === 'Connection is closed.' ? new ConnectionLost(error.message) : (error as Error)),
      );
    });
  }
}
