import { readFileSync, readdirSync } from 'node:fs';
import type { ProcessIdentity } from '../shared/records.js';
import { tolerate } from './failure.js';

// What /proc tells. Source: proc(5).

/** The environment variable by which processes of a container are found again, wherever they went. */
export const MARKER = 'ORRERY_CONTAINER_ID';

/** The kernel's USER_HZ: the unit of the times in /proc/<pid>/stat. 100 on every architecture Node supports. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** One line of /proc/<pid>/stat, the fields used here. */
export interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly session: number;
  readonly cpuNanoseconds: number;
  readonly startTicks: string;
  readonly rssBytes: number;
}

/** A process vanished while it was looked at. */
const GONE = ['ENOENT', 'ESRCH'];
/** … or belongs to somebody else. */
const GONE_OR_FOREIGN = [...GONE, 'EACCES', 'EPERM'];

/** This boot of the machine. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Reads one process. `undefined` when there is none. */
export function readStat(pid: number): ProcessStat | undefined {
  const text = tolerate(GONE, () => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return text === undefined ? undefined : parseStat(text);
}

/** Parses /proc/<pid>/stat. The name in parentheses may hold anything, so fields are counted from its last parenthesis. */
export function parseStat(text: string): ProcessStat | undefined {
  const close = text.lastIndexOf(')');
  if (close < 0) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const field = (number: number): string => fields[number - 3] ?? '';
  const ticks = [14, 15, 16, 17].reduce((sum, number) => sum + Number(field(number)), 0);
  return {
    pid: Number.parseInt(text, 10),
    state: field(3),
    session: Number(field(6)),
    cpuNanoseconds: (ticks * 1_000_000_000) / TICKS_PER_SECOND,
    startTicks: field(22),
    rssBytes: Number(field(24)) * PAGE_BYTES,
  };
}

/** Whether this very process still runs (a zombie does not). */
export function isAlive(identity: ProcessIdentity, boot: string): boolean {
  if (identity.bootId !== boot) return false;
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** All process ids. */
export function listPids(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The container that a process's environment names. `undefined` for foreign and for unreadable processes. */
export function markerOf(pid: number): string | undefined {
  const environment = tolerate(GONE_OR_FOREIGN, () => readFileSync(`/proc/${pid}/environ`, 'latin1'));
  if (environment === undefined) return undefined;
  const at = environment.startsWith(`${MARKER}=`) ? 0 : environment.indexOf(`\0${MARKER}=`) + 1;
  if (at === 0 && !environment.startsWith(`${MARKER}=`)) return undefined;
  const from = at + MARKER.length + 1;
  const end = environment.indexOf('\0', from);
  return environment.slice(from, end < 0 ? undefined : end);
}

/** Living processes by the container they belong to. */
export function processesByMarker(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const pid of listPids()) {
    const id = markerOf(pid);
    if (id === undefined || pid === process.pid) continue;
    const pids = found.get(id);
    if (pids === undefined) found.set(id, [pid]);
    else pids.push(pid);
  }
  return found;
}

/** Sends a signal to a process, or with a negative number to a group. False when there is none. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  return tolerate(['ESRCH'], () => process.kill(pid, signal)) ?? false;
}
