import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { arch, availableParallelism, hostname, machine, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';

/** What a node has to offer and what it is, as the Node object shows it. */
export interface MachineFacts {
  readonly hostname: string;
  readonly capacity: Readonly<Record<string, string>>;
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly kernelVersion: string;
  /** Of this installation. */
  readonly machineID?: string;
  /** Of the hardware; only root may know it. */
  readonly systemUUID?: string;
  /** Another after each boot. */
  readonly bootID?: string;
  /** Name and version of the distribution. */
  readonly osImage?: string;
}

/** Kubernetes' default of pods on a node. */
const MAX_PODS = 110;
const HUGE_PAGES = '/sys/kernel/mm/hugepages';

/** Reads the machine this process runs on. */
export function readMachine(): MachineFacts {
  const go: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ppc64: 'ppc64le', s390x: 's390x', ia32: '386', riscv64: 'riscv64' };
  const [machineID, systemUUID, bootID] = [textOf('/etc/machine-id'), textOf('/sys/class/dmi/id/product_uuid'), textOf('/proc/sys/kernel/random/boot_id')];
  const osImage = prettyName(textOf('/etc/os-release') ?? textOf('/usr/lib/os-release') ?? '');
  return {
    hostname: hostname().toLowerCase(),
    capacity: { cpu: String(availableParallelism()), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: String(MAX_PODS), ...hugePages() },
    architecture: go[arch()] ?? machine(),
    operatingSystem: type().toLowerCase(),
    kernelVersion: release(),
    ...(machineID !== undefined && { machineID }),
    ...(systemUUID !== undefined && { systemUUID }),
    ...(bootID !== undefined && { bootID }),
    ...(osImage !== undefined && { osImage }),
  };
}

/** The disk that pods' volumes, logs and layers share: the file system of a path, or of the nearest folder above it that exists. */
export function readDisk(path: string): Readonly<Record<string, string>> {
  try {
    const { blocks, bsize } = statfsSync(path);
    return { 'ephemeral-storage': `${Math.floor((blocks * bsize) / 1024)}Ki` };
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    return readDisk(parent);
  }
}

/** The distribution's name in an os-release file. Pure. */
export function prettyName(osRelease: string): string | undefined {
  return /^PRETTY_NAME=(["']?)(.{1,200}?)\1\s*$/m.exec(osRelease)?.[2];
}

/** Pages that were set aside, by the resource that stands for them, e.g. `hugepages-2Mi`. */
function hugePages(): Record<string, string> {
  const sizes = unlessMissing(() => readdirSync(HUGE_PAGES)) ?? [];
  return Object.fromEntries(
    sizes.flatMap((folder) => {
      const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(folder)?.[1] ?? 0);
      const count = Number(textOf(`${HUGE_PAGES}/${folder}/nr_hugepages`) ?? 0);
      if (!(kilobytes > 0) || !(count > 0)) return [];
      const size = kilobytes % 1_048_576 === 0 ? `${kilobytes / 1_048_576}Gi` : kilobytes % 1024 === 0 ? `${kilobytes / 1024}Mi` : `${kilobytes}Ki`;
      return [[`hugepages-${size}`, `${count * kilobytes}Ki`]];
    }),
  );
}

const textOf = (path: string): string | undefined => unlessMissing(() => readFileSync(path, 'utf8').trim()) || undefined;

/** Machines without such a file, or that do not show it, are told without it. */
function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}
