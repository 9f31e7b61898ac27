import { type Clock, errorMessage, longLived, OrreryError, type Random } from '@orrery/core';
import type { Connection } from './connection.js';

/** What a {@link Link} is made of. */
export interface LinkOptions<Session> {
  readonly clock: Clock;
  readonly random: Random;
  connect(signal: AbortSignal): Promise<Connection>;
  /** First words on a new connection; when it rejects the connection is given up. */
  greet(connection: Connection): Promise<Session>;
  /** Told when a connection is ready for use. */
  ready?(session: Session): void;
  /** Told why there is no connection: once when one ended, and once a reason while none can be made. */
  trouble(reason: string): void;
}

/** Waits between attempts, milliseconds: doubling, half of it by chance. */
const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 1_000;

/** Keeps a connection: makes another one whenever it has ended. */
export class Link<Session> {
  #session: Session | undefined;
  #connection: Connection | undefined;
  #reason = 'not connected yet';
  #closed = false;
  readonly #stop = longLived(new AbortController());
  readonly #waiting = new Set<() => void>();
  #loop: Promise<void> | undefined;

  constructor(private readonly options: LinkOptions<Session>) {}

  /** The session of the connection that stands now. */
  get session(): Session | undefined {
    return this.#connection?.open === true ? this.#session : undefined;
  }

  /** Why there is none, in words. */
  get reason(): string {
    return this.#reason;
  }

  /** Begins to connect. Safe to call again. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Remembers why something failed, for the message of who gives up waiting. */
  note(reason: string): void {
    this.#reason = reason;
  }

  /** Ends the connection; another one is made. */
  drop(reason: string): void {
    this.#connection?.drop(reason);
  }

  /** Waits for a session, until the clock's `deadline`. Throws `UNAVAILABLE` with the reason why there is none. */
  async wait(deadline: number): Promise<Session> {
    this.start();
    while (!this.#closed) {
      if (this.session !== undefined) return this.session;
      const left = deadline - this.options.clock.monotonic();
      if (left <= 0) break;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          cancel();
          this.#waiting.delete(wake);
          resolve();
        };
        const cancel = this.options.clock.timer(left, wake);
        this.#waiting.add(wake);
      });
    }
    throw new OrreryError('UNAVAILABLE', `Redis is not available: ${this.#reason}.`);
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    this.#connection?.drop('the store was closed');
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.options;
    let wait = FIRST_WAIT_MS;
    while (!this.#closed) {
      const reason = await this.#once(() => (wait = FIRST_WAIT_MS));
      if (this.#closed) return;
      if (reason !== this.#reason) this.options.trouble(reason);
      this.#reason = reason;
      await clock.sleep(wait / 2 + random.float() * (wait / 2), this.#stop.signal).catch((error: unknown) => {
        if (!this.#closed) throw error;
      });
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }

  /** One connection from its beginning to its end; resolves with why it ended or could not be made. */
  async #once(connected: () => void): Promise<string> {
    try {
      const connection = await this.options.connect(this.#stop.signal);
      this.#connection = connection;
      if (this.#closed) connection.drop('the store was closed');
      try {
        this.#session = await this.options.greet(connection);
        connected();
        if (connection.open) {
          this.options.ready?.(this.#session);
          this.#wake();
        }
        return await connection.ended;
      } finally {
        connection.drop('given up');
        this.#session = undefined;
      }
    } catch (error) {
      return OrreryError.is(error) ? error.message.replace(/\.? \[[A-Z_]+\].*$/s, '') : errorMessage(error);
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
