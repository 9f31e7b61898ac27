import { join, normalize } from 'node:path/posix';

/** Longest path that is looked at; Linux' PATH_MAX. */
const LONGEST = 4096;

/** The path of `relative` below `root`, by the text alone (links are not followed); undefined for anything that could lead out of it or mean `root` itself. Pure. */
export function resolveBelow(root: string, relative: string): string | undefined {
  if (relative === '' || relative.length > LONGEST || relative.startsWith('/') || relative.includes('\0')) return undefined;
  if (relative.split('/').some((part) => part === '' || part === '.' || part === '..')) return undefined;
  return join(root, relative);
}

/** Whether `path` is `root` or lies below it, by the text alone. Both absolute. Pure. */
export const isWithin = (root: string, path: string): boolean => path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);

/** An absolute path without `//`, `.` and a slash at its end. Pure. */
export function cleanPath(path: string): string {
  const clean = normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}
