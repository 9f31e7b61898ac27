import { type Clock, longLived, unlessAborted } from '@orrery/core';
import { type FetchOptions, fetchText } from './fetch-text.js';
import { parseMetrics, type Series } from './text-format.js';

/** A page as it was read. */
export interface Page {
  readonly series: readonly Series[];
  /** What it takes of memory, about. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Monotonic. */
  readonly monotonic: number;
  /** A page read before this one, without its own predecessor: what counters grew from. */
  readonly before?: Omit<Page, 'before'>;
}

/** A page that is being read, for all who wait for it: given up when nobody does any more. */
interface Reading {
  readonly page: Promise<Page>;
  readonly abort: AbortController;
  askers: number;
}

interface Entry {
  page?: Page;
  reading?: Reading;
}

/** What pages are read with; see {@link FetchOptions}. */
export interface PagesOptions extends Omit<FetchOptions, 'clock' | 'signal' | 'headers'> {
  readonly freshMs: number;
  /** What remembered pages may take of memory together; default 128 MiB. */
  readonly rememberedBytes?: number;
}

/** Pages remembered; the one unread for longest is forgotten first. */
const REMEMBERED = 4096;
/** How long pages are is for pods to say, and there may be many. What is forgotten is read again; its counters begin anew. */
const REMEMBERED_BYTES = 128 * 2 ** 20;
/** Of one series, besides its text: names and labels are parts of the page's text, which stays as a whole. */
const SERIES_BYTES = 250;
/** Pages read at the same time. */
const AT_ONCE = 32;
/** The growth of counters over less than this is noise: askers at different times must not shorten each other's windows. */
const MIN_WINDOW_MS = 5_000;

/** Reads pages, each at most once in a while however many ask, and remembers one before for the growth of its counters. */
export class Pages {
  /** By address and headers, ordered by last use. */
  readonly #entries = new Map<string, Entry>();
  /** Of all that is remembered. */
  #bytes = 0;
  #reading = 0;
  readonly #turns: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly options: PagesOptions,
  ) {}

  /** What is remembered takes of memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The page, as it was at most `freshMs` ago. Throws when it cannot be read. */
  async read(url: URL, headers: Readonly<Record<string, string>> | undefined, signal: AbortSignal): Promise<Page> {
    // Who asks with other credentials may be told something else.
    const key = JSON.stringify([url.href, headers ?? {}]);
    const entry = this.#entries.get(key) ?? {};
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const { page } = entry;
    if (page !== undefined && this.clock.monotonic() - page.monotonic < this.options.freshMs) return page;
    this.#trim(key);
    const reading = (entry.reading ??= this.#begin(key, entry, url, headers));
    reading.askers += 1;
    try {
      return await unlessAborted(reading.page, signal);
    } finally {
      reading.askers -= 1;
      if (reading.askers === 0) {
        if (entry.reading === reading) delete entry.reading;
        reading.abort.abort();
      }
    }
  }

  #begin(key: string, entry: Entry, url: URL, headers: Readonly<Record<string, string>> | undefined): Reading {
    const abort = longLived(new AbortController());
    const page = this.#read(url, headers, entry.page, abort.signal).then((next) => {
      this.#remember(key, entry, next);
      return next;
    });
    return { page, abort, askers: 0 };
  }

  async #read(url: URL, headers: Readonly<Record<string, string>> | undefined, last: Page | undefined, signal: AbortSignal): Promise<Page> {
    await this.#turn();
    try {
      const { timeoutMs, maxBytes } = this.options;
      const text = await fetchText(url, { clock: this.clock, timeoutMs, maxBytes, signal, ...(headers && { headers }) });
      const monotonic = this.clock.monotonic();
      const before = last && predecessor(last, monotonic);
      const series = parsed(text, url);
      return { series, bytes: text.length + series.length * SERIES_BYTES, at: this.clock.now(), monotonic, ...(before && { before }) };
    } finally {
      this.#reading -= 1;
      this.#turns.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#reading >= AT_ONCE) await new Promise<void>((resolve) => this.#turns.push(resolve));
    this.#reading += 1;
  }

  #remember(key: string, entry: Entry, next: Page): void {
    // Forgotten while it was read: whoever asked gets it, and that is all.
    if (this.#entries.get(key) !== entry) return;
    this.#bytes += bytesOf(next) - bytesOf(entry.page);
    entry.page = next;
    this.#trim(key);
  }

  /** Forgets what was unread for longest, but for one. */
  #trim(but: string): void {
    const { rememberedBytes = REMEMBERED_BYTES } = this.options;
    for (const [oldest, { page }] of this.#entries) {
      if (this.#entries.size <= REMEMBERED && this.#bytes <= rememberedBytes) return;
      if (oldest === but) continue;
      this.#entries.delete(oldest);
      this.#bytes -= bytesOf(page);
    }
  }
}

const bytesOf = (page: Page | undefined): number => (page === undefined ? 0 : page.bytes + (page.before?.bytes ?? 0));

/** What the counters of a page read now are compared with: the last page, or the one before that when the last is too new to mean something. */
function predecessor(last: Page, now: number): Omit<Page, 'before'> {
  if (now - last.monotonic < MIN_WINDOW_MS && last.before !== undefined) return last.before;
  const { before: _, ...page } = last;
  return page;
}

function parsed(text: string, url: URL): readonly Series[] {
  try {
    return parseMetrics(text);
  } catch (error) {
    throw error instanceof RangeError ? new RangeError(`${url.host}${url.pathname}: ${error.message}`, { cause: error }) : error;
  }
}
