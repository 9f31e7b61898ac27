import { errorMessage, OrreryError } from '@orrery/core';

/** SQLite's primary result codes that mean something to the store (https://sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

const WORDS: Readonly<Record<number, string>> = {
  [BUSY]: 'is locked by another process',
  [LOCKED]: 'is locked by another connection',
  [NOMEM]: 'could not be used for want of memory',
  [READONLY]: 'cannot be written',
  [IOERR]: 'could not be read or written',
  [FULL]: 'could not be written: the disk is full, or the file has reached its largest size',
  [CANTOPEN]: 'could not be opened',
};

/** SQLite's primary result code, if the error is SQLite's. */
function resultCode(error: unknown): number | undefined {
  const { errcode } = (typeof error === 'object' && error !== null ? error : {}) as { readonly errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** Whether another process or connection holds a lock that will be let go. */
export const isBusy = (error: unknown): boolean => resultCode(error) === BUSY || resultCode(error) === LOCKED;

/** Whether what is in the file makes no sense. */
export const isDamaged = (error: unknown): boolean => resultCode(error) === CORRUPT || resultCode(error) === NOTADB;

/** Whether the disk is full. */
export const isFull = (error: unknown): boolean => resultCode(error) === FULL;

/** Whether a `ROLLBACK` was refused because SQLite had rolled back already. */
export const noTransaction = (error: unknown): boolean => resultCode(error) === 1;

/**
 * Whether a `COMMIT` that failed so has surely not happened, not even after a crash: the frame that completes the transaction was never written.
 * After a failed sync it may lie in the log although this process counts it as rolled back.
 */
export const surelyNotCommitted = (error: unknown): boolean => [BUSY, LOCKED, READONLY, FULL].includes(resultCode(error) ?? -1);

/** A driver's error in the store's words, `UNAVAILABLE` where SQLite says why; anything else is a mistake of this plugin. */
export function sqliteError(path: string, error: unknown): OrreryError {
  if (OrreryError.is(error)) return error;
  if (isDamaged(error)) return damaged(path, errorMessage(error), error);
  const code = resultCode(error);
  const words = code === undefined ? undefined : WORDS[code];
  if (words === undefined) return new OrreryError('INTERNAL', `SQLite refused what it was asked: ${errorMessage(error)}.`, { path }, error);
  return new OrreryError('UNAVAILABLE', `${path} ${words} (${errorMessage(error)}).`, { path, sqlite: code }, error);
}

/** The error for a file whose content makes no sense. It says what to do, and the file is left as it is. */
export const damaged = (path: string, what: string, cause?: unknown): OrreryError =>
  new OrreryError(
    'UNAVAILABLE',
    `${path} is damaged or not a database (${what}); it was left as it is. Stop the orchestrator, keep a copy of the file with its -wal and -shm, then restore a backup or try "sqlite3 FILE .recover".`,
    { path, damaged: true },
    cause,
  );
