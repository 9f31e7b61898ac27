import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { errno } from './failure.js';

/** Writes a file whole or not at all. A crash of the process cannot tear it; it is not synced, for after a power cut nothing runs anyway. */
export function writeAtomically(path: string, text: string): void {
  const part = `${path}.part`;
  writeFileSync(part, text, { mode: 0o600 });
  renameSync(part, path);
}

/** Reads a file, or `undefined` when there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a directory (and its parents) that only this user can enter. */
export function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Removes a tree. Symbolic links in it are removed, never followed. Safe to call twice. */
export function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
