/** What the kernel's files about a machine say, as texts; undefined: there is no such file. */
export interface ProcTexts {
  /** /proc/meminfo */
  readonly meminfo?: string | undefined;
  /** Bytes in use by the root control group: memory.usage_in_bytes (v1), memory.current (v2, not at the real root). */
  readonly memoryUsage?: string | undefined;
  /** The root control group's memory.stat. */
  readonly memoryStat?: string | undefined;
  /** The root control group's own limit: memory.limit_in_bytes, memory.max. */
  readonly memoryLimit?: string | undefined;
  readonly loadavg?: string | undefined;
  readonly pidMax?: string | undefined;
  readonly threadsMax?: string | undefined;
  /** cpuacct.usage (v1), nanoseconds. */
  readonly cpuUsage?: string | undefined;
  /** cpu.stat (v2). */
  readonly cpuStat?: string | undefined;
  /** /proc/stat */
  readonly stat?: string | undefined;
}

/**
 * Memory as the kubelet counts it: the working set is what the root control group uses less its inactive files, and available is the rest of the machine (cadvisor setMemoryStats).
 * Where there are no control groups, what the kernel says is available. Pure.
 */
export function memoryOf({ meminfo, memoryUsage, memoryStat, memoryLimit }: ProcTexts): { readonly availableBytes: number; readonly workingSetBytes: number } | undefined {
  const total = kilobytes(meminfo, 'MemTotal');
  if (total === undefined) return undefined;
  const capacity = Math.min(total, number(memoryLimit) ?? total);
  const free = kilobytes(meminfo, 'MemFree');
  const usage = number(memoryUsage) ?? (memoryStat === undefined || free === undefined ? undefined : total - free);
  const inactive = field(memoryStat, 'total_inactive_file') ?? field(memoryStat, 'inactive_file');
  if (usage !== undefined && inactive !== undefined) {
    const workingSetBytes = Math.max(0, usage - inactive);
    return { workingSetBytes, availableBytes: Math.max(0, capacity - workingSetBytes) };
  }
  const available = kilobytes(meminfo, 'MemAvailable');
  return available === undefined ? undefined : { availableBytes: available, workingSetBytes: total - available };
}

/** Threads that exist, and how many there may be. Pure. */
export function processesOf({ loadavg, pidMax, threadsMax }: ProcTexts): { readonly running: number; readonly max: number } | undefined {
  const running = number(/^\S+ \S+ \S+ \d+\/(\d+) /.exec(loadavg ?? '')?.[1]);
  const limits = [number(pidMax), number(threadsMax)].filter((limit) => limit !== undefined);
  return running === undefined || limits.length === 0 ? undefined : { running, max: Math.min(...limits) };
}

/** User, nice, system, irq, softirq and steal: what a processor works; the rest it waits. */
const WORKING = [0, 1, 2, 5, 6, 7];
/** The kernel's clock tick towards programs. */
const NANOSECONDS_PER_TICK = 10_000_000;

/** Cumulative cpu time of the machine, nanoseconds. Pure. */
export function cpuOf({ cpuUsage, cpuStat, stat }: ProcTexts): number | undefined {
  const microseconds = field(cpuStat, 'usage_usec');
  const known = number(cpuUsage) ?? (microseconds === undefined ? undefined : microseconds * 1000);
  if (known !== undefined) return known;
  const ticks = /^cpu +(.*)$/m.exec(stat ?? '')?.[1]?.split(' ').map(Number);
  return ticks === undefined ? undefined : WORKING.reduce((sum, index) => sum + (ticks[index] ?? 0), 0) * NANOSECONDS_PER_TICK;
}

function number(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** `name value` on a line of its own. */
const field = (text: string | undefined, name: string): number | undefined => number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1]);

function kilobytes(text: string | undefined, name: string): number | undefined {
  const found = number(new RegExp(`^${name}: *(\\d+) kB$`, 'm').exec(text ?? '')?.[1]);
  return found === undefined ? undefined : found * 1024;
}
