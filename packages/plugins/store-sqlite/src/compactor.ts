import { type ChangeLog, revisionOf } from './change-log.js';
import type { SqliteDatabase, SqliteStatement } from './driver.js';
import type { Submit } from './leases.js';
import { SLOTS } from './schema.js';

/** Rows looked at, and pages given back, in one transaction: a millisecond or two. */
const CHUNK_ROWS = 100;
const CHUNK_PAGES = 100;
/** The file is made shorter when more pages than this, and more than a quarter of it, are unused. */
const SPARE_PAGES = 256;

/** Deletes what was superseded before the compaction, a small piece a transaction, so that commits get in between; the place where it is lies in the file. */
export class Compactor {
  readonly #piece: SqliteStatement;
  readonly #superseded: SqliteStatement;
  readonly #tombstones: SqliteStatement;
  readonly #young: SqliteStatement;
  readonly #pages: SqliteStatement;
  readonly #unused: SqliteStatement;

  constructor(
    private readonly database: SqliteDatabase,
    private readonly log: ChangeLog,
    private readonly submit: Submit,
  ) {
    this.#piece = database.prepare('SELECT max(id) AS last, count(*) AS n FROM (SELECT id FROM changes WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)');
    // What a change up to the compaction put another value in place of, nobody can ask for any more.
    this.#superseded = database.prepare('DELETE FROM changes WHERE id IN (SELECT previous FROM changes WHERE id >= ? AND id <= ? AND previous > 0)');
    // The newest row says at which revision the store is.
    this.#tombstones = database.prepare('DELETE FROM changes WHERE id >= ? AND id <= ? AND value IS NULL AND id < (SELECT max(id) FROM changes)');
    this.#young = database.prepare('SELECT id FROM changes WHERE id >= ? AND at >= ? ORDER BY id LIMIT 1');
    this.#pages = database.prepare('PRAGMA page_count');
    this.#unused = database.prepare('PRAGMA freelist_count');
  }

  /** The revision to compact to so that history keeps at most so many revisions, and none that was written before a time; undefined when nothing is due. */
  due(limits: { readonly revisions: number; readonly after: number | undefined }): number | undefined {
    const last = this.log.last();
    const compacted = this.log.compacted;
    let target = Math.max(compacted, last - limits.revisions);
    if (limits.after !== undefined) {
      const young = this.#young.get((target + 1) * SLOTS, limits.after)?.['id'];
      // What comes after the target stays readable.
      target = Math.max(target, typeof young === 'number' ? revisionOf(young) - 1 : last);
    }
    return target > compacted ? target : undefined;
  }

  /** Deletes everything that is compacted and not yet deleted, then shortens the file if much of it is unused. Ends early when `stopped`. */
  async clean(stopped: () => boolean): Promise<void> {
    while (!stopped() && !(await this.submit(() => this.#cleanChunk())));
    while (!stopped() && !(await this.submit(() => this.#shorten())));
  }

  /** True when nothing is left. */
  #cleanChunk(): boolean {
    const end = (this.log.compacted + 1) * SLOTS;
    const from = this.log.cleaned;
    if (from >= end) return true;
    const { last, n } = this.#piece.get(from, end, CHUNK_ROWS) as { readonly last: number | null; readonly n: number };
    if (last !== null) {
      this.#superseded.run(from, last);
      this.#tombstones.run(from, last);
    }
    const done = last === null || n < CHUNK_ROWS;
    // A delete that is the newest change now is left to the next time.
    this.log.cleaned = done ? Math.min(end, this.log.newest()) : last + 1;
    return done;
  }

  /** True when the file is as short as is worth the work. */
  #shorten(): boolean {
    const unused = Number(this.#unused.get()?.['freelist_count']);
    const pages = Number(this.#pages.get()?.['page_count']);
    if (unused <= SPARE_PAGES || unused * 4 <= pages) return true;
    this.database.exec(`PRAGMA incremental_vacuum(${CHUNK_PAGES})`);
    return false;
  }
}
