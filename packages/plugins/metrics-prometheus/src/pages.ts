import type { Clock } from '@orrery/core';
import { type FetchOptions, fetchText } from './fetch-text.js';
import { parseMetrics, type Series } from './text-format.js';

/** A page as it was read. */
export interface Page {
  readonly series: readonly Series[];
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Monotonic. */
  readonly monotonic: number;
  /** The page read before this one, without its own predecessor: what counters grew from. */
  readonly before?: Omit<Page, 'before'>;
}

interface Entry {
  page?: Page;
  reading?: Promise<Page>;
}

/** Pages remembered; the one unread for longest is forgotten first. */
const REMEMBERED = 4096;
/** Pages read at the same time. */
const AT_ONCE = 32;

/** Reads pages, each at most once in a while however many ask, and remembers the one before for the growth of its counters. */
export class Pages {
  /** By address, ordered by last use. */
  readonly #entries = new Map<string, Entry>();
  #reading = 0;
  readonly #turns: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly options: Omit<FetchOptions, 'clock' | 'signal' | 'headers'> & { readonly freshMs: number },
  ) {}

  /** The page, as it was at most `freshMs` ago. Throws when it cannot be read. */
  async read(url: URL, headers: Readonly<Record<string, string>> | undefined, signal: AbortSignal): Promise<Page> {
    const key = url.href;
    const entry = this.#entries.get(key) ?? {};
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > REMEMBERED) for (const [oldest] of this.#entries) { this.#entries.delete(oldest); break; }
    const { page } = entry;
    if (page !== undefined && this.clock.monotonic() - page.monotonic < this.options.freshMs) return page;
    entry.reading ??= this.#read(url, headers, page, signal).then((next) => (entry.page = next)).finally(() => delete entry.reading);
    return entry.reading;
  }

  async #read(url: URL, headers: Readonly<Record<string, string>> | undefined, last: Page | undefined, signal: AbortSignal): Promise<Page> {
    await this.#turn();
    try {
      const { timeoutMs, maxBytes } = this.options;
      const text = await fetchText(url, { clock: this.clock, timeoutMs, maxBytes, signal, ...(headers && { headers }) });
      const { before: _, ...previous } = last ?? {};
      return { series: parseMetrics(text), at: this.clock.now(), monotonic: this.clock.monotonic(), ...(last !== undefined && { before: previous as Omit<Page, 'before'> }) };
    } finally {
      this.#reading -= 1;
      this.#turns.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#reading >= AT_ONCE) await new Promise<void>((resolve) => this.#turns.push(resolve));
    this.#reading += 1;
  }
}
