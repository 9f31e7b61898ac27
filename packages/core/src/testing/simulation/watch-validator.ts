import type { WatchBatch } from '../../contracts/store.js';
import type { ObservedCommit } from './faulty-store.js';

/**
 * Holds every stream of a store against what was committed: ordered, unique, atomic and without gap. (Resumable and bookmarkable follow:
 * a stream begins at the revision it was asked for, and a bookmark stands for everything before it.)
 */
export class WatchValidator {
  /** Keys by revision; revision r is at r - 1. */
  readonly #commits: (readonly string[])[] = [];

  /** @param violated told of each broken promise */
  constructor(private readonly violated: (what: string) => void) {}

  /** Takes in a commit. */
  committed({ revision, writes }: ObservedCommit): void {
    if (revision !== this.#commits.length + 1) this.violated(`revision ${revision} was committed after revision ${this.#commits.length}`);
    this.#commits[revision - 1] = writes.map(({ key }) => key);
  }

  /** A stream begins; the function takes in its batches. Each must hold exactly the changes since the one before it, in order. */
  watching(prefix: string, since: number): (batch: WatchBatch) => void {
    let seen = since;
    return ({ revision, events }) => {
      const where = `watch of ${prefix} from ${since}`;
      if (events.length === 0 ? revision < seen : revision <= seen) this.violated(`${where}: revision ${revision} came after ${seen}`);
      const found = events.map(({ key, modRevision }) => `${modRevision} ${key}`).join();
      const expected = this.#between(seen, revision, prefix).join();
      if (found !== expected) this.violated(`${where}: between ${seen} and ${revision} it brought [${shortened(found)}] instead of [${shortened(expected)}]`);
      seen = Math.max(seen, revision);
    };
  }

  #between(after: number, upTo: number, prefix: string): string[] {
    const changes: string[] = [];
    for (let revision = after + 1; revision <= upTo; revision += 1) {
      for (const key of this.#commits[revision - 1] ?? []) if (key.startsWith(prefix)) changes.push(`${revision} ${key}`);
    }
    return changes;
  }
}

const shortened = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
