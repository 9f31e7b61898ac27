import { readFile } from 'node:fs/promises';
import { isWithin } from '../pod/below.js';

/** A mount of this process's namespace. */
export interface MountEntry {
  readonly path: string;
  readonly filesystem: string;
}

/** Reads the text of /proc/self/mountinfo (proc(5)). Pure. */
export function parseMountInfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const path = fields[4];
    if (path === undefined) return [];
    return [{ path: unescape(path), filesystem: fields[fields.indexOf('-') + 1] ?? '' }];
  });
}

/** Blanks and the like are written as octal numbers. */
const unescape = (path: string): string => path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** What is mounted at a folder or below it, the deepest and latest first: the order to unmount in. Empty where the system has no mount table. */
export async function mountsWithin(folder: string): Promise<readonly MountEntry[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  // Later lines lie over earlier ones.
  return parseMountInfo(text).filter(({ path }) => isWithin(folder, path)).reverse().sort((a, b) => b.path.split('/').length - a.path.split('/').length);
}
