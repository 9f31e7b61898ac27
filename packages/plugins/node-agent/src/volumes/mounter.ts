import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Mounts on this machine. All paths are absolute and the caller's own. Errors tell the system's words. */
export interface Mounter {
  /** Shows `source` (a file or folder, or a descriptor of one below /proc) at `target`, which exists and is of the same sort. Links at the end of `source` are not resolved by name. */
  bind(source: string, target: string): Promise<void>;
  /** A file system in memory at `target`, which is an empty folder. `group` owns it; absent: root's. */
  memory(target: string, sizeBytes: number, mode: number, group?: number): Promise<void>;
  /** Ends a mount; one in use goes when its last user does. */
  unmount(target: string): Promise<void>;
}

const MOUNT = ['/usr/bin/mount', '/bin/mount'];
const UMOUNT = ['/usr/bin/umount', '/bin/umount'];
const CAP_SYS_ADMIN = 21n;
/** A mount that takes so long is broken. */
const LIMIT_MS = 30_000;

/** The machine's mount(8) and umount(8); undefined where this process may not mount. */
export function systemMounter(): Mounter | undefined {
  const mount = MOUNT.find(existsSync);
  const umount = UMOUNT.find(existsSync);
  if (mount === undefined || umount === undefined || !mayMount()) return undefined;
  return {
    bind: (source, target) => run(mount, ['--no-canonicalize', '--bind', source, target]),
    memory: (target, sizeBytes, mode, group) => run(mount, ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=${mode.toString(8)}${group === undefined ? '' : `,gid=${group}`},nosuid,nodev`, 'tmpfs', target]),
    unmount: (target) => run(umount, [target]).catch(() => run(umount, ['-l', target])),
  };
}

function mayMount(): boolean {
  if (process.platform !== 'linux') return false;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** Runs a program without a shell. */
function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: LIMIT_MS, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } }, (error, _out, complaint) => {
      if (error === null) resolve();
      else reject(new Error(complaint.trim() === '' ? error.message : complaint.trim(), { cause: error }));
    });
  });
}
