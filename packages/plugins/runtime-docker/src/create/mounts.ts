import { realpath } from 'node:fs/promises';
import { isAbsolute, normalize, sep } from 'node:path';
import type { Mount } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import { forbidden } from './policy.js';

/** An open file of a process, which names the file itself: nobody can put another in its place. */
const PINNED = /^\/proc\/\d+\/fd\/\d+$/;

/** Where mounts may and may not lie; paths with their links followed. */
export interface MountBounds {
  /** When given, every mount must lie in one of them. */
  readonly roots?: readonly string[];
  /** Neither these, nor what is in them, nor a directory that shows them. */
  readonly never: readonly string[];
}

/**
 * The mounts as they are sent to the engine: with links followed, so that what was judged is what is mounted.
 * Throws `FORBIDDEN` for a mount out of bounds, `INVALID` for a path that does not exist or is not absolute.
 */
export async function resolveMounts(mounts: readonly Mount[], bounds: MountBounds): Promise<readonly Mount[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      const real = await realPathOf(mount.hostPath);
      const why = outOfBounds(real, bounds);
      if (why !== undefined) throw forbidden('volumeMounts', `${mount.hostPath} ${why}`);
      return { ...mount, hostPath: PINNED.test(mount.hostPath) ? mount.hostPath : real };
    }),
  );
}

/** Why a path with its links followed may not be mounted; undefined when it may. */
export function outOfBounds(real: string, { roots, never }: MountBounds): string | undefined {
  const exposed = never.find((path) => isWithin(real, path) || isWithin(path, real));
  if (exposed !== undefined) return `shows the engine itself (${exposed}): whoever reaches it owns the machine`;
  if (roots !== undefined && !roots.some((root) => isWithin(real, root))) return 'lies outside the directories that may be mounted here';
  return undefined;
}

/** Whether a path is a directory or lies in it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** The bounds with their links followed; what does not exist cannot be mounted and is kept as it is. */
export async function realBounds(bounds: MountBounds): Promise<MountBounds> {
  const real = (paths: readonly string[]): Promise<string[]> =>
    Promise.all(paths.map((path) => realpath(path).catch(() => normalize(path))));
  const never = await real(bounds.never);
  return bounds.roots === undefined ? { never } : { roots: await real(bounds.roots), never };
}

async function realPathOf(path: string): Promise<string> {
  if (!isAbsolute(path) || path.includes('\0')) throw new OrreryError('INVALID', 'volumeMounts: a host path must be absolute.', { field: 'volumeMounts' });
  try {
    return await realpath(path);
  } catch (error) {
    throw new OrreryError('INVALID', `volumeMounts: ${path} cannot be mounted: ${errorMessage(error)}.`, { field: 'volumeMounts' }, error);
  }
}
