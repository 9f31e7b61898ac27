import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, relative } from 'node:path';
import type { Mount } from '@orrery/core';
import { HelperFailure, tolerate } from './failure.js';

// Without mount namespaces a mount cannot appear at its own path. Instead each container gets a directory (`ORRERY_ROOTFS`)
// in which the mounts are linked at their container paths. Nothing outside the state directory is ever written.

/** Checks and normalises the mounts. Throws `INVALID` for paths that are not absolute, that are `/`, or that lie inside one another. */
export function planMounts(mounts: readonly Mount[]): readonly Mount[] {
  const planned = mounts.map((mount) => ({ ...mount, containerPath: containerPath(mount.containerPath) }));
  for (const outer of planned) {
    if (!isAbsolute(outer.hostPath) || outer.hostPath.includes('\0')) throw new HelperFailure('INVALID', `The mount's host path "${outer.hostPath}" is not absolute.`);
    const inner = planned.find((other) => other !== outer && isInside(other.containerPath, outer.containerPath));
    if (inner !== undefined) {
      throw new HelperFailure('INVALID', `Mount "${inner.containerPath}" lies inside mount "${outer.containerPath}"; linked mounts cannot be nested.`);
    }
  }
  return planned;
}

/** Makes the directory of links. */
export function linkMounts(rootfs: string, mounts: readonly Mount[]): void {
  mkdirSync(rootfs, { recursive: true, mode: 0o755 });
  for (const mount of mounts) {
    const link = join(rootfs, mount.containerPath);
    mkdirSync(dirname(link), { recursive: true, mode: 0o755 });
    symlinkSync(mount.hostPath, link);
  }
}

/**
 * Where a container works. A path under a mount means the mounted directory (a mount hides what the host has there); any other is the host's own.
 * Throws `INVALID` when there is no such directory.
 */
export function resolveWorkingDir(workingDir: string, mounts: readonly Mount[]): string {
  const wanted = containerPath(workingDir, true);
  const mount = mounts.find((candidate) => isInside(wanted, candidate.containerPath));
  const actual = mount === undefined ? wanted : join(mount.hostPath, relative(mount.containerPath, wanted));
  const stat = tolerate(['ENOENT', 'ENOTDIR', 'EACCES'], () => statSync(actual));
  if (stat === undefined || !stat.isDirectory()) throw new HelperFailure('INVALID', `The working directory "${workingDir}" does not exist on this machine.`);
  return actual;
}

function containerPath(path: string, rootAllowed = false): string {
  const normal = normalize(path).replace(/(?<=.)\/$/, '');
  if (!isAbsolute(path) || path.includes('\0') || (normal === '/' && !rootAllowed)) throw new HelperFailure('INVALID', `The container path "${path}" cannot be used.`);
  return normal;
}

/** Whether `path` is `parent` or below it. Both are normal. */
function isInside(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`);
}
