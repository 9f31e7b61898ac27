import { type Clock, errorMessage, expired, type WatchWindow } from '@orrery/core';
import { decodeLogEntry, eventsOf, type LogEntry } from './codec.js';
import type { Greeting, History } from './history.js';
import type { Link } from './link.js';
import { scripts } from './lua/index.js';

/** The server answers at least so often, milliseconds: then silence means that nothing happened. */
const BLOCK_MS = 1_000;
/** Entries asked for at once, and the bytes that are aimed at. */
const MOST_ENTRIES = 256;
const FIRST_ENTRIES = 64;
const AIM_BYTES = 4 * 1_048_576;

/** Follows the log on a connection of its own, and fills the window of the watchers. Every batch is checked: after trimming Redis skips silently. */
export class Feed {
  #heard = Number.NEGATIVE_INFINITY;
  #entries = FIRST_ENTRIES;
  #began = false;

  constructor(
    private readonly link: Link<Greeting>,
    private readonly history: History,
    private readonly window: WatchWindow,
    private readonly clock: Clock,
  ) {}

  /** Whether the server was heard of lately: then the window has everything that is older. */
  get live(): boolean {
    return this.link.session !== undefined && this.clock.monotonic() - this.#heard < 3 * BLOCK_MS;
  }

  /** Follows the log as long as the connection stands. Started for each new one. */
  async follow({ connection, era, revision: start }: Greeting): Promise<void> {
    // Nobody watched before the first connection was there.
    if (!this.#began) this.window.reset(start, expired(0, start));
    this.#began = true;
    let missing = false;
    // What is there already comes at once, or it is known that nothing is.
    let blockMs = 1;
    try {
      while (connection.open) {
        const entries = await connection.follow(this.window.last, this.#entries, blockMs);
        blockMs = BLOCK_MS;
        if (!connection.open || era !== this.history.era) return connection.drop('the server started anew, or is another one');
        if (entries !== undefined) {
          missing = false;
          if (!this.#take(entries.map(([id, fields]) => decodeLogEntry(Number.parseInt(id, 10), fields)))) return connection.drop('the log tells of an era that is not known');
          this.#measure(entries);
        } else {
          const asked = this.history.seen;
          const [word, revision] = (await connection.run(scripts.state, { era })) as unknown as readonly [string, number];
          if (word !== 'ok' || revision < asked) return connection.drop('the history went another way');
          // Twice in a row, else it was written between the two questions.
          if (revision > this.window.last && missing) this.window.reset(revision, expired(this.window.last + 1, revision));
          missing = revision > this.window.last;
        }
        this.#heard = this.clock.monotonic();
      }
    } catch (error) {
      connection.judge(error);
      connection.drop(errorMessage(error));
    }
  }

  /** Hands entries to the watchers; false when they are of an era that must be looked into first. */
  #take(entries: readonly LogEntry[]): boolean {
    for (const entry of entries) {
      if (!this.history.knows(entry.era)) return false;
      if (entry.revision !== this.window.last + 1) this.window.reset(entry.revision - 1, expired(this.window.last + 1, entry.revision - 1));
      this.window.push(entry.revision, eventsOf(entry));
      this.history.saw(entry.revision);
    }
    return true;
  }

  /** So many next time that they come to about the bytes that are aimed at. */
  #measure(entries: readonly (readonly [string, readonly string[]])[]): void {
    let bytes = 1;
    for (const [, fields] of entries) for (const field of fields) bytes += field.length;
    const fitting = Math.floor((AIM_BYTES * entries.length) / bytes);
    this.#entries = Math.max(1, Math.min(fitting, this.#entries * 2, MOST_ENTRIES));
  }
}
