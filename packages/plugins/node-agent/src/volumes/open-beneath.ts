import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink, realpath } from 'node:fs/promises';
import { join, relative as relativePath } from 'node:path';
import { isWithin, resolveBelow } from '../pod/below.js';
import { ConfigError } from '../pod/env.js';

/** open(2)'s O_PATH, which Node does not name: a handle to a place, without reading it. The same on every Linux that Node runs on. */
const O_PATH = 0o10000000;
const FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const ANYTHING = O_PATH | constants.O_NOFOLLOW;
/** A path that needs more is not a path but an attack, or a mistake. */
const DEEPEST = 255;

/** What to make where nothing is. */
export type Missing = 'directory' | 'file' | 'refuse';

/** A place inside a folder, held open: whatever is done to names since, the handle stays at what was checked. */
export interface OpenPlace extends AsyncDisposable {
  /** Path of the handle; valid in this process and, under its id, in others, as long as it is open. */
  readonly handlePath: string;
  /** What the place is called now. */
  readonly realPath: string;
  readonly isDirectory: boolean;
}

/**
 * Opens what a relative path means inside a folder whose content is not trusted (kubelet subpath doSafeOpen, SafeMakeDir). Links are followed as long as they stay
 * inside; then every step is taken again from the handle of the one before, without following anything, so that a name which is exchanged meanwhile cannot lead out.
 * Throws {@link ConfigError} for a path that leads out, changes while it is looked at, or is missing with `refuse`.
 * @param what names the path in errors
 */
export async function openBeneath(folder: string, path: string, missing: Missing, what = `subPath ${JSON.stringify(path)}`): Promise<OpenPlace> {
  if (resolveBelow('/', path) === undefined || path.split('/').length > DEEPEST) throw new ConfigError(`${JSON.stringify(path.slice(0, 200))} is not a path inside a volume`);
  const root = await realpath(folder);
  const { existing, rest } = await deepestExisting(root, path, what);
  if (!isWithin(root, existing)) throw new ConfigError(`${what} leads out of its volume`);
  if (rest.length > 0 && missing === 'refuse') throw new ConfigError(`${what} does not exist in its volume`);
  const known = relativePath(root, existing).split('/').filter((part) => part !== '');
  let at = await open(root, FOLDER);
  try {
    for (const [index, part] of known.entries()) at = await step(at, part, index === known.length - 1 && rest.length === 0 ? ANYTHING : FOLDER, what);
    for (const [index, part] of rest.entries()) at = await makeStep(at, part, index === rest.length - 1 ? missing : 'directory', what);
    const stat = await at.stat();
    if (stat.isSymbolicLink()) throw new ConfigError(`${what} changed while it was looked at`);
    const realPath = await readlink(pathOf(at));
    if (!isWithin(root, realPath)) throw new ConfigError(`${what} leads out of its volume`);
    const handle = at;
    return { handlePath: `/proc/${process.pid}/fd/${handle.fd}`, realPath, isDirectory: stat.isDirectory(), [Symbol.asyncDispose]: () => handle.close() };
  } catch (error) {
    await at.close();
    throw error;
  }
}

/** Follows links as far as there is something; what is left has to be made. */
async function deepestExisting(root: string, path: string, what: string): Promise<{ existing: string; rest: readonly string[] }> {
  const parts = path.split('/');
  let existing = root;
  for (const [index, part] of parts.entries()) {
    const next = join(existing, part);
    const real = await realpath(next).catch(absent);
    if (real !== undefined) existing = real;
    else if ((await lstat(next).catch(absent)) === undefined) return { existing, rest: parts.slice(index) };
    else throw new ConfigError(`${what} does not exist in its volume`);
    // Beyond its volume nothing is looked at.
    if (!isWithin(root, existing)) return { existing, rest: [] };
  }
  return { existing, rest: [] };
}

/** One step down from a handle, which is closed. */
async function step(from: FileHandle, part: string, flags: number, what: string): Promise<FileHandle> {
  const next = await open(`${pathOf(from)}/${part}`, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTDIR' && error.code !== 'ELOOP' && error.code !== 'ENOENT') throw error;
    throw new ConfigError(`${what} changed while it was looked at`);
  });
  await from.close();
  return next;
}

async function makeStep(from: FileHandle, part: string, kind: Missing, what: string): Promise<FileHandle> {
  const path = `${pathOf(from)}/${part}`;
  const { mode } = await from.stat();
  if (kind === 'directory') {
    const isNew = await mkdir(path, { mode: 0o750 }).then(() => true, exists);
    const made = await step(from, part, FOLDER, what);
    if (!isNew) return made;
    // A part of a volume is as open as the volume (kubelet SafeMakeDir takes its permissions).
    const writable = await open(pathOf(made), constants.O_RDONLY | constants.O_DIRECTORY);
    await writable.chmod(mode & 0o7777).finally(() => writable.close());
    return made;
  }
  const file = await open(path, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o644);
  await file.close();
  return step(from, part, ANYTHING, what);
}

const pathOf = (handle: FileHandle): string => `/proc/self/fd/${handle.fd}`;

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR' && error.code !== 'ELOOP') throw error;
  return undefined;
}

function exists(error: NodeJS.ErrnoException): false {
  if (error.code !== 'EEXIST') throw error;
  return false;
}
