import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGuardian } from './guardian.js';
import { missingParts, programPath } from './missing.js';

/** A small disk of this process's own. */
export interface Disk extends AsyncDisposable {
  /** A folder on it, for its owner only. */
  readonly folder: string;
  /** Leaves so much room and no more, bytes. */
  fill(left?: number): void;
  /** Gives the room back. */
  free(): void;
  /** Ends every program that names the folder in its arguments, and removes everything. A second call waits for the first. */
  stop(): Promise<void>;
}

const PAGE = 4_096;
const FILL_TRIES = 50;

/** Mounts a file system in memory. Needs root. It is removed also when this process is killed. */
export function startDisk({ bytes }: { readonly bytes: number }): Disk {
  const missing = missingParts(['root']);
  if (missing !== undefined) throw new Error(`A disk cannot be mounted: ${missing}.`);
  const top = mkdtempSync(join(tmpdir(), 'ord-'));
  const folder = join(top, 'disk');
  const guardian = startGuardian(top);
  mkdirSync(folder);
  const mount = (...options: readonly string[]): void => {
    execFileSync(programPath('mount') ?? 'mount', ['-t', 'tmpfs', '-o', [...options, 'mode=700'].join(','), 'tmpfs', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  mount(`size=${bytes}`);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= guardian.sweep());
  return {
    folder,
    fill(left = 0) {
      // The size is cut to what is used: quick, and without the memory that ballast would take.
      for (let tries = 1; ; tries += 1) {
        const { blocks, bfree, bsize } = statfsSync(folder);
        try {
          mount('remount', `size=${Math.ceil(((blocks - bfree) * bsize + left) / PAGE) * PAGE}`);
          return;
        } catch (error) {
          // A writer was faster: there is more on the disk by now.
          if (tries === FILL_TRIES) throw error;
        }
      }
    },
    free: () => mount('remount', `size=${bytes}`),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
