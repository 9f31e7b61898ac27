import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@orrery/core';

/** A size is believed so long: a walk costs, and disks do not fill in a moment. Milliseconds. */
const BELIEVE_MS = 30_000;
/** A larger tree is not walked to its end; its size is then not told. */
const MAX_ENTRIES = 200_000;

/**
 * The sizes of writable layers, by walking them (the engine's own `size` walks them too, for every container at once and on each request).
 * Undefined where they cannot be seen. One walk at a time.
 */
export class LayerSizes {
  readonly #clock: Clock;
  readonly #sizes = new Map<string, { readonly bytes: number | undefined; readonly at: number }>();
  #walking: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes that the files in the directory take on disk. */
  async of(directory: string): Promise<number | undefined> {
    if (directory === '') return undefined;
    const known = this.#sizes.get(directory);
    if (known !== undefined && this.#clock.monotonic() - known.at < BELIEVE_MS) return known.bytes;
    // A size that cannot be found out is not known, and said to be so; the use of everything else must not go with it.
    const walk = this.#walking.then(() => sizeOf(directory)).catch(() => undefined);
    this.#walking = walk;
    const bytes = await walk;
    this.#sizes.set(directory, { bytes, at: this.#clock.monotonic() });
    return bytes;
  }

  /** Forgets all directories but these. */
  keep(directories: ReadonlySet<string>): void {
    for (const directory of this.#sizes.keys()) if (!directories.has(directory)) this.#sizes.delete(directory);
  }
}

/** As `du -x`: links are not followed, and a file with several names counts once. */
async function sizeOf(root: string): Promise<number | undefined> {
  const seen = new Set<string>();
  const left = [root];
  let bytes = 0;
  let entries = 0;
  for (let directory = left.pop(); directory !== undefined; directory = left.pop()) {
    for await (const entry of await opendir(directory)) {
      if (++entries > MAX_ENTRIES) return undefined;
      const path = join(directory, entry.name);
      // Removed while it is counted: then it takes nothing.
      const stat = await lstat(path).catch(() => undefined);
      if (stat === undefined) continue;
      const name = `${stat.dev}:${stat.ino}`;
      if (stat.nlink === 1 || stat.isDirectory() || !seen.has(name)) bytes += stat.blocks * 512;
      if (stat.nlink > 1) seen.add(name);
      if (stat.isDirectory()) left.push(path);
    }
  }
  return bytes;
}
