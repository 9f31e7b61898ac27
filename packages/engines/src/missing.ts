import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

/** What a test may need of the machine: a program, being root, or control groups. */
export type Part = 'dockerd' | 'docker' | 'docker-registry' | 'redis-server' | 'redis-cli' | 'etcd' | 'etcdctl' | 'openssl' | 'busybox' | 'ip' | 'iptables' | 'nsenter' | 'perl' | 'tar' | 'script' | 'root' | 'cgroups';

/** Programs of the system lie here too, whatever the user's PATH says. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The Debian package a program comes from, where the name differs. */
const PACKAGES: Partial<Record<Part, string>> = { dockerd: 'docker.io', docker: 'docker.io', busybox: 'busybox-static', ip: 'iproute2', nsenter: 'util-linux', script: 'bsdutils', etcd: 'etcd-server', etcdctl: 'etcd-client', 'redis-cli': 'redis-tools' };

/** Where a program lies; undefined when it is not installed. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/')), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(executable);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a part lacks, in a few words; undefined when it is there. */
function lack(part: Part): string | undefined {
  if (part === 'root') return process.getuid?.() === 0 ? undefined : 'not root';
  if (part === 'cgroups') return existsSync('/sys/fs/cgroup/cgroup.controllers') || existsSync('/sys/fs/cgroup/memory') ? undefined : 'no control groups are mounted';
  return programPath(part) === undefined ? `${part} is not installed (Debian: ${PACKAGES[part] ?? part})` : undefined;
}

/** One line that says which of the parts this machine lacks; undefined when all are there. An engine needs root and control groups beside its program. */
export function missingParts(parts: readonly Part[]): string | undefined {
  const all = new Set(parts.flatMap((part): readonly Part[] => (part === 'dockerd' ? ['dockerd', 'root', 'cgroups'] : [part])));
  const lacks = [...all].flatMap((part) => lack(part) ?? []);
  return lacks.length === 0 ? undefined : lacks.join('; ');
}

/**
 * For `describe.skipIf(parts.missing)(`what${parts.note}`, …)`: whether something is missing, and the words that say so in the test's title.
 * Throws when `ORRERY_REQUIRE=all` asks for every test to run.
 */
export function requireParts(...parts: readonly Part[]): Required {
  return required(missingParts(parts));
}

/** Whether something is missing, and the words that say so in a test's title. */
export interface Required {
  readonly missing: boolean;
  readonly note: string;
}

/** The same for what a test found out itself: `missing` is what the machine lacks, in a few words, or undefined. */
export function required(missing: string | undefined): Required {
  if (missing === undefined) return { missing: false, note: '' };
  if (process.env['ORRERY_REQUIRE'] === 'all') throw new Error(`This machine lacks what the test needs: ${missing}.`);
  return { missing: true, note: ` (skipped: ${missing})` };
}
