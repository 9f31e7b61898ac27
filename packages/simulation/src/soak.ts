import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { errorMessage } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import { Chaos } from './chaos.js';
import { SimulatedCluster } from './cluster.js';
import { DEFAULT_RATES } from './faults.js';
import { chanceOf } from './seeds.js';
import { sizeFor } from './simulate.js';
import { measureStore, type SoakStore, type StoreSize } from './soak-store.js';
import { SOAK_PODS, SoakUser } from './soak-user.js';

/** How a soak runs. Minutes are virtual. */
export interface SoakOptions {
  readonly seed: number;
  /** Closed at the end. */
  readonly store: SoakStore;
  /** Default 4. */
  readonly nodes?: number;
  /** Changes by the user each minute. Default 4. */
  readonly changes?: number;
  /** Minutes until everything that is kept for a time has been kept for that time: events live for an hour. Default 65. */
  readonly warmUpMinutes?: number;
  /** Minutes in which nothing may grow. Default 60. */
  readonly minutes?: number;
  /** Minutes between two looks. Default 5. */
  readonly everyMinutes?: number;
  /** Sees each commit, and when it was made. */
  readonly committed?: (commit: ObservedCommit, atMs: number) => void;
}

/** One look at everything. */
export interface SoakSample extends StoreSize {
  readonly minute: number;
  readonly events: number;
  /** Live objects of the process, after garbage was collected: the store, caches, scheduler, controllers, agents and machines together. */
  readonly heapBytes: number;
  readonly files: Readonly<Record<string, number>>;
}

/** What came of it. */
export interface SoakResult {
  readonly seed: number;
  readonly samples: readonly SoakSample[];
  /** Commits by kind of object. */
  readonly commits: Readonly<Record<string, number>>;
  /** What grew, and broken promises of the cluster. */
  readonly problems: readonly string[];
}

const MINUTE_MS = 60_000;

/** Runs a cluster for hours of virtual time, with faults and changes all along, and measures every few minutes what store and process hold. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { seed, store, nodes = 4, changes = 4, warmUpMinutes = 65, minutes = 60, everyMinutes = 5, committed } = options;
  const cluster = new SimulatedCluster({
    seed, nodes, engine: store, // Only what is shipped forgets history here.
    rates: { ...DEFAULT_RATES, compactions: 0, changes: (changes * 10) / nodes }, size: sizeFor(seed, nodes, SOAK_PODS), keepsHistory: false, ...(committed && { committed }),
  });
  const user = new SoakUser(cluster, chanceOf(seed, 'workload'));
  const chaos = new Chaos(cluster, user, chanceOf(seed, 'chaos'));
  const samples: SoakSample[] = [];
  try {
    await cluster.boot();
    user.begin();
    while (cluster.clock.monotonic() < (warmUpMinutes + minutes) * MINUTE_MS) {
      await chaos.run(everyMinutes * MINUTE_MS);
      const events = [...cluster.oracle.under('/registry/core/events/')].length;
      const minute = cluster.clock.monotonic() / MINUTE_MS;
      samples.push({ minute: Math.round(minute * 10) / 10, events, ...(await measureStore(store.store)), heapBytes: liveBytes(), files: store.files() });
    }
    await cluster.shutDown();
  } catch (error) {
    cluster.violated(`the soak broke off: ${errorMessage(error)}`);
  }
  return { seed, samples, commits: Object.fromEntries(cluster.commits), problems: [...cluster.violations, ...planVerdict(samples, warmUpMinutes)] };
}

/** How far the second half of the measured time may lie above the first: what a cluster holds goes up and down with what its user wants. */
export const MARGIN = { share: 0.15, keys: 50, bytes: 262_144, heapBytes: 4 * 1_048_576 } as const;
/** History is compacted every five minutes to what was there five minutes before; one look more, since looks are not in step with that. */
const HISTORY_MINUTES = 10;

/** What grew from the first to the second half of the time after the warm-up, beyond {@link MARGIN}, and history beyond what compaction leaves. Pure. */
export function planVerdict(samples: readonly SoakSample[], warmUpMinutes: number): string[] {
  const measured = samples.filter(({ minute }) => minute > warmUpMinutes);
  const half = Math.floor(measured.length / 2);
  if (half === 0) return ['nothing was measured after the warm-up'];
  const grew = (what: string, slack: number, of: (sample: SoakSample) => number): string[] => {
    const [early, late] = [measured.slice(0, half), measured.slice(-half)].map((part) => Math.max(...part.map(of))) as [number, number];
    return late <= early * (1 + MARGIN.share) + slack ? [] : [`${what} grew from ${early} to ${late}`];
  };
  const files = Object.keys(measured[0]?.files ?? {});
  const history = samples.flatMap((sample) => {
    const before = samples.findLast(({ minute }) => minute < sample.minute - HISTORY_MINUTES);
    const made = sample.revision - (before?.revision ?? 0);
    return sample.historyHeld <= made ? [] : [`${sample.historyHeld} revisions of history are held at minute ${sample.minute}, of which ${made} are young`];
  });
  return [
    ...grew('the number of keys', MARGIN.keys, ({ keys }) => keys),
    ...grew('the size of keys and values', MARGIN.bytes, ({ encodedBytes }) => encodedBytes),
    ...grew('the heap', MARGIN.heapBytes, ({ heapBytes }) => heapBytes),
    ...files.flatMap((file) => grew(`the file ${file}`, MARGIN.bytes, ({ files: sizes }) => sizes[file] ?? 0)),
    ...history,
  ];
}

let collect: (() => void) | undefined;

/** Bytes in use on the heap once garbage is gone. */
export function liveBytes(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}
