import { accessSync, closeSync, constants, lstatSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorMessage, OrreryError } from '@orrery/core';

/** A file by what it is, not by its name. */
export interface FileIdentity {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
}

/** Files that SQLite keeps beside the database; it gives them the database's own mode. */
const SIDE_FILES = ['-wal', '-shm', '-journal'];

/**
 * Makes the database file if there is none, for its owner only, and refuses what another user could have put in its place or could read: Secrets are in it.
 * Throws `INVALID` for a symbolic link, something that is not a file, or a file or folder that is open to others, and `UNAVAILABLE` when it cannot be written.
 */
export function prepareFile(given: string): FileIdentity {
  const path = resolve(given);
  try {
    return checkedFile(path);
  } catch (error) {
    if (OrreryError.is(error)) throw error;
    throw new OrreryError('UNAVAILABLE', `${path} cannot be opened for writing (${errorMessage(error)}).`, { path }, error);
  }
}

function checkedFile(path: string): FileIdentity {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkFolder(folder);
  for (const suffix of SIDE_FILES) checkFile(path + suffix);
  const { dev, ino } = checkFile(path) ?? createFile(path);
  // SQLite itself would go on with a file that can only be read.
  accessSync(path, constants.R_OK | constants.W_OK);
  return { path, device: dev, inode: ino };
}

/**
 * For its owner only, and never through a link. A file that is there is not opened, not even to look at it: closing it would let go of all locks that this process has on it
 * (https://sqlite.org/howtocorrupt.html, 2.2), and another store in this process may be using it.
 */
function createFile(path: string): Stats {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600));
  } catch (error) {
    // Somebody else was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return checkFile(path) ?? lstatSync(path);
}

/** What is wrong with the name now: the file was removed or replaced; undefined when it still is the same one. */
export function movedAway({ path, device, inode }: FileIdentity): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 'was removed';
  return stats.dev === device && stats.ino === inode ? undefined : 'was replaced by another file';
}

const posix = (): boolean => process.platform !== 'win32';

function checkFolder(folder: string): void {
  const { mode } = statSync(folder);
  // Where everybody may write, as in /tmp, the sticky bit at least keeps others from exchanging a file.
  if (posix() && (mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
    throw new OrreryError('INVALID', `The folder ${folder} can be written by other users, who could exchange the database. Take that right away, or use another folder.`, { path: folder });
  }
}

/** What is there, if anything. */
function checkFile(path: string): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const problem = problemOf(stats);
  if (problem !== undefined) throw new OrreryError('INVALID', `${path} ${problem}.`, { path });
  return stats;
}

function problemOf(stats: Stats): string | undefined {
  if (stats.isSymbolicLink()) return 'is a symbolic link; name the file itself';
  if (!stats.isFile()) return 'is not a file';
  if (!posix()) return undefined;
  if (stats.nlink > 1) return 'has a second name (a hard link), under which SQLite would not find its log';
  if (![0, process.geteuid?.()].includes(stats.uid)) return 'belongs to another user';
  return (stats.mode & 0o077) === 0 ? undefined : 'can be read or written by other users, and may hold secrets; do "chmod 600" on it and on its -wal and -shm';
}
